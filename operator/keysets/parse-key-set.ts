import { canonicalJson } from '../compile/canonical-json.ts';
import { KEYS_MAX, problemOf, verifyingKeys } from '../compile/key-set.ts';
import { KeySetError } from './key-set-request.ts';

export interface ParsedKeySet {
  /** public parts of keys that verify signatures, in canonical order, each once */
  readonly keys: readonly object[];
  /** of those left out, in words that quote nothing of them */
  readonly ignored: readonly string[];
}

/**
 * A key set (RFC 7517, section 5) as a server answered it. A key that is of no use, or that is not public, is left
 * out; a set of which nothing is left, or that has too many, is none. Throws KeySetError.
 */
export function parseKeySet(text: string): ParsedKeySet {
  const listed = listOf(text);
  if (listed === undefined) throw new KeySetError('answers with something that is no JSON Web Key Set');
  if (listed.length > KEYS_MAX) throw new KeySetError(`has ${listed.length} keys, more than ${KEYS_MAX}`);
  const problems = listed.map(problemOf);
  const keys = canonicalKeys(listed.filter((_, index) => problems[index] === undefined) as object[]);
  const ignored = problems.flatMap((problem, index) =>
    problem === undefined ? [] : [`keys[${index}] ${problem}`],
  );
  if (keys.length === 0) {
    throw new KeySetError(`has no key that can be used${ignored[0] === undefined ? '' : `: ${ignored[0]}`}`);
  }
  return { keys, ignored };
}

/** The same bytes for the same keys, in whatever order they were listed. */
export function canonicalKeys(keys: readonly object[]): object[] {
  const byText = new Map(verifyingKeys(keys).map((key) => [canonicalJson(key), key]));
  return [...byText].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, key]) => key);
}

function listOf(text: string): unknown[] | undefined {
  try {
    const set: unknown = JSON.parse(text);
    const keys = typeof set === 'object' && set !== null ? (set as { keys?: unknown }).keys : undefined;
    return Array.isArray(keys) ? keys : undefined;
  } catch {
    return undefined;
  }
}
