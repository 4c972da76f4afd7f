import type { Operation } from '../../api/mesh-policy.ts';
import type { Grant } from './grants.ts';

/** As MeshPolicy has them. */
const MAX_METHODS = 16;
const MAX_PATHS = 32;

/**
 * Pure: operations that allow exactly these methods on exactly these paths: paths with the same methods stand
 * together. In one order, whatever the order of the grants.
 */
export function operationsOf(grants: readonly Grant[]): Operation[] {
  const methodsOf = new Map<string, { patterns: readonly string[]; methods: Set<string> }>();
  for (const { method, patterns } of grants) {
    const key = JSON.stringify(patterns);
    const known = methodsOf.get(key);
    if (known === undefined) methodsOf.set(key, { patterns, methods: new Set([method]) });
    else known.methods.add(method);
  }
  const alike = Map.groupBy(
    methodsOf.values(),
    ({ methods, patterns }) => [...methods].sort().join(' ') + (patterns.length > 0 ? ' /' : ''),
  );
  return [...alike]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .flatMap(([, of]) => {
      const methods = inParts([...of[0]!.methods].sort(), MAX_METHODS);
      const paths = pathLists(of.map(({ patterns }) => patterns));
      return methods.flatMap((some) =>
        paths.map((list) => ({ methods: some, ...(list.length > 0 && { paths: list }) })),
      );
    });
}

/** Patterns that must be meant together stay together. */
function pathLists(units: readonly (readonly string[])[]): string[][] {
  const lists: Set<string>[] = [];
  for (const unit of [...units].sort((a, b) => (a.join(' ') < b.join(' ') ? -1 : 1))) {
    const last = lists.at(-1);
    if (last === undefined || last.size + unit.length > MAX_PATHS) lists.push(new Set(unit));
    else for (const pattern of unit) last.add(pattern);
  }
  return lists.map((list) => [...list]);
}

export function inParts<T>(items: readonly T[], size: number): T[][] {
  const count = Math.ceil(items.length / size);
  return Array.from({ length: count }, (_, place) => items.slice(place * size, (place + 1) * size));
}
