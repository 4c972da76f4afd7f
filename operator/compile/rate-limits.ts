import { durationMs } from '../../api/duration.ts';
import type { RateLimit as PolicyRateLimit } from '../../api/mesh-policy.ts';
import type { RateLimit } from '../../api/proxy-config.ts';
import type { Item } from './compiled-origin.ts';
import type { Conflict } from './conflict.ts';
import { type Lost, originOf } from './leaf.ts';
import { settleLists } from './mandatory.ts';
import { sayingsOf } from './sayings.ts';
import type { Hit } from './target.ts';

export interface MergedList<T> {
  readonly items: readonly Item<T>[];
  readonly lost: readonly Lost[];
  readonly conflicts: readonly Conflict[];
}

/** The list of the most specific policy, and the limits of mandatory policies beside it: all apply. */
export function mergeRateLimits(hits: readonly Hit[]): MergedList<RateLimit> {
  const said = sayingsOf(hits, 'spec.inbound.rateLimit', ({ inbound }) => inbound?.rateLimit);
  const { lists, lost, conflicts } = settleLists(said);
  const items = lists.flatMap((list) => {
    return list.value.map((each) => ({
      value: compileRateLimit(list.policy.key, each),
      origin: originOf({ policy: list.policy, field: `${list.field}[${each.name}]` }),
    }));
  });
  return { items, lost, conflicts };
}

/** Without a burst as many may come at once as in a period, as token buckets have it: an even pace is opted into. */
function compileRateLimit(policy: string, { name, requests, per, burst, key }: PolicyRateLimit): RateLimit {
  const { type, header } = key;
  return {
    ...{ policy, name, requests, perMs: durationMs(per), burst: burst ?? requests - 1 },
    key: { type, ...(header !== undefined && { header: header.toLowerCase() }) },
  };
}
