import type { TrailRecord } from '../../api/trail-record.ts';
import { withoutCopies } from './copies.ts';
import type { Located } from './located.ts';
import { hasLeft } from './trail-text.ts';

export interface Asked {
  readonly allNamespaces?: boolean | undefined;
  /** only these */
  readonly pods?: readonly string[] | undefined;
}

/** Pure: where else to ask, when only one side of a request is known and there is another. */
export function hint(located: readonly Located[], { allNamespaces, pods }: Asked): string[] {
  const records = withoutCopies(located).map(({ record }) => record);
  const directions = new Set(records.map(({ direction }) => direction));
  if (directions.size === 2 || allNamespaces || !records.some(hasOtherSide)) return [];
  const missing = directions.has('inbound') ? "the caller's" : 'the called';
  const how = pods === undefined ? '-A asks those of all namespaces too' : 'leave out --pods to ask more';
  return [`(nothing is known of it at ${missing} side, among the sidecars that were asked; ${how})`];
}

/** What never left, and what left the mesh, nobody else has seen. */
function hasOtherSide(record: TrailRecord): boolean {
  return record.direction === 'inbound' || (hasLeft(record) && record.verdict === '');
}
