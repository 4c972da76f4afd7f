/** Above this an expression is not even compiled; classes and quantifiers are counted otherwise there, so it is generous. */
export const EXPANDED_MAX = 512;

/**
 * How many characters an RE2 expression has once its counted repetitions are written out, at least: what its
 * program grows with, found in one pass and before anything is compiled, since `(x{30}){30}` is short and large.
 * What is no expression has some size too; the compiler says what is wrong with it.
 * Source of the syntax: https://github.com/google/re2/wiki/Syntax
 */
export function expandedSize(pattern: string): number {
  const open: number[] = [];
  /** of the group at hand, up to and with the last atom */
  let size = 0;
  let atom = 0;
  let at = 0;
  while (at < pattern.length) {
    const character = pattern[at]!;
    const repetition = character === '{' ? COUNTED.exec(pattern.slice(at, at + COUNTED_MAX_LENGTH)) : null;
    if (repetition !== null) {
      const times = Math.max(Number(repetition[1]), Number(repetition[2] || 0), 1);
      size += atom * (times - 1);
      atom *= times;
      at += repetition[0].length;
    } else if (character === '(') {
      open.push(size);
      size = 0;
      atom = 0;
      at += 1;
    } else if (character === ')') {
      atom = size + 1;
      size = (open.pop() ?? 0) + atom;
      at += 1;
    } else {
      const end = endOfAtom(pattern, at);
      // `\Q…\E` is as many atoms as it has characters, of which the last may be repeated
      const atoms = pattern.startsWith('\\Q', at) ? end - at : 1;
      atom = QUANTIFIERS.has(character) ? atom + 1 : 1;
      size += atoms;
      at = end;
    }
  }
  return open.reduce((sum, each) => sum + each, size);
}

const COUNTED = /^\{([0-9]+)(?:,([0-9]*))?\}/;
const COUNTED_MAX_LENGTH = 16;
/** part of the atom before them */
const QUANTIFIERS = new Set(['*', '+', '?']);

function endOfAtom(pattern: string, at: number): number {
  if (pattern[at] === '\\') return endOfEscape(pattern, at);
  return pattern[at] === '[' ? endOfClass(pattern, at) : at + 1;
}

function endOfEscape(pattern: string, at: number): number {
  const kind = pattern[at + 1];
  if (kind === 'Q') return endAfter(pattern, '\\E', at + 2);
  if ((kind === 'p' || kind === 'P' || kind === 'x') && pattern[at + 2] === '{') {
    return endAfter(pattern, '}', at + 3);
  }
  return at + 2;
}

function endAfter(pattern: string, end: string, from: number): number {
  const found = pattern.indexOf(end, from);
  return found === -1 ? pattern.length : found + end.length;
}

/** A `]` that stands first is a member, and so is what is escaped or named as `[:alpha:]`. */
function endOfClass(pattern: string, start: number): number {
  let at = start + 1;
  if (pattern[at] === '^') at += 1;
  if (pattern[at] === ']') at += 1;
  while (at < pattern.length && pattern[at] !== ']') {
    const named = pattern.startsWith('[:', at) ? pattern.indexOf(':]', at + 2) : -1;
    if (named !== -1) at = named + 2;
    else at = pattern[at] === '\\' ? endOfEscapeInClass(pattern, at) : at + 1;
  }
  return Math.min(at + 1, pattern.length);
}

function endOfEscapeInClass(pattern: string, at: number): number {
  return pattern[at + 1] === 'Q' ? at + 2 : endOfEscape(pattern, at);
}
