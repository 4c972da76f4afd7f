import { RE2JSException, RE2Set } from 're2js';
import { EXPANDED_MAX, expandedSize } from '../../api/expression-size.ts';
import { EXPRESSION_MAX_STEPS, ROUTES_MAX_STEPS, stepsOf } from '../../api/expression-steps.ts';
import type { MeshPolicySpec } from '../../api/mesh-policy.ts';

interface PlacedExpression {
  /** such as `spec.traffic.routes[web].match[0].path` */
  readonly place: string;
  readonly pattern: string;
}

/** Pure. What is wrong with the first unusable expression of the policy; undefined: nothing. */
export function expressionProblem(spec: MeshPolicySpec): string | undefined {
  let total = 0;
  for (const { place, pattern } of expressionsOf(spec)) {
    const size = measure(pattern);
    if (typeof size === 'string') return `${place}: ${size}`;
    total += size;
    if (total > ROUTES_MAX_STEPS) {
      return `${place}: the regular expressions of the policy are more than ${ROUTES_MAX_STEPS} steps together: use fewer, or Exact and PathPrefix where they suffice`;
    }
  }
  return undefined;
}

const TOO_LARGE = `the regular expression is larger than ${EXPRESSION_MAX_STEPS} steps, repetitions written out: shorten it, or make several matches of it`;

/** @returns steps, or what is wrong with the pattern and what to write instead */
function measure(pattern: string): number | string {
  if (expandedSize(pattern) > EXPANDED_MAX) return TOO_LARGE;
  try {
    const steps = stepsOf(compile(pattern));
    return steps > EXPRESSION_MAX_STEPS ? TOO_LARGE : steps;
  } catch (error) {
    if (!(error instanceof RE2JSException)) throw error;
    return `not a regular expression in RE2 syntax (${error.message})${hintFor(pattern)}`;
  }
}

/** The program that sidecars will run. */
function compile(pattern: string) {
  const set = new RE2Set(RE2Set.ANCHOR_BOTH);
  set.add(pattern);
  set.compile();
  return set.prog;
}

const HINTS: readonly (readonly [RegExp, string])[] = [
  [/\(\?(?:<?[=!])/, ': RE2 has no lookahead and no lookbehind, so make it two matches or two routes'],
  [/\\[1-9]/, ': RE2 has no backreferences, so write out what may stand there'],
  [/[*+?}][*+?]*\+|\(\?>/, ': RE2 has no possessive quantifiers and needs none, so leave the second + out'],
];
const ANY_HINT = ': put a backslash before characters that are meant as they are, such as \\. or \\(';

function hintFor(pattern: string): string {
  return HINTS.find(([sign]) => sign.test(pattern))?.[1] ?? ANY_HINT;
}

function* expressionsOf(spec: MeshPolicySpec): Generator<PlacedExpression> {
  for (const route of spec.traffic?.routes ?? []) {
    for (const [index, { path, headers, queryParams }] of (route.match ?? []).entries()) {
      const place = `spec.traffic.routes[${route.name}].match[${index}]`;
      if (path?.type === 'RegularExpression') yield { place: `${place}.path`, pattern: path.value };
      yield* namedExpressions(`${place}.headers`, headers);
      yield* namedExpressions(`${place}.queryParams`, queryParams);
    }
  }
}

interface NamedMatch {
  readonly name: string;
  readonly value: string;
  readonly type?: 'Exact' | 'RegularExpression';
}

function* namedExpressions(place: string, matches: readonly NamedMatch[] = []): Generator<PlacedExpression> {
  for (const { name, type, value } of matches) {
    if (type === 'RegularExpression') yield { place: `${place}[${name}]`, pattern: value };
  }
}
