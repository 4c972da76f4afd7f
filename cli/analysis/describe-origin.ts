import type { EffectiveValue, ValueOrigin } from '../../api/analysis.ts';
import { describeValue } from './describe-value.ts';

const LOST_MAX = 3;

/** `from shop/strict (generation 3) spec.inbound.mtls.mode; lost: weft-system/mesh Permissive` */
export function describeOrigin({ path, origin, lost }: EffectiveValue): string {
  // Protocols have no default: without a policy the Service itself declares them.
  const isDeclared = /(^|\.)traffic\.protocol$|^ports\.protocol\[/.test(path);
  const byDefault = isDeclared ? 'declared by the Service' : 'default';
  const from = origin === undefined ? byDefault : `from ${nameOrigin(origin)}`;
  if (lost.length === 0) return from;
  const losers = lost
    .slice(0, LOST_MAX)
    .map((each) => `${each.origin.policy} ${shortValue(path, each.value)}`);
  const more = lost.length > LOST_MAX ? ` and ${lost.length - LOST_MAX} more` : '';
  return `${from}; lost: ${losers.join(', ')}${more}`;
}

export function nameOrigin({ policy, generation, field }: ValueOrigin): string {
  return `${policy} (generation ${generation}) ${field}`;
}

const SHORT_MAX = 60;

/** What lost against an item of a list is a list. */
function shortValue(path: string, value: unknown): string {
  const names = Array.isArray(value) ? value.map(nameOf) : [];
  if (names.length > 0 && names.every((name) => name !== undefined)) return `[${names.join(', ')}]`;
  const text = describeValue(path.endsWith(']') ? '' : path, value);
  return text.length <= SHORT_MAX ? text : `${text.slice(0, SHORT_MAX)}…`;
}

function nameOf(item: unknown): string | undefined {
  const { name } = (item ?? {}) as { readonly name?: unknown };
  return typeof name === 'string' ? name : undefined;
}
