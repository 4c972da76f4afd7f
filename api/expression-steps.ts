/**
 * How long regular expressions may take, in steps: what one of them does with one character of a value is at most so
 * many. Together with the bound of a value's length in sidecars, all expressions of one destination on the values that
 * are worst for them take less than 10 ms of CPU.
 */
export const EXPRESSION_MAX_STEPS = 192;
/** Of all routes of one policy, and so of one destination: lists of routes are replaced whole. */
export const ROUTES_MAX_STEPS = 256;

/** A compiled expression, as re2js has it. */
export interface ExpressionProgram {
  numInst(): number;
  getInst(at: number): object;
}

/** One an instruction, up to three where a class has many ranges. */
export function stepsOf(program: ExpressionProgram): number {
  let steps = 0;
  for (let at = 0; at < program.numInst(); at += 1) {
    const { runes } = program.getInst(at) as { readonly runes?: ArrayLike<number> | null };
    steps += Math.min(Math.max(1, (runes?.length ?? 0) / BOUNDS_A_STEP), STEPS_MAX);
  }
  return Math.ceil(steps);
}

/** Measured: a class takes so much longer, the more ends its ranges have, until they are searched by halving. */
const BOUNDS_A_STEP = 4;
const STEPS_MAX = 3;
