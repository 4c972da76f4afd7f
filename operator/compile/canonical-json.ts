/**
 * One text for equal data, whatever order the keys were set in: keys sorted by code unit, no white space,
 * absent for undefined members (as JSON.stringify has it). Lists keep their order. Versions are hashes of
 * this text, so it may never depend on how a value came to be. Plain data only: `toJSON` is not asked.
 */
export function canonicalJson(value: unknown): string {
  return textOf(value) ?? 'null';
}

/** Written out, not JSON.stringify with a replacer: of compiling a configuration this was the larger part. */
function textOf(value: unknown): string | undefined {
  if (typeof value !== 'object' || value === null) return JSON.stringify(value);
  if (Array.isArray(value)) return listText(value);
  let text = '';
  for (const name of Object.keys(value).sort()) {
    const member = textOf((value as Record<string, unknown>)[name]);
    if (member !== undefined) text += `${text === '' ? '' : ','}${JSON.stringify(name)}:${member}`;
  }
  return `{${text}}`;
}

function listText(list: readonly unknown[]): string {
  let text = '';
  for (let index = 0; index < list.length; index++) {
    text += `${index === 0 ? '' : ','}${textOf(list[index]) ?? 'null'}`;
  }
  return `[${text}]`;
}

/** By code unit: unlike localeCompare the same on every machine. */
export function compareText(a: string, b: string): number {
  if (a === b) return 0;
  return a < b ? -1 : 1;
}
