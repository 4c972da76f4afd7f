import { RE2Set } from 're2js';

/**
 * Bytes that the automaton of one expression may take, so that no choice of values makes a sidecar grow. Above,
 * the rest of the value is matched without one: slower, as linear, and with nothing kept.
 */
const AUTOMATON_MAX_BYTES = 128 * 1024;

/** An expression in RE2 syntax, of the whole value. */
export class CompiledExpression {
  readonly #set = new RE2Set(RE2Set.ANCHOR_BOTH, 0, AUTOMATON_MAX_BYTES);

  /** Throws what re2js throws when the pattern is none. */
  constructor(pattern: string) {
    this.#set.add(pattern);
    this.#set.compile();
  }

  /** In time linear in the value's length. */
  matches(value: string): boolean {
    return this.#set.match(value).length > 0;
  }
}
