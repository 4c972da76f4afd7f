import { COMPILED } from './compiled.ts';
import { DESTINATIONS } from './destinations.ts';
import type { Enforcer, FeatureTests } from './feature-tests.ts';
import { INBOUND } from './inbound.ts';
import { OUTSIDE } from './outside.ts';
import { RETRIES, ROUTES } from './routes.ts';

/** For every leaf of MeshPolicy a test that sees it at work: on the wire wherever there is something to see. */
export const FEATURE_TESTS: readonly FeatureTests[] = [
  ...COMPILED,
  ...INBOUND,
  ...ROUTES,
  ...RETRIES,
  ...DESTINATIONS,
  ...OUTSIDE,
];

/** One test that shows one leaf. */
export interface Shown {
  readonly by: Enforcer;
  readonly file: string;
  readonly title: string;
}

/** What shows each leaf of the schema, in the order of the list. */
export function shownLeaves(): ReadonlyMap<string, readonly Shown[]> {
  const pairs = FEATURE_TESTS.flatMap(({ by, file, tests }) =>
    Object.entries(tests).flatMap(([title, fields]) =>
      fields.flatMap(alternatives).map((leaf) => ({ leaf, shown: { by, file, title } })),
    ),
  );
  const byLeaf = Map.groupBy(pairs, ({ leaf }) => leaf);
  return new Map([...byLeaf].map(([leaf, found]) => [leaf, found.map(({ shown }) => shown)]));
}

/** `a.{b,c}.d` → `a.b.d`, `a.c.d`. Recursion is bounded by the number of braces. */
function alternatives(path: string): string[] {
  const [whole, before, choices, behind] = /^(.*?)\{([^}]*)\}(.*)$/.exec(path) ?? [];
  if (whole === undefined || choices === undefined) return [path];
  return choices.split(',').flatMap((choice) => alternatives(`${before}${choice}${behind}`));
}
