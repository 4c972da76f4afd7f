import type { MeshPolicy } from '../../api/mesh-policy.ts';
import type { WorkloadDocument } from '../../api/workload.ts';
import type { ReferenceGrant } from '../mesh/model.ts';
import type { FileContent, Problem } from './documents.ts';
import { outboundProblems } from './outbound.ts';
import { positionOf } from './position.ts';
import { type Keyed, keyOf, proxyIdOf } from './workload-document.ts';

export interface Documents {
  readonly policies: readonly MeshPolicy[];
  readonly workloads: readonly WorkloadDocument[];
  readonly grants: readonly ReferenceGrant[];
}

/** A DNS label: it stands in the certificate. */
const PROXY_ID_MAX_LENGTH = 63;

/** Pure: what all files say together. The first document of a name counts, in the order of the files. */
export function collect(files: readonly FileContent[]): Documents & { readonly problems: Problem[] } {
  const problems = files.flatMap((file) => file.problems);
  const policies = firstOfEach(
    'MeshPolicy',
    files.flatMap((file) => file.policies),
    problems,
  );
  const grants = firstOfEach(
    'ReferenceGrant',
    files.flatMap((file) => file.grants),
    problems,
  );
  const workloads = collectWorkloads(
    files.flatMap((file) => file.workloads),
    problems,
  );
  problems.push(...outboundProblems(workloads));
  return { policies, workloads, grants, problems };
}

function firstOfEach<T extends Keyed & object>(
  kind: string,
  documents: readonly T[],
  problems: Problem[],
): T[] {
  const byKey = new Map<string, T>();
  for (const document of documents) {
    const key = keyOf(document);
    const first = byKey.get(key);
    if (first === undefined) byKey.set(key, document);
    else problems.push(problemAt(document, isThereAlready(kind, key, first)));
  }
  return [...byKey.values()];
}

function collectWorkloads(documents: readonly WorkloadDocument[], problems: Problem[]): WorkloadDocument[] {
  const byKey = new Map<string, WorkloadDocument>();
  const keysByProxyId = new Map<string, string>();
  for (const workload of documents) {
    const key = keyOf(workload);
    const refusal = refusalOf(workload, byKey.get(key), keysByProxyId.get(proxyIdOf(workload)));
    if (refusal !== undefined) {
      problems.push(problemAt(workload, refusal));
      continue;
    }
    byKey.set(key, workload);
    keysByProxyId.set(proxyIdOf(workload), key);
  }
  return [...byKey.values()];
}

function refusalOf(
  workload: WorkloadDocument,
  first: WorkloadDocument | undefined,
  owner: string | undefined,
): string | undefined {
  const key = keyOf(workload);
  const proxyId = proxyIdOf(workload);
  if (first !== undefined) return isThereAlready('Workload', key, first);
  if (proxyId.length > PROXY_ID_MAX_LENGTH) {
    return `Workload ${key} is left out: namespace and name are too long together, make them at most ${PROXY_ID_MAX_LENGTH - 1} characters`;
  }
  if (owner === undefined) return undefined;
  return `Workload ${key} is left out: its proxy would be ${proxyId}, as that of ${owner} is: rename one of them`;
}

function isThereAlready(kind: string, key: string, first: object): string {
  const { file, line } = positionOf(first);
  return `${kind} ${key} is left out: it stands at ${file}:${line} already, remove one of them`;
}

function problemAt(document: object, message: string): Problem {
  const { file, line } = positionOf(document);
  return { file, line, message };
}
