import { normalizeEncoding } from '../http1/normal-form.ts';

/**
 * Path globs: `*` is one segment that is not empty (inside a segment: any run of characters but `/`), `**`
 * as a segment is any number of segments, none included, so `/a/**` also matches `/a`. Matching costs at
 * most pattern times path and never backtracks further. Throws on what is not a pattern.
 */
export function compilePathGlob(pattern: string): (path: string) => boolean {
  const glob = new PathGlob(pattern);
  return (path) => glob.matches(path);
}

/** A pattern in parts, so that an index can find it by its literal beginning. */
export class PathGlob {
  /** the segments before the first wildcard, each with its slash: the whole pattern when it has none */
  readonly literal: string;
  /** what the literal beginning says: `exact` and `prefix` say all, others leave `matches` to decide */
  readonly kind: 'exact' | 'prefix' | 'wildcard';
  readonly #segments: readonly Segment[];

  constructor(pattern: string) {
    if (!pattern.startsWith('/')) throw new Error(`path pattern must begin with '/': ${pattern}`);
    const texts = normalizeEncoding(pattern).slice(1).split('/');
    const wild = texts.findIndex((text) => text.includes('*'));
    const literals = wild === -1 ? texts : texts.slice(0, wild);
    this.literal = literals.map((text) => `/${text}`).join('');
    const isRest = wild === texts.length - 1 && texts[wild] === '**';
    if (wild === -1) this.kind = 'exact';
    else this.kind = isRest ? 'prefix' : 'wildcard';
    this.#segments = texts.map(compileSegment);
  }

  matches(path: string): boolean {
    if (this.kind === 'exact') return path === this.literal;
    return matchSegments(this.#segments, path);
  }
}

interface Segment {
  readonly isRest: boolean;
  readonly start: string;
  /** after the first `*`; undefined when there is none */
  readonly end: string | undefined;
  /** between two `*`, in this order */
  readonly inner: readonly string[];
  readonly minLength: number;
}

function compileSegment(pattern: string): Segment {
  const isRest = pattern === '**';
  const [start = '', ...inner] = pattern.split('*');
  const end = inner.pop();
  const minLength = pattern === '*' ? 1 : pattern.replaceAll('*', '').length;
  return { isRest, start, end, inner: inner.filter((text) => text !== ''), minLength };
}

function matchSegment(segment: Segment, path: string, from: number, to: number): boolean {
  const { start, end, inner, minLength } = segment;
  const length = to - from;
  if (length < minLength || !isAt(start, path, from)) return false;
  if (end === undefined) return length === start.length;
  if (!isAt(end, path, to - end.length)) return false;
  return inner.length === 0 || hasInOrder(path.slice(from + start.length, to - end.length), inner);
}

function isAt(text: string, path: string, at: number): boolean {
  for (let i = 0; i < text.length; i += 1) {
    if (path.charCodeAt(at + i) !== text.charCodeAt(i)) return false;
  }
  return true;
}

/**
 * The leftmost place of each text suffices. `indexOf` is what makes this quick on long segments, and why it
 * gets the part on its own: it would go on searching in the segments after it.
 */
function hasInOrder(part: string, texts: readonly string[]): boolean {
  let at = 0;
  for (const text of texts) {
    const found = part.indexOf(text, at);
    if (found === -1) return false;
    at = found + text.length;
  }
  return true;
}

/**
 * Greedy matching of segments with `**` for any number of them: on a mismatch only the last `**` is extended,
 * which suffices.
 */
function matchSegments(pattern: readonly Segment[], path: string): boolean {
  let p = 0;
  let at = path.length === 0 ? 0 : 1;
  let lastRest = -1;
  let resumeAt = 0;
  while (at <= path.length) {
    const expected = pattern[p];
    if (expected?.isRest) {
      lastRest = p;
      resumeAt = at;
      p += 1;
      // nothing is left to match: so does any number of segments
      if (p === pattern.length) return true;
      continue;
    }
    const end = endOfSegment(path, at);
    if (expected !== undefined && matchSegment(expected, path, at, end)) {
      p += 1;
      at = end + 1;
    } else if (lastRest !== -1) {
      p = lastRest + 1;
      resumeAt = endOfSegment(path, resumeAt) + 1;
      at = resumeAt;
    } else return false;
  }
  while (pattern[p]?.isRest) p += 1;
  return p === pattern.length;
}

function endOfSegment(path: string, at: number): number {
  const slash = path.indexOf('/', at);
  return slash === -1 ? path.length : slash;
}
