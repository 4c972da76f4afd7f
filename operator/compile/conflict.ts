import { compareText } from './canonical-json.ts';

/** A policy says something of a field, and another that is not more specific overrules it; keys of policies. */
export interface Conflict {
  readonly loser: string;
  readonly winner: string;
  /** path in the policy */
  readonly field: string;
  /** the winner is mandatory, and what the loser says would weaken it; absent: it is older, or first by name */
  readonly mandatory?: true;
}

/** Among equally specific policies the older wins, then the name. */
export function byPrecedence(
  a: { readonly createdAt: string; readonly key: string },
  b: { readonly createdAt: string; readonly key: string },
): number {
  return compareText(a.createdAt, b.createdAt) || compareText(a.key, b.key);
}

export function distinct(conflicts: readonly Conflict[]): Conflict[] {
  if (conflicts.length === 0) return [];
  const byText = new Map(conflicts.map((conflict) => [Object.values(conflict).join(' '), conflict]));
  return [...byText.keys()].sort().map((text) => byText.get(text)!);
}
