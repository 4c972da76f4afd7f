import { SECRET_DESTINATIONS, SECRET_KEYS, SECRET_PREFIX, SECRET_TYPE } from '../../api/names.ts';
import type { Workload } from '../mesh/model.ts';
import type { ProxyFiles } from '../platform.ts';
import type { ApiClient } from './api-client.ts';
import { isAlreadyExists, isConflict, isNamespaceTerminating, isNotFound } from './api-error.ts';
import type { OwnerReference, SecretObject } from './objects.ts';
import { namespacedPath, objectPath, SECRETS } from './resources.ts';

/** Attempts against a Secret that someone else changes at the same time. */
const MAX_CONFLICTS = 5;

/** A Secret of that name is there and is not ours: nothing is read from it or written to it. */
export class ForeignSecretError extends Error {
  constructor(namespace: string, name: string) {
    super(`Secret ${namespace}/${name} exists and is not this pod's proxy Secret`);
    this.name = 'ForeignSecretError';
  }
}

/**
 * The per-pod Secrets, always by name: the operator neither lists nor watches Secrets. Each is owned by its pod,
 * so that it is collected with it.
 * Source: https://kubernetes.io/docs/concepts/architecture/garbage-collection/
 */
export class ProxySecrets {
  readonly #api: ApiClient;

  constructor(api: ApiClient) {
    this.#api = api;
  }

  /** undefined: there is none, it is not ours, or it lacks one of its files. */
  async read(workload: Workload): Promise<ProxyFiles | undefined> {
    const secret = await this.#get(workload);
    return secret !== undefined && isOurs(secret, workload) ? filesOf(secret) : undefined;
  }

  /**
   * Creates or updates; writes nothing when the four files are as they were, and nothing into a namespace that is going.
   * Throws ForeignSecretError for a Secret of another type or owner.
   */
  async write(workload: Workload, files: ProxyFiles): Promise<void> {
    const data = dataOf(files);
    for (let attempt = 1; ; attempt++) {
      try {
        return await this.#writeOnce(workload, data);
      } catch (error) {
        if (isNamespaceTerminating(error)) return;
        const raced = isAlreadyExists(error) || isConflict(error) || isNotFound(error);
        // Still not found after another look: it is the namespace that is gone.
        if (isNotFound(error) && attempt > 1) return;
        if (!raced || attempt === MAX_CONFLICTS) throw error;
      }
    }
  }

  /** Removes it if it is ours; what is there of another kind stays. */
  async remove(workload: Workload): Promise<void> {
    const secret = await this.#get(workload);
    if (secret === undefined || !isOurs(secret, workload)) return;
    const preconditions = { uid: secret.metadata?.uid };
    const body = { apiVersion: 'v1', kind: 'DeleteOptions', preconditions };
    try {
      await this.#api.request('DELETE', pathOf(workload), { body });
    } catch (error) {
      // Gone, or replaced by another one since: either way ours is no more.
      if (!isNotFound(error) && !isConflict(error)) throw error;
    }
  }

  async #writeOnce(workload: Workload, data: Record<string, string>): Promise<void> {
    const existing = await this.#get(workload);
    if (existing === undefined) {
      const body = newSecret(workload, data);
      await this.#api.request('POST', namespacedPath(SECRETS, workload.namespace), { body });
    } else if (!isOurs(existing, workload)) {
      throw new ForeignSecretError(workload.namespace, nameOf(workload));
    } else if (!sameFiles(existing.data ?? {}, data)) {
      const known = existing.data?.[SECRET_DESTINATIONS];
      const kept = known === undefined ? data : { [SECRET_DESTINATIONS]: known, ...data };
      // With the resourceVersion that was read: a change in between is a conflict, not overwritten.
      await this.#api.request('PUT', pathOf(workload), { body: { ...existing, data: kept } });
    }
  }

  async #get(workload: Workload): Promise<SecretObject | undefined> {
    try {
      return await this.#api.request<SecretObject>('GET', pathOf(workload));
    } catch (error) {
      if (isNotFound(error)) return undefined;
      throw error;
    }
  }
}

function newSecret(workload: Workload, data: Record<string, string>) {
  const owner: OwnerReference = {
    apiVersion: 'v1',
    kind: 'Pod',
    name: workload.name,
    uid: workload.uid,
    controller: false,
    blockOwnerDeletion: false,
  };
  const metadata = { name: nameOf(workload), namespace: workload.namespace, ownerReferences: [owner] };
  return { apiVersion: 'v1', kind: 'Secret', metadata, type: SECRET_TYPE, data };
}

function isOurs(secret: SecretObject, workload: Workload): boolean {
  const owners = secret.metadata?.ownerReferences ?? [];
  return (
    secret.type === SECRET_TYPE && owners.some(({ kind, uid }) => kind === 'Pod' && uid === workload.uid)
  );
}

/** Endpoints come and go all the time: a Secret that followed them would be written all the time. */
function sameFiles(a: Readonly<Record<string, string>>, b: Readonly<Record<string, string>>): boolean {
  const { [SECRET_DESTINATIONS]: _, ...rest } = a;
  const keys = Object.values(SECRET_KEYS);
  return Object.keys(rest).length === keys.length && keys.every((key) => a[key] === b[key]);
}

function dataOf(files: ProxyFiles): Record<string, string> {
  return {
    [SECRET_KEYS.config]: encode(files.config),
    [SECRET_KEYS.certificate]: encode(files.certificate),
    [SECRET_KEYS.privateKey]: encode(files.privateKey),
    [SECRET_KEYS.trustBundle]: encode(files.trustBundle),
    ...(files.destinations && { [SECRET_DESTINATIONS]: encode(files.destinations) }),
  };
}

function filesOf({ data = {} }: SecretObject): ProxyFiles | undefined {
  const config = data[SECRET_KEYS.config];
  const certificate = data[SECRET_KEYS.certificate];
  const privateKey = data[SECRET_KEYS.privateKey];
  const trustBundle = data[SECRET_KEYS.trustBundle];
  const destinations = data[SECRET_DESTINATIONS];
  if (!config || !certificate || !privateKey || !trustBundle) return undefined;
  return {
    config: decode(config),
    certificate: decode(certificate),
    privateKey: decode(privateKey),
    trustBundle: decode(trustBundle),
    ...(destinations && { destinations: decode(destinations) }),
  };
}

function nameOf({ key, proxyId }: Workload): string {
  if (proxyId === undefined) throw new Error(`workload ${key} has no proxy`);
  return SECRET_PREFIX + proxyId;
}

function pathOf(workload: Workload): string {
  return objectPath(SECRETS, workload.namespace, nameOf(workload));
}

const encode = (text: string) => Buffer.from(text).toString('base64');
const decode = (text: string) => Buffer.from(text, 'base64').toString('utf8');
