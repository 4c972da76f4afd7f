import { loadRe2 } from '../optional/load.ts';
import type { CompiledExpression } from '../optional/re2.ts';

/**
 * Characters of a value that an expression is run on; longer ones match no expression. With the operator's
 * bound on the expressions of a destination all of them together take less than 10 ms.
 */
export const EXPRESSION_INPUT_MAX = 2048;

/** Regular expressions of one table, each pattern compiled once. The engine is loaded with the first of them. */
export class Expressions {
  readonly #byPattern = new Map<string, Expression>();

  get(pattern: string): Expression {
    let expression = this.#byPattern.get(pattern);
    if (expression === undefined) {
      expression = new Expression(pattern);
      this.#byPattern.set(pattern, expression);
    }
    return expression;
  }
}

/** RE2 syntax, of the whole value. */
export class Expression {
  readonly #compiled: CompiledExpression | undefined;

  constructor(pattern: string) {
    this.#compiled = compile(pattern);
  }

  matches(value: string): boolean {
    return (
      value.length <= EXPRESSION_INPUT_MAX && this.#compiled !== undefined && this.#compiled.matches(value)
    );
  }
}

/** The operator accepts no pattern that its engine, this very one, refuses: undefined matches nothing. */
function compile(pattern: string): CompiledExpression | undefined {
  const { CompiledExpression } = loadRe2();
  try {
    return new CompiledExpression(pattern);
  } catch {
    return undefined;
  }
}
