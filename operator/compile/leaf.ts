import { canonicalJson } from './canonical-json.ts';
import { byPrecedence, type Conflict } from './conflict.ts';
import type { EffectivePolicy } from './effective.ts';

/** Where a compiled value comes from. */
export interface Origin {
  /** key of the MeshPolicy */
  readonly policy: string;
  readonly generation: number;
  /** path in its spec, such as `spec.inbound.mtls.mode` */
  readonly field: string;
}

/** A policy that says something of one leaf. */
export interface Saying<T> {
  readonly policy: EffectivePolicy;
  /** higher wins */
  readonly specificity: number;
  readonly field: string;
  readonly value: T;
}

/** What was said and does not hold. */
export interface Lost {
  readonly origin: Origin;
  readonly value: unknown;
}

export interface Settled<T> {
  readonly value: T;
  readonly origin: Origin;
  /** who said something else and lost, the strongest first */
  readonly lost: readonly Lost[];
  /** of those, who is as specific as the winner */
  readonly conflicts: readonly Conflict[];
}

/** The most specific wins; of equally specific ones the older, then the name. Undefined: nobody says anything. */
export function settle<T>(sayings: readonly Saying<T>[]): Settled<T> | undefined {
  const winner = strongest(sayings);
  return winner && settledBy(winner, sayings);
}

/** The leaf as one of the sayings has it, whatever the others say. */
export function settledBy<T>(winner: Saying<T>, sayings: readonly Saying<T>[]): Settled<T> {
  const overruled = overruledBy(winner, sayings);
  return {
    value: winner.value,
    origin: originOf(winner),
    lost: overruled.map(lostBy),
    conflicts: overruled
      .filter(({ specificity }) => specificity === winner.specificity)
      .map((loser) => conflictOf(loser, winner)),
  };
}

/** Those who say something else, the strongest first. */
export function overruledBy<T>(winner: Saying<T>, sayings: readonly Saying<T>[]): Saying<T>[] {
  // Nearly always there is one, and it is asked of every leaf of every proxy.
  if (sayings.length === 1) return [];
  const others = sayings.filter((each) => each !== winner && !isSame(each.value, winner.value));
  return others.sort(strongestFirst);
}

export function originOf({ policy, field }: Pick<Saying<unknown>, 'policy' | 'field'>): Origin {
  return { policy: policy.key, generation: policy.generation, field };
}
export function lostBy(saying: Saying<unknown>): Lost {
  return { origin: originOf(saying), value: saying.value };
}
export function conflictOf(loser: Saying<unknown>, winner: Saying<unknown>): Conflict {
  return { loser: loser.policy.key, winner: winner.policy.key, field: loser.field };
}

export function strongestFirst(a: Saying<unknown>, b: Saying<unknown>): number {
  return b.specificity - a.specificity || byPrecedence(a.policy, b.policy);
}
export function strongest<T>(sayings: readonly Saying<T>[]): Saying<T> | undefined {
  let winner = sayings[0];
  for (const each of sayings) {
    if (strongestFirst(each, winner!) < 0) winner = each;
  }
  return winner;
}

export function isSame(a: unknown, b: unknown): boolean {
  return a === b || (typeof a === 'object' && canonicalJson(a) === canonicalJson(b));
}
