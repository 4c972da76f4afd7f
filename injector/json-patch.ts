/** RFC 6902, the operations used here. */
export type PatchOperation =
  | { readonly op: 'add' | 'replace'; readonly path: string; readonly value: unknown }
  | { readonly op: 'remove'; readonly path: string };

/** A JSON pointer, RFC 6901. */
export function pointer(...parts: readonly (string | number)[]): string {
  return parts.map((part) => `/${String(part).replaceAll('~', '~0').replaceAll('/', '~1')}`).join('');
}

/**
 * Whether `actual` says everything that `wanted` says. Objects may have more members, and lists of objects more
 * items: the API server adds defaults, other webhooks add mounts. Lists of plain values must be equal.
 */
export function includes(actual: unknown, wanted: unknown): boolean {
  if (Array.isArray(wanted)) return Array.isArray(actual) && includesList(actual, wanted);
  if (typeof wanted !== 'object' || wanted === null) return actual === wanted;
  if (typeof actual !== 'object' || actual === null || Array.isArray(actual)) return false;
  const members = actual as Readonly<Record<string, unknown>>;
  return Object.entries(wanted).every(([key, value]) => includes(members[key], value));
}

function includesList(actual: readonly unknown[], wanted: readonly unknown[]): boolean {
  if (wanted.every((item) => typeof item === 'object')) {
    return wanted.every((item) => actual.some((candidate) => includes(candidate, item)));
  }
  return actual.length === wanted.length && wanted.every((item, index) => item === actual[index]);
}
