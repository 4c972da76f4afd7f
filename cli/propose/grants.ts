import { PATTERNS } from '../../api/policy/scalars.ts';
import { couldMatch, exactPattern, generalPattern } from './path-pattern.ts';
import { keyOf, type Seen } from './seen.ts';

/** One method on one path, or on those like it, that a caller is to be allowed. */
export interface Grant {
  readonly method: string;
  /** empty: whatever the path */
  readonly patterns: readonly string[];
  readonly seen: readonly Seen[];
}

/** Requests that were allowed, and that no rule is proposed for. */
export interface Gap {
  readonly reason: 'method' | 'cut' | 'ambiguous' | 'unwritable' | 'denied' | 'tooMany';
  readonly seen: Seen;
}

export interface Granted {
  readonly grants: readonly Grant[];
  readonly gaps: readonly Gap[];
  /** requests that were denied, and allowed ever since */
  readonly deniedBefore: number;
}

/** Of one caller; what comes after them is not covered. */
const MAX_PATTERNS = 64;

const METHOD = new RegExp(PATTERNS.method);
/** Of a longer one only the beginning is kept. */
const METHOD_CHARS = 32;

/**
 * What one caller is to be allowed. Nothing is granted that was denied, unless the same request was allowed ever
 * since, by a rule that asks for nothing but what is kept.
 * @param denied to this caller
 * @param deniedToOthers that a rule for this one is about too
 * @param isConditional of a rule: it asks for what is not kept, so the same request may be allowed and denied
 */
export function grantsOf(
  allowed: readonly Seen[],
  denied: readonly Seen[],
  deniedToOthers: readonly Seen[],
  isConditional: (rule: string) => boolean,
): Granted {
  const byKey = new Map(allowed.map((seen) => [keyOf(seen), seen]));
  const sinceAllowed = (denial: Seen) => {
    const seen = byKey.get(keyOf(denial));
    const isSince = seen !== undefined && !seen.isCut && denial.lastMs < seen.firstMs;
    return isSince && ![...seen.rules].some(isConditional) ? seen : undefined;
  };
  const standing = [...denied.filter((denial) => sinceAllowed(denial) === undefined), ...deniedToOthers];
  const wanted = byFrequency(wantedBy(allowed).flatMap((each) => narrowed(each, standing)));
  const { grants, gaps } = bounded(wanted);
  const granted = new Set(grants.flatMap(({ seen }) => seen));
  const over = denied.filter((denial) => granted.has(sinceAllowed(denial)!));
  return { grants, gaps, deniedBefore: sumOf(over) };
}

export function sumOf(seen: readonly { readonly requests: number }[]): number {
  return seen.reduce((sum, { requests }) => sum + requests, 0);
}

type Wanted = Grant | Gap;

/** Those alike taken together, with data as wildcards. */
function wantedBy(allowed: readonly Seen[]): Wanted[] {
  const alike = new Map<string, { method: string; patterns: readonly string[]; seen: Seen[] }>();
  const gaps: Gap[] = [];
  for (const seen of allowed) {
    const patterns = patternsFor(seen, generalPattern);
    if (typeof patterns === 'string') gaps.push({ reason: patterns, seen });
    else {
      const key = JSON.stringify([seen.method, patterns]);
      const known = alike.get(key);
      if (known === undefined) alike.set(key, { method: seen.method, patterns, seen: [seen] });
      else known.seen.push(seen);
    }
  }
  return [...gaps, ...alike.values()];
}

function patternsFor(
  { method, path, isCut }: Seen,
  patternsOf: typeof generalPattern,
): readonly string[] | Gap['reason'] {
  if (!METHOD.test(method) || method.length >= METHOD_CHARS) return 'method';
  if (path === undefined) return [];
  return isCut ? 'cut' : patternsOf(path);
}

/** Where a wildcard would allow what was denied, the paths are written out. */
function narrowed(wanted: Wanted, denied: readonly Seen[]): Wanted[] {
  if (isGap(wanted) || !isDenied(wanted, denied)) return [wanted];
  return wanted.seen.map((seen) => {
    const patterns = patternsFor(seen, exactPattern);
    if (typeof patterns === 'string') return { reason: 'denied', seen };
    const exact = { method: seen.method, patterns, seen: [seen] };
    return isDenied(exact, denied) ? { reason: 'denied', seen } : exact;
  });
}

function isDenied({ method, patterns }: Grant, denied: readonly Seen[]): boolean {
  return denied.some((denial) => {
    if (denial.method !== method && denial.method.length < METHOD_CHARS) return false;
    if (patterns.length === 0) return true;
    const { path } = denial;
    return path !== undefined && patterns.some((pattern) => couldMatch(pattern, path, denial.isCut));
  });
}

function byFrequency(wanted: readonly Wanted[]): Wanted[] {
  const requestsOf = (each: Wanted) => (isGap(each) ? each.seen.requests : sumOf(each.seen));
  return [...wanted].sort((a, b) => requestsOf(b) - requestsOf(a));
}

function bounded(wanted: readonly Wanted[]): Pick<Granted, 'grants' | 'gaps'> {
  const grants: Grant[] = [];
  const gaps: Gap[] = [];
  let patterns = 0;
  for (const each of wanted) {
    if (isGap(each)) gaps.push(each);
    else if (patterns + each.patterns.length > MAX_PATTERNS) {
      gaps.push(...each.seen.map((seen) => ({ reason: 'tooMany' as const, seen })));
    } else {
      patterns += Math.max(1, each.patterns.length);
      grants.push(each);
    }
  }
  return { grants, gaps };
}

function isGap(wanted: Wanted): wanted is Gap {
  return 'reason' in wanted;
}
