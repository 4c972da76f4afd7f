import { RE2Set } from 're2js';
import type { ExpressionProgram } from '../../api/expression-steps.ts';

/**
 * Bytes that the automaton of one expression may take, so that no choice of values makes a sidecar grow. Above,
 * the value is matched without one: slower, as linear, and with nothing kept. An expression as people write them needs
 * up to 40 states, some 16 KiB; what needs thousands only pays for making them: measured, with 128 KiB it costs up to
 * 2 ms more for each value.
 */
const AUTOMATON_MAX_BYTES = 32 * 1024;

/** An expression in RE2 syntax, of the whole value. */
export class CompiledExpression {
  readonly #set = new RE2Set(RE2Set.ANCHOR_BOTH, 0, AUTOMATON_MAX_BYTES);

  /** Throws what re2js throws when the pattern is none. */
  constructor(pattern: string) {
    this.#set.add(pattern);
    this.#set.compile();
  }

  /** What is run when the automaton is too small; its size says how long that takes. */
  get program(): ExpressionProgram {
    return this.#set.prog;
  }

  /** In time linear in the value's length. */
  matches(value: string): boolean {
    return this.#set.match(value).length > 0;
  }
}
