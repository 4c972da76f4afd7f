import type { Destination } from '../../api/destination.ts';
import type { RouteMatch } from '../../api/destination-traffic.ts';
import { EXPANDED_MAX, expandedSize } from '../../api/expression-size.ts';
import { EXPRESSION_MAX_STEPS, ROUTES_MAX_STEPS, stepsOf } from '../../api/expression-steps.ts';
import { loadRe2 } from '../optional/load.ts';

/**
 * Why a candidate is one the operator would not hand out: its expressions would take too long. Undefined: it may.
 * Compiles no more than as many of them as may be.
 */
export function expressionsProblem({ traffic }: Destination): string | undefined {
  let total = 0;
  for (const { name, match } of traffic?.routes ?? []) {
    for (const pattern of (match ?? []).flatMap(patternsOf)) {
      const steps = expandedSize(pattern) > EXPANDED_MAX ? Number.POSITIVE_INFINITY : stepsIn(pattern);
      total += steps;
      if (steps > EXPRESSION_MAX_STEPS) {
        return `route ${name}: a regular expression is larger than ${EXPRESSION_MAX_STEPS} steps`;
      }
      if (total > ROUTES_MAX_STEPS) {
        return `route ${name}: the regular expressions are more than ${ROUTES_MAX_STEPS} steps together`;
      }
    }
  }
  return undefined;
}

/** What is no expression matches nothing, at once. */
function stepsIn(pattern: string): number {
  const { CompiledExpression } = loadRe2();
  try {
    return stepsOf(new CompiledExpression(pattern).program);
  } catch {
    return 0;
  }
}

function patternsOf({ path, headers = [], queryParams = [] }: RouteMatch): string[] {
  return [path, ...headers, ...queryParams].flatMap((check) =>
    check?.type === 'RegularExpression' && check.value !== undefined ? [check.value] : [],
  );
}
