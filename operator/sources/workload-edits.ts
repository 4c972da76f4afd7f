import type { WorkloadDocument } from '../../api/workload.ts';
import { canonicalJson } from '../compile/canonical-json.ts';
import type { Problem } from './documents.ts';
import { positionOf } from './position.ts';
import { keyOf } from './workload-document.ts';

/** What is read once, when the sidecar or the app starts. */
const AT_START: Readonly<Record<string, (spec: WorkloadDocument['spec']) => unknown>> = {
  'spec.app': ({ app }) => app,
  'spec.address': ({ address }) => address,
  'spec.ports': ({ ports }) => ports?.map(({ port, appPort }) => [port, appPort]),
  'spec.outbound': ({ outbound }) => outbound,
  'spec.admin': ({ admin }) => admin,
};

/** Notices edits that wait for a restart: listeners are bound, and apps started, once. */
export class WorkloadEdits {
  /** key → what each field was when the workload was seen first, and when it was seen last */
  #seen = new Map<string, { readonly first: Fields; readonly last: Fields }>();

  /** @param workloads all there are now. Returns what differs from the start, told once for each change. */
  look(workloads: readonly WorkloadDocument[]): Problem[] {
    const before = this.#seen;
    this.#seen = new Map();
    return workloads.flatMap((workload) => {
      const key = keyOf(workload);
      const now = fieldsOf(workload);
      const { first, last } = before.get(key) ?? { first: now, last: now };
      this.#seen.set(key, { first, last: now });
      const changed = Object.keys(AT_START).filter(
        (field) => now[field] !== last[field] && now[field] !== first[field],
      );
      if (changed.length === 0) return [];
      const { file, line } = positionOf(workload);
      const message = `${changed.join(', ')} of Workload ${key} changed: restart to apply`;
      return [{ file, line, message }];
    });
  }
}

type Fields = Readonly<Record<string, string>>;

function fieldsOf({ spec }: WorkloadDocument): Fields {
  return Object.fromEntries(
    Object.entries(AT_START).map(([field, read]) => [field, canonicalJson(read(spec) ?? null)]),
  );
}
