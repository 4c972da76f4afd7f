import type { Condition, PolicyStatus } from '../../platform.ts';

const TYPES: ReadonlySet<unknown> = new Set(['Accepted', 'ResolvedRefs', 'InForce', 'Conflicted']);
const STATUSES: ReadonlySet<unknown> = new Set(['True', 'False', 'Unknown']);

/**
 * What the operator wrote last, for its transition times. Anybody may have written it since, and all of its
 * fields are optional to the API server: what is not there counts as nothing, a status of another shape as none.
 */
export function translateStatus(value: unknown): { readonly status?: PolicyStatus } {
  if (!isObject(value) || !Array.isArray(value.conditions)) return {};
  const conditions = value.conditions.filter(isCondition);
  if (conditions.length === 0) return {};
  const proxies = isObject(value.proxies) ? value.proxies : {};
  const laggards = Array.isArray(value.laggards) ? value.laggards.filter(isLaggard) : [];
  return {
    status: {
      observedGeneration: count(value.observedGeneration),
      conditions,
      proxies: {
        targeted: count(proxies.targeted),
        inForce: count(proxies.inForce),
        lagging: count(proxies.lagging),
        refused: count(proxies.refused),
      },
      laggards,
    },
  };
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function isCondition(value: unknown): value is Condition {
  if (!isObject(value) || !TYPES.has(value.type) || !STATUSES.has(value.status)) return false;
  const { reason, message, lastTransitionTime } = value;
  return areTexts(reason, message, lastTransitionTime) && Number.isSafeInteger(value.observedGeneration);
}

function isLaggard(value: unknown): value is PolicyStatus['laggards'][number] {
  return isObject(value) && areTexts(value.pod, value.since, value.reason);
}

function areTexts(...values: readonly unknown[]): boolean {
  return values.every((value) => typeof value === 'string');
}

function count(value: unknown): number {
  return Number.isSafeInteger(value) ? (value as number) : 0;
}
