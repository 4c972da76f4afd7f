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

/** RFC 6902 for the operations used here; throws where an API server would refuse the patch. */
export function applyPatch<T>(document: T, operations: readonly PatchOperation[]): T {
  const result = structuredClone(document);
  for (const operation of operations) applyOperation(result, operation);
  return result;
}

type Members = Record<string, unknown>;

function applyOperation(document: unknown, operation: PatchOperation): void {
  const parts = operation.path
    .split('/')
    .slice(1)
    .map((part) => part.replaceAll('~1', '/').replaceAll('~0', '~'));
  const key = parts.pop();
  const parent = parts.reduce<unknown>((at, part) => (at as Members | undefined)?.[part], document);
  if (key === undefined || typeof parent !== 'object' || parent === null) {
    throw new Error(`nothing at the parent of ${operation.path}`);
  }
  if (Array.isArray(parent)) applyToList(parent, key, operation);
  else applyToObject(parent as Members, key, operation);
}

function applyToList(list: unknown[], key: string, operation: PatchOperation): void {
  const index = key === '-' ? list.length : Number(key);
  const last = operation.op === 'add' ? list.length : list.length - 1;
  if (!Number.isInteger(index) || index < 0 || index > last) throw new Error(`no place ${operation.path}`);
  if (operation.op === 'add') list.splice(index, 0, structuredClone(operation.value));
  else if (operation.op === 'replace') list[index] = structuredClone(operation.value);
  else list.splice(index, 1);
}

function applyToObject(object: Members, key: string, operation: PatchOperation): void {
  if (operation.op !== 'add' && !Object.hasOwn(object, key)) throw new Error(`nothing at ${operation.path}`);
  if (operation.op === 'remove') delete object[key];
  else object[key] = structuredClone(operation.value);
}
