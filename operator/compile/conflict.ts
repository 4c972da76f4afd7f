import { compareText } from './canonical-json.ts';

/** Two equally specific policies say different things of one field; keys of policies. */
export interface Conflict {
  readonly loser: string;
  readonly winner: string;
  /** path in the policy */
  readonly field: string;
}

/** Among equally specific policies the older wins, then the name. */
export function byPrecedence(
  a: { readonly createdAt: string; readonly key: string },
  b: { readonly createdAt: string; readonly key: string },
): number {
  return compareText(a.createdAt, b.createdAt) || compareText(a.key, b.key);
}

export function distinct(conflicts: readonly Conflict[]): Conflict[] {
  const byText = new Map(conflicts.map((conflict) => [Object.values(conflict).join(' '), conflict]));
  return [...byText.keys()].sort().map((text) => byText.get(text)!);
}
