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
  return (path) => matchSegments(segments, path.slice(1).split('/'));
}

type Segment = 'rest' | ((segment: string) => boolean);

function compileSegment(pattern: string): Segment {
  if (pattern === '**') return 'rest';
  if (pattern === '*') return (segment) => segment !== '';
  if (!pattern.includes('*')) return (segment) => segment === pattern;
  const texts = pattern.split('*');
  const start = texts.shift()!;
  const end = texts.pop()!;
  return (segment) => hasInOrder(segment, start, texts, end);
}

/** The leftmost place of each text suffices. `indexOf` is what makes this quick on long segments. */
function hasInOrder(segment: string, start: string, texts: readonly string[], end: string): boolean {
  const limit = segment.length - end.length;
  let at = start.length;
  if (at > limit || !segment.startsWith(start) || !segment.endsWith(end)) return false;
  for (const text of texts) {
    const found = segment.indexOf(text, at);
    if (found === -1) return false;
    at = found + text.length;
    if (at > limit) return false;
  }
  return true;
}

/**
 * Greedy matching of segments with `**` for any number of them: on a mismatch only the last `**` is extended,
 * which suffices.
 */
function matchSegments(pattern: readonly Segment[], items: readonly string[]): boolean {
  let p = 0;
  let i = 0;
  let lastRest = -1;
  let resumeAt = 0;
  while (i < items.length) {
    const expected = pattern[p];
    if (expected === 'rest') {
      lastRest = p;
      resumeAt = i;
      p += 1;
    } else if (expected?.(items[i]!)) {
      p += 1;
      i += 1;
    } else if (lastRest !== -1) {
      p = lastRest + 1;
      resumeAt += 1;
      i = resumeAt;
    } else return false;
  }
  while (pattern[p] === 'rest') p += 1;
  return p === pattern.length;
}
