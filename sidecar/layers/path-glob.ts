import { normalizeEncoding } from '../http1/normal-form.ts';

/**
 * Path globs: `*` is one segment that is not empty (inside a segment: any run of characters but `/`), `**`
 * as a segment is any number of segments, none included, so `/a/**` also matches `/a`. Matching costs at
 * most pattern times path and never backtracks further. Throws on what is not a pattern.
 */
export function compilePathGlob(pattern: string): (path: string) => boolean {
  if (!pattern.startsWith('/')) throw new Error(`path pattern must begin with '/': ${pattern}`);
  const normal = normalizeEncoding(pattern);
  if (!normal.includes('*')) return (path) => path === normal;
  const segments = normal.slice(1).split('/').map(compileSegment);
  return (path) => matchWildcards(segments, path.slice(1).split('/'), matchSegment, 'rest');
}

type Segment = 'rest' | ((segment: string) => boolean);

function matchSegment(pattern: Segment, segment: string): boolean {
  return pattern !== 'rest' && pattern(segment);
}

function compileSegment(pattern: string): Segment {
  if (pattern === '**') return 'rest';
  if (pattern === '*') return (segment) => segment !== '';
  if (!pattern.includes('*')) return (segment) => segment === pattern;
  const characters = [...pattern];
  return (segment) => matchWildcards(characters, [...segment], (a, b) => a === b, '*');
}

/**
 * Greedy matching of a sequence with wildcards for any number of items: on a mismatch only the last wildcard
 * is extended, which suffices.
 */
function matchWildcards<P, T>(
  pattern: readonly P[],
  items: readonly T[],
  matches: (pattern: P, item: T) => boolean,
  wildcard: P,
): boolean {
  let p = 0;
  let i = 0;
  let lastWildcard = -1;
  let resumeAt = 0;
  while (i < items.length) {
    if (p < pattern.length && pattern[p] === wildcard) {
      lastWildcard = p;
      resumeAt = i;
      p += 1;
    } else if (p < pattern.length && matches(pattern[p]!, items[i]!)) {
      p += 1;
      i += 1;
    } else if (lastWildcard !== -1) {
      p = lastWildcard + 1;
      resumeAt += 1;
      i = resumeAt;
    } else return false;
  }
  while (p < pattern.length && pattern[p] === wildcard) p += 1;
  return p === pattern.length;
}
