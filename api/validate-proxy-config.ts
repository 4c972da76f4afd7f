import type { Destination } from './destination.ts';
import { validate as validateDestinationShape } from './generated/destination.js';
import { validate as validateProxyConfigShape } from './generated/proxy-config.js';
import { problemsOf, type ValidationProblem } from './problems.ts';
import type { ProxyConfig } from './proxy-config.ts';

/**
 * The sidecar’s validators: schemas as data and what reads them, so that the sidecar carries neither ajv nor
 * typebox nor the policy's schema. An empty list means valid; the first problem found ends the check.
 */
export function validateProxyConfig(value: unknown): ValidationProblem[] {
  const problems = problemsOf(validateProxyConfigShape, value);
  return problems.length > 0 ? problems : defaultPortProblems(value as ProxyConfig);
}

export function validateDestination(value: unknown): ValidationProblem[] {
  return problemsOf(validateDestinationShape, value);
}

/** Throws an Error that names the first problem. */
export function assertProxyConfig(value: unknown): asserts value is ProxyConfig {
  assertNone('ProxyConfig', validateProxyConfig(value));
}

export function assertDestination(value: unknown): asserts value is Destination {
  assertNone('Destination', validateDestination(value));
}

/** A port without an entry must have exactly one answer. */
function defaultPortProblems(config: ProxyConfig): ValidationProblem[] {
  const defaults = config.inbound.ports.filter((entry) => entry.port === undefined).length;
  if (defaults === 1) return [];
  return [
    {
      path: 'inbound.ports',
      message: `must have exactly one entry without port, the default; has ${defaults}`,
    },
  ];
}

function assertNone(kind: string, problems: readonly ValidationProblem[]): void {
  const [first] = problems;
  if (first !== undefined) throw new Error(`${kind} is not valid: ${first.path} ${first.message}`);
}
