import { pathTemplate } from '../../api/path-template.ts';
import type { ReplayChange } from '../../api/replay.ts';
import type { TrailRecord } from '../../api/trail-record.ts';
import type { Difference } from './judgement.ts';

/** Different changes that one answer lists. */
const MAX_CHANGES = 256;

/** Counts requests that are alike and change alike. */
export class Tally {
  readonly #counts = new Map<string, { change: ReplayChange; count: number }>();
  notListed = 0;

  add(record: TrailRecord, { kind, from, to }: Difference): void {
    const { direction, caller, at, method } = record;
    const path = record.path === undefined ? '' : pathTemplate(record.path);
    const key = JSON.stringify([kind, direction, caller, at, method, path, from, to]);
    const known = this.#counts.get(key);
    if (known !== undefined) known.count += 1;
    else if (this.#counts.size >= MAX_CHANGES) this.notListed += 1;
    else
      this.#counts.set(key, {
        change: { kind, direction, caller, at, method, path, from, to, count: 0 },
        count: 1,
      });
  }

  /** The most frequent first. */
  changes(): ReplayChange[] {
    return [...this.#counts.values()]
      .sort((a, b) => b.count - a.count)
      .map(({ change, count }) => ({ ...change, count }));
  }
}
