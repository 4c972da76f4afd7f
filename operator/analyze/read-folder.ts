import { stat } from 'node:fs/promises';
import type { MeshSource } from '../../api/analysis.ts';
import { systemClock } from '../clock.ts';
import type { Workload } from '../mesh/model.ts';
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

const NOTHING = { policies: [], workloads: [], services: [], slices: [], grants: [] };

/**
 * The folder of `weft run`, looked at once. Nothing is kept of earlier times, so every policy has its first
 * generation and all are of one age: of two that are equally specific the first by name wins.
 */
export async function readFolder(source: Extract<MeshSource, { type: 'Folder' }>): Promise<ReadMesh> {
  const { documents, problems } = await documentsOf(source.folder);
  const workloads = documents.workloads.map(toWorkload);
  const { policies } = new PolicyLedger({}, () => 0).record(documents.policies);
  return {
    settings: settingsOf(source),
    changes: changesBetween(NOTHING, {
      ...{ policies, workloads, grants: documents.grants },
      services: toServices(documents.workloads),
      slices: toEndpointSlices(documents.workloads),
    }),
    namespace: commonNamespace(workloads),
    injectedNamespaces: new Set(),
    uninjectable: new Set(),
    problems: problems.map(documentProblem),
    positions: new Map(documents.policies.map((policy) => [keyOf(policy), positionOf(policy)])),
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
