import { V1MicroTime } from '@kubernetes/client-node';
import type { ApiClient } from './api-client.ts';
import { isNotFound } from './api-error.ts';
import { ownedBy } from './installation.ts';
import type { ObjectMeta, OwnerReference } from './objects.ts';
import { LEASES, namespacedPath, objectPath } from './resources.ts';

/** What a Lease says. Times are only ever written: they are another machine's clock. */
export interface LeaseRecord {
  /** undefined: released */
  readonly holder: string | undefined;
  readonly durationMs: number;
  readonly acquiredUnixMs: number;
  readonly renewedUnixMs: number;
  readonly transitions: number;
}

/** A record and the handle of the object it was read from. */
export interface StoredLease {
  readonly record: LeaseRecord;
  readonly metadata: ObjectMeta;
}

export interface LeaseStore {
  read(): Promise<StoredLease | undefined>;
  /** Throws ApiError 409 when there is one already. */
  create(record: LeaseRecord): Promise<void>;
  /** Throws ApiError 409 when it changed since it was read. */
  update(stored: StoredLease, record: LeaseRecord): Promise<void>;
}

interface LeaseObject {
  readonly metadata?: ObjectMeta;
  readonly spec?: {
    readonly holderIdentity?: string;
    readonly leaseDurationSeconds?: number;
    readonly acquireTime?: string;
    readonly renewTime?: string;
    readonly leaseTransitions?: number;
  };
}

/** Shorter than a renewal may take: a request that hangs must not cost the leadership. */
const REQUEST_TIMEOUT_MS = 4_000;

/** Source: https://kubernetes.io/docs/concepts/architecture/leases/ */
export class ApiLeaseStore implements LeaseStore {
  readonly #api: ApiClient;
  readonly #namespace: string;
  readonly #name: string;
  readonly #owner: () => OwnerReference | undefined;

  /** @param owner with which the Lease goes: a leader that ends while its permissions go cannot release it */
  constructor(api: ApiClient, namespace: string, name: string, owner: () => OwnerReference | undefined) {
    this.#api = api;
    this.#namespace = namespace;
    this.#name = name;
    this.#owner = owner;
  }

  async read(): Promise<StoredLease | undefined> {
    try {
      const timeoutMs = REQUEST_TIMEOUT_MS;
      const object = await this.#api.request<LeaseObject>('GET', this.#path(), { timeoutMs });
      return { record: recordOf(object), metadata: object.metadata ?? {} };
    } catch (error) {
      if (isNotFound(error)) return undefined;
      throw error;
    }
  }

  async create(record: LeaseRecord): Promise<void> {
    const body = this.#object({ name: this.#name, namespace: this.#namespace }, record);
    const path = namespacedPath(LEASES, this.#namespace);
    await this.#api.request('POST', path, { body, timeoutMs: REQUEST_TIMEOUT_MS });
  }

  async update({ metadata }: StoredLease, record: LeaseRecord): Promise<void> {
    const body = this.#object(metadata, record);
    await this.#api.request('PUT', this.#path(), { body, timeoutMs: REQUEST_TIMEOUT_MS });
  }

  #path(): string {
    return objectPath(LEASES, this.#namespace, this.#name);
  }

  #object(metadata: ObjectMeta, record: LeaseRecord) {
    return {
      apiVersion: 'coordination.k8s.io/v1',
      kind: 'Lease',
      metadata: ownedBy(this.#owner(), metadata),
      spec: {
        holderIdentity: record.holder,
        leaseDurationSeconds: Math.max(1, Math.round(record.durationMs / 1000)),
        // Six fraction digits, or the API server refuses them.
        acquireTime: new V1MicroTime(record.acquiredUnixMs).toISOString(),
        renewTime: new V1MicroTime(record.renewedUnixMs).toISOString(),
        leaseTransitions: record.transitions,
      },
    };
  }
}

function recordOf({ spec = {} }: LeaseObject): LeaseRecord {
  return {
    holder: spec.holderIdentity || undefined,
    durationMs: (spec.leaseDurationSeconds ?? 0) * 1000,
    acquiredUnixMs: Date.parse(spec.acquireTime ?? '') || 0,
    renewedUnixMs: Date.parse(spec.renewTime ?? '') || 0,
    transitions: spec.leaseTransitions ?? 0,
  };
}
