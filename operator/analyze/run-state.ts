import { join } from 'node:path';
import { WORKLOADS_FILE } from '../../api/analysis.ts';
import type { MeshPolicy, MeshPolicySpec } from '../../api/mesh-policy.ts';
import { API_VERSION } from '../../api/names.ts';
import type { WorkloadDocument } from '../../api/workload.ts';
import type { AcceptedRevision, Change, Policy } from '../mesh/model.ts';
import { readIfThere } from '../platforms/atomic-file.ts';
import type { Ledger } from '../sources/policy-ledger.ts';
import { type Keyed, keyOf } from '../sources/workload-document.ts';

/** What a `weft run` has noted in its state folder; the layout is that of platforms/files.ts. */

/** Of all policies it has, as of the last time it looked at the documents. */
export async function ledgerIn(state: string): Promise<Ledger> {
  return (await readJson<Ledger>(join(state, 'policies.json'))) ?? {};
}

/** The last accepted spec of each. */
export async function acceptedIn(state: string, policies: readonly Policy[]): Promise<Change[]> {
  const found = policies.map(async ({ key }): Promise<Change[]> => {
    const value = await readJson<AcceptedRevision>(join(state, 'accepted', `${key}.json`));
    return value === undefined ? [] : [{ kind: 'AcceptedRevision', key, value }];
  });
  return (await Promise.all(found)).flat();
}

/** Pure: policies it has whose documents cannot be read now. */
export function missingPolicies(ledger: Ledger, read: readonly MeshPolicy[]): MeshPolicy[] {
  const keys = new Set(read.map(keyOf));
  return Object.entries(ledger)
    .filter(([key]) => !keys.has(key))
    .map(([key, { spec }]) => {
      const [namespace = '', name = ''] = key.split('/');
      // Of a valid document once, or of one that the operator judges by its spec as it would here.
      return {
        ...{ apiVersion: API_VERSION, kind: 'MeshPolicy', metadata: { namespace, name } },
        spec: spec as MeshPolicySpec,
      };
    });
}

/** Workloads it was started with whose documents cannot be read now. */
export async function missingWorkloads(
  state: string,
  read: readonly WorkloadDocument[],
): Promise<WorkloadDocument[]> {
  const keys = new Set(read.map((document: Keyed) => keyOf(document)));
  const started = (await readJson<readonly WorkloadDocument[]>(join(state, WORKLOADS_FILE))) ?? [];
  return started.filter((document) => !keys.has(keyOf(document)));
}

/** Undefined: there is no such file. They are written at once, so what is there is whole. */
async function readJson<T>(file: string): Promise<T | undefined> {
  const text = await readIfThere(file);
  return text === undefined ? undefined : (JSON.parse(text) as T);
}
