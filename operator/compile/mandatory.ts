import {
  conflictOf,
  isSame,
  lostBy,
  originOf,
  overruledBy,
  type Saying,
  type Settled,
  settle,
  settledBy,
  strongest,
  strongestFirst,
} from './leaf.ts';

/**
 * Policies with `enforcement: Mandatory`: what they say merges like what others say, but nothing weakens it. How
 * that is kept depends on the leaf; each function here is one way.
 */

export function isMandatory({ policy }: Saying<unknown>): boolean {
  return policy.spec.enforcement === 'Mandatory';
}

/** For values of which one is weaker than the other: the merged value, unless a mandatory one is stricter. */
export function settleAtLeast<T>(
  sayings: readonly Saying<T>[],
  isWeaker: (value: T, than: T) => boolean,
): Settled<T> | undefined {
  const settled = settle(sayings);
  const floor = strictest(sayings.filter(isMandatory), isWeaker);
  if (settled === undefined || floor === undefined || !isWeaker(settled.value, floor.value)) return settled;
  return heldBy(floor, sayings, ({ value }) => isWeaker(value, floor.value));
}

/** For values of which none is stricter than another: what a mandatory policy says stays as it is. */
export function settleFixed<T>(sayings: readonly Saying<T>[]): Settled<T> | undefined {
  const fixed = strongest(sayings.filter(isMandatory));
  if (fixed === undefined) return settle(sayings);
  return heldBy(fixed, sayings, ({ value }) => !isSame(value, fixed.value));
}

/** Lists that hold together; the strongest first. */
export interface HeldLists<T> extends Pick<Settled<T>, 'lost' | 'conflicts'> {
  readonly lists: readonly Saying<T>[];
}

/** For lists whose items only add: the list that wins, and beside it those of mandatory policies. */
export function settleLists<T>(sayings: readonly Saying<T>[]): HeldLists<T> {
  const winner = strongest(sayings);
  if (winner === undefined) return NO_LISTS;
  const lists = sayings.filter((each) => each === winner || isMandatory(each)).sort(strongestFirst);
  const overruled = overruledBy(winner, sayings).filter((each) => !isMandatory(each));
  return {
    lists,
    lost: overruled.map(lostBy),
    conflicts: overruled
      .filter(({ specificity }) => specificity === winner.specificity)
      .map((loser) => conflictOf(loser, winner)),
  };
}
const NO_LISTS: HeldLists<never> = { lists: [], lost: [], conflicts: [] };

function strictest<T>(
  mandatory: Saying<T>[],
  isWeaker: (value: T, than: T) => boolean,
): Saying<T> | undefined {
  const [first, ...others] = mandatory.sort(strongestFirst);
  return first && others.reduce((held, each) => (isWeaker(held.value, each.value) ? each : held), first);
}

/** Who would weaken it is told so, if nothing but the mandate is against it. */
function heldBy<T>(
  floor: Saying<T>,
  sayings: readonly Saying<T>[],
  wouldWeaken: (saying: Saying<T>) => boolean,
): Settled<T> {
  const { lost, conflicts } = settledBy(floor, sayings);
  const refused = overruledBy(floor, sayings).filter(
    (each) => strongestFirst(each, floor) < 0 && wouldWeaken(each),
  );
  const losers = new Set(refused.map(({ policy }) => policy.key));
  return {
    value: floor.value,
    origin: originOf(floor),
    lost,
    conflicts: [
      ...conflicts.filter(({ loser }) => !losers.has(loser)),
      ...refused.map((loser) => ({ ...conflictOf(loser, floor), mandatory: true as const })),
    ],
  };
}
