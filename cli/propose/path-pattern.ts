import { pathTemplate } from '../../api/path-template.ts';
import { PATTERNS } from '../../api/policy/scalars.ts';

/**
 * Why no rule can allow a path: rules that look at paths have it refused, or it cannot be written as a pattern that
 * means no other.
 */
export type Unwritable = 'ambiguous' | 'unwritable';

/**
 * Paths that are answered with 400 where any rule looks at paths, since servers read them in different ways: the
 * sidecar's normal form has the same expression.
 */
const AMBIGUOUS = /%2F|%5C|%00|\\|(?:^|\/)\.{1,2}(?:;|%3B)/;
/** A sidecar keeps no others; whoever rules a pod may answer for its sidecar. */
const VISIBLE = '(?=^[\\x21-\\x7e]*$)';
const VALID = new RegExp(VISIBLE + PATTERNS.path);
const VALID_WORDS = new RegExp(`${VISIBLE}(?=^[^*]*$)${PATTERNS.path}`);

/**
 * The patterns for a path in normal form and those like it: what looks like data is `*`. More than one where servers
 * read the path in two ways: an Allow rule must mean both.
 */
export function generalPattern(path: string): readonly string[] | Unwritable {
  return written(path, templatePattern, VALID);
}

/** The same for this path and no other. */
export function exactPattern(path: string): readonly string[] | Unwritable {
  return written(path, (text) => text, VALID_WORDS);
}

/** It begins with no word that a reviewer could know: `/*`, `/**`. */
export function isWide(pattern: string): boolean {
  return pattern !== '/' && pattern.split('/').every((segment) => /^\**$/.test(segment));
}

/**
 * Whether a pattern made here takes a path. Of a path that was cut only the beginning is known, and any end of it
 * counts. Such patterns hold words, `*` for one segment and `**` at their end.
 */
export function couldMatch(pattern: string, path: string, isCut: boolean): boolean {
  const wanted = pattern.slice(1).split('/');
  const given = path.slice(1).split('/');
  for (const [place, segment] of given.entries()) {
    const want = wanted[place];
    if (want === '**') return true;
    if (want === undefined) return false;
    const isEnd = isCut && place === given.length - 1;
    if (isEnd) return want === '*' || want.startsWith(segment);
    if (want === '*' ? segment === '' : want !== segment) return false;
  }
  return wanted.length === given.length || (wanted.length === given.length + 1 && wanted.at(-1) === '**');
}

function written(
  path: string,
  patternOf: (path: string) => string,
  valid: RegExp,
): readonly string[] | Unwritable {
  if (AMBIGUOUS.test(path)) return 'ambiguous';
  if (!VALID.test(path)) return 'unwritable';
  const whole = patternOf(path);
  const plain = withoutParameters(path);
  const patterns = couldMatch(whole, plain, false) ? [whole] : [whole, patternOf(plain)];
  if (!patterns.every((pattern) => valid.test(pattern))) return 'unwritable';
  return patterns;
}

/**
 * A `*` that a client sent is data too: in a pattern it would stand for more. It cannot be written so that it
 * stands for itself.
 */
function templatePattern(path: string): string {
  return pathTemplate(path)
    .split('/')
    .map((segment) => {
      if (segment === '{rest}') return '**';
      return segment === '{id}' || segment.includes('*') ? '*' : segment;
    })
    .join('/');
}

/** As servlet containers read it (path parameters, RFC 3986 section 3.3). */
function withoutParameters(path: string): string {
  return path.replace(/;[^/]*/g, '').replace(/\/{2,}/g, '/');
}
