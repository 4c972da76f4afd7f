import { stat } from 'node:fs/promises';
import type { MeshSource } from '../../api/analysis.ts';
import type { WorkloadDocument } from '../../api/workload.ts';
import { systemClock } from '../clock.ts';
import type { Change, Policy, Workload } from '../mesh/model.ts';
import { changesBetween } from '../platforms/changes.ts';
import type { Documents } from '../sources/collect.ts';
import type { Problem } from '../sources/documents.ts';
import { FilesSource } from '../sources/files.ts';
import { PolicyLedger } from '../sources/policy-ledger.ts';
import { positionOf } from '../sources/position.ts';
import { keyOf, toEndpointSlices, toServices, toWorkload } from '../sources/workload-document.ts';
import { AnalysisError } from './analysis-error.ts';
import { documentProblem } from './policy-documents.ts';
import { type ReadMesh, settingsOf } from './read-mesh.ts';
import { acceptedIn, ledgerIn, missingPolicies, missingWorkloads } from './run-state.ts';

const NOTHING = { policies: [], workloads: [], services: [], slices: [], grants: [] };

/**
 * The folder of `weft run`, looked at once. What a document said before it was not valid is known of a mesh that
 * runs; of one that does not nothing is kept of earlier times, so every policy has its first generation and all are
 * of one age: of two that are equally specific the first by name wins.
 */
export async function readFolder(source: Extract<MeshSource, { type: 'Folder' }>): Promise<ReadMesh> {
  const { documents, problems } = await documentsOf(source.folder);
  const { policies, workloads: running, accepted } = await asItRuns(source.state, documents, problems);
  const workloads = running.map(toWorkload);
  return {
    settings: settingsOf(source),
    changes: [
      ...changesBetween(NOTHING, {
        ...{ policies, workloads, grants: documents.grants },
        services: toServices(running),
        slices: toEndpointSlices(running),
      }),
      ...accepted,
    ],
    namespace: commonNamespace(workloads),
    injectedNamespaces: new Set(),
    uninjectable: new Set(),
    problems: problems.map(documentProblem),
    positions: new Map(documents.policies.map((policy) => [keyOf(policy), positionOf(policy)])),
  };
}

interface AsItRuns {
  readonly policies: readonly Policy[];
  readonly workloads: readonly WorkloadDocument[];
  readonly accepted: readonly Change[];
}

/** As the operator of the run has it, for which the last valid document stands where there is a wrong one now. */
async function asItRuns(
  state: string | undefined,
  { policies, workloads }: Documents,
  problems: readonly Problem[],
): Promise<AsItRuns> {
  if (state === undefined) {
    return { ...new PolicyLedger({}, () => 0).record(policies), workloads, accepted: [] };
  }
  const ledger = await ledgerIn(state);
  const isWhole = problems.every(({ isForeign }) => isForeign);
  const kept = isWhole ? [] : missingPolicies(ledger, policies);
  const recorded = new PolicyLedger(ledger, Date.now).record([...policies, ...kept]);
  return {
    policies: recorded.policies,
    workloads: isWhole ? workloads : [...workloads, ...(await missingWorkloads(state, workloads))],
    accepted: await acceptedIn(state, recorded.policies),
  };
}

async function documentsOf(folder: string): Promise<{ documents: Documents; problems: readonly Problem[] }> {
  const isFolder = await stat(folder).then(
    (found) => found.isDirectory(),
    () => false,
  );
  if (!isFolder) {
    const hint = 'name a folder with MeshPolicy and Workload documents, as weft run has it';
    throw new AnalysisError(`${folder} is not a folder that can be read`, { usage: true, hint });
  }
  let documents: Documents = { policies: [], workloads: [], grants: [] };
  let problems: readonly Problem[] = [];
  const files = new FilesSource({
    folder,
    clock: systemClock,
    onChange: async (found) => {
      documents = found;
    },
    onProblems: (found) => {
      problems = found;
    },
  });
  await files.start();
  await files.stop();
  return { documents, problems };
}

/** Most folders are about one. */
function commonNamespace(workloads: readonly Workload[]): string {
  const [first, ...others] = new Set(workloads.map(({ namespace }) => namespace));
  return first !== undefined && others.length === 0 ? first : 'default';
}
