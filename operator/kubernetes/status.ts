import { FIELD_MANAGER } from '../../api/names.ts';
import type { Policy } from '../mesh/model.ts';
import type { Condition, PolicyStatus } from '../platform.ts';
import type { ApiClient } from './api-client.ts';
import { isInvalid, isNotFound } from './api-error.ts';
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
    try {
      this.observe(policy.key, await this.#patch(policy, next));
    } catch (error) {
      if (isNotFound(error)) return;
      if (isInvalid(error) && !(await this.#isStillThere(policy))) return;
      throw error;
    }
  }

  /** The test looks at the uid where the patch is applied: a policy made anew under the name refuses it. */
  #patch(policy: Policy, status: PolicyStatus): Promise<PolicyObject> {
    return this.#api.request<PolicyObject>('PATCH', `${pathOf(policy)}/status`, {
      query: { fieldManager: FIELD_MANAGER },
      contentType: 'application/json-patch+json',
      body: [
        { op: 'test', path: '/metadata/uid', value: policy.uid },
        { op: 'add', path: '/status', value: status },
      ],
    });
  }

  async #isStillThere(policy: Policy): Promise<boolean> {
    try {
      const now = await this.#api.request<PolicyObject>('GET', pathOf(policy));
      return now.metadata?.uid === policy.uid;
    } catch (error) {
      if (isNotFound(error)) return false;
      throw error;
    }
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

function pathOf({ namespace, name }: Policy): string {
  return objectPath(MESH_POLICIES, namespace, name);
}
