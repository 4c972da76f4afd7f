import { FIELD_MANAGER } from '../../api/names.ts';
import type { Policy } from '../mesh/model.ts';
import type { Condition, PolicyStatus } from '../platform.ts';
import type { ApiClient } from './api-client.ts';
import { isConflict, isNotFound } from './api-error.ts';
import { canonicalJson, type PolicyObject } from './objects.ts';
import { MESH_POLICIES, objectPath } from './resources.ts';

/**
 * Statuses of policies. Remembers what each policy's status is, from the watch and from its own writes, and
 * writes only what differs: a status that is written on every look would trigger itself.
 */
export class PolicyStatuses {
  readonly #api: ApiClient;
  /** policy key → its uid and status as seen last */
  readonly #seen = new Map<string, { readonly uid: string; readonly status: unknown }>();

  constructor(api: ApiClient) {
    this.#api = api;
  }

  /** Told of every policy the watch delivers; undefined: it is gone. */
  observe(key: string, object: PolicyObject | undefined): void {
    if (object === undefined) this.#seen.delete(key);
    else this.#seen.set(key, { uid: object.metadata?.uid ?? '', status: object.status });
  }

  /** A policy that is gone, or another one of the same name, is no error. */
  async write(policy: Policy, status: PolicyStatus): Promise<void> {
    const seen = this.#seen.get(policy.key);
    const known = seen?.uid === policy.uid ? seen.status : undefined;
    const next = keepTransitionTimes(known, status);
    if (canonicalJson(known) === canonicalJson(next)) return;
    // The uid is immutable: a policy deleted and made anew under the same name refuses this patch.
    const body = { metadata: { uid: policy.uid }, status: withRemovals(known, next) };
    try {
      const written = await this.#patch(policy, body);
      this.observe(policy.key, written);
    } catch (error) {
      if (!isNotFound(error) && !isConflict(error)) throw error;
    }
  }

  #patch(policy: Policy, body: object): Promise<PolicyObject> {
    const path = `${objectPath(MESH_POLICIES, policy.namespace, policy.name)}/status`;
    return this.#api.request<PolicyObject>('PATCH', path, {
      query: { fieldManager: FIELD_MANAGER },
      contentType: 'application/merge-patch+json',
      body,
    });
  }
}

/**
 * `lastTransitionTime` changes only when `status` does, also across restarts and leaders.
 * Source: API conventions, "Typical status properties"
 */
export function keepTransitionTimes(known: unknown, next: PolicyStatus): PolicyStatus {
  const earlier = new Map(conditionsOf(known).map((condition) => [condition.type, condition]));
  const conditions = next.conditions.map((condition) => {
    const before = earlier.get(condition.type);
    const same = before?.status === condition.status && typeof before.lastTransitionTime === 'string';
    return same ? { ...condition, lastTransitionTime: before.lastTransitionTime } : condition;
  });
  return { ...next, conditions };
}

function conditionsOf(status: unknown): readonly Condition[] {
  const conditions = (status as { conditions?: unknown } | undefined)?.conditions;
  return Array.isArray(conditions) ? conditions.filter((entry) => typeof entry === 'object' && entry) : [];
}

/** In a merge patch what should go must be named; lists are replaced whole. RFC 7386 section 2. */
function withRemovals(known: unknown, next: PolicyStatus): Record<string, unknown> {
  const before = typeof known === 'object' && known !== null ? Object.keys(known) : [];
  return { ...Object.fromEntries(before.map((key) => [key, null])), ...next };
}
