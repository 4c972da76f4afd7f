import { RE2JSException, RE2Set } from 're2js';
import type { MeshPolicySpec } from '../../api/mesh-policy.ts';
import { expandedSize } from './expression-size.ts';

/**
 * Steps of one expression and of all in one policy. What an expression does with one character of a value is at
 * most so many steps, and sidecars bound the value's length: the largest expression on the longest value takes
 * some 8 ms where it is worst.
 */
export const EXPRESSION_MAX_STEPS = 192;
export const POLICY_MAX_STEPS = 2048;
/** Before it is compiled; classes and quantifiers are counted otherwise there, so it is generous. */
const EXPANDED_MAX = 512;

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
    if (total > POLICY_MAX_STEPS) {
      return `${place}: the regular expressions of the policy are more than ${POLICY_MAX_STEPS} steps together: use fewer, or Exact and PathPrefix where they suffice`;
    }
  }
  return undefined;
}

const TOO_LARGE = `the regular expression is larger than ${EXPRESSION_MAX_STEPS} steps, repetitions written out: shorten it, or make several matches of it`;

/** @returns steps, or what is wrong with the pattern and what to write instead */
function measure(pattern: string): number | string {
  if (expandedSize(pattern) > EXPANDED_MAX) return TOO_LARGE;
  try {
    const steps = stepsOf(pattern);
    return steps > EXPRESSION_MAX_STEPS ? TOO_LARGE : steps;
  } catch (error) {
    if (!(error instanceof RE2JSException)) throw error;
    return `not a regular expression in RE2 syntax (${error.message})${hintFor(pattern)}`;
  }
}

/** Of the program a sidecar will run: one an instruction, up to three where a class has many ranges. */
function stepsOf(pattern: string): number {
  const set = new RE2Set(RE2Set.ANCHOR_BOTH);
  set.add(pattern);
  set.compile();
  const { prog } = set;
  let steps = 0;
  for (let at = 0; at < prog.numInst(); at += 1) {
    const { runes } = prog.getInst(at) as { readonly runes?: ArrayLike<number> | null };
    steps += Math.min(Math.max(1, (runes?.length ?? 0) / BOUNDS_A_STEP), STEPS_MAX);
  }
  return Math.ceil(steps);
}

/** Measured: a class takes so much longer, the more ends its ranges have, until they are searched by halving. */
const BOUNDS_A_STEP = 4;
const STEPS_MAX = 3;

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
