/** Not again. */
export const NEVER = -1;

const MAX_PAUSES = 3;
const LEAST_MS = 50;

/**
 * How long to wait before what no endpoint took a connection of is tried anew, in milliseconds, or NEVER: 50 to
 * 100, then 100 to 200, then 200 to 400. A destination that changes just now is known again by then, and callers do not
 * come back in step. `taken`: pauses made before; `leftMs`: until it has waited for long enough; `random` is in [0, 1).
 */
export function connectPauseMs(taken: number, leftMs: number, random: () => number): number {
  if (taken >= MAX_PAUSES || leftMs <= 0) return NEVER;
  return LEAST_MS * 2 ** taken * (1 + random());
}
