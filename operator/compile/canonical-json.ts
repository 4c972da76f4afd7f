/**
 * One text for equal data, whatever order the keys were set in: keys sorted by code unit, no white space,
 * absent for undefined members (as JSON.stringify has it). Lists keep their order. Versions are hashes of
 * this text, so it may never depend on how a value came to be.
 */
export function canonicalJson(value: unknown): string {
  return JSON.stringify(value, sortKeys) ?? 'null';
}

function sortKeys(_key: string, value: unknown): unknown {
  if (value === null || typeof value !== 'object' || Array.isArray(value)) return value;
  const members = Object.entries(value).sort(([a], [b]) => compareText(a, b));
  return Object.fromEntries(members);
}

/** By code unit: unlike localeCompare the same on every machine. */
export function compareText(a: string, b: string): number {
  if (a === b) return 0;
  return a < b ? -1 : 1;
}
