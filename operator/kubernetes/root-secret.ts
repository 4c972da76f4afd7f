import { CA_SECRET } from '../../api/names.ts';
import type { StoredRoots } from '../platform.ts';
import type { ApiClient } from './api-client.ts';
import { isAlreadyExists, isConflict, isNotFound } from './api-error.ts';
import type { SecretObject } from './objects.ts';
import { namespacedPath, objectPath, SECRETS } from './resources.ts';

/** Only `tls.crt` and `tls.key` are there from the start, as every Secret of type kubernetes.io/tls has them. */
const KEYS = {
  certificate: 'tls.crt',
  privateKey: 'tls.key',
  nextCertificate: 'next.crt',
  nextPrivateKey: 'next.key',
  previous: 'previous.crt',
  rotation: 'rotation.json',
} as const;

/**
 * The roots of trust, Secret `weft-ca` of type kubernetes.io/tls in the control plane's namespace. The operator
 * creates it, and the leader changes it as a whole when the root rotates.
 */
export class RootSecret {
  readonly #api: ApiClient;
  readonly #namespace: string;

  constructor(api: ApiClient, namespace: string) {
    this.#api = api;
    this.#namespace = namespace;
  }

  /** undefined: there is none. Throws when there is one without certificate or key: it is never replaced. */
  async load(): Promise<StoredRoots | undefined> {
    const secret = await this.#get();
    return secret && rootsOf(secret);
  }

  /** Of several that create at the same time one wins, and all get that one. */
  async create(roots: StoredRoots): Promise<StoredRoots> {
    const metadata = { name: CA_SECRET, namespace: this.#namespace };
    const data = dataOf(roots);
    const body = { apiVersion: 'v1', kind: 'Secret', metadata, type: 'kubernetes.io/tls', data };
    try {
      await this.#api.request('POST', namespacedPath(SECRETS, this.#namespace), { body });
    } catch (error) {
      if (!isAlreadyExists(error)) throw error;
    }
    const winner = await this.load();
    if (winner === undefined) throw new Error(`Secret ${CA_SECRET} went away while it was created`);
    return winner;
  }

  /** False: somebody else has changed or removed it since it was read; nothing is written then. */
  async replace(roots: StoredRoots): Promise<boolean> {
    const existing = await this.#get();
    if (existing === undefined || existing.metadata?.resourceVersion !== roots.revision) return false;
    try {
      // with the resourceVersion that was read: a change in between is a conflict, not overwritten
      await this.#api.request('PUT', this.#path, { body: { ...existing, data: dataOf(roots) } });
      return true;
    } catch (error) {
      if (isConflict(error) || isNotFound(error)) return false;
      throw error;
    }
  }

  get #path(): string {
    return objectPath(SECRETS, this.#namespace, CA_SECRET);
  }

  async #get(): Promise<SecretObject | undefined> {
    try {
      return await this.#api.request<SecretObject>('GET', this.#path);
    } catch (error) {
      if (isNotFound(error)) return undefined;
      throw error;
    }
  }
}

function rootsOf({ data = {}, metadata }: SecretObject): StoredRoots {
  const read = (key: string) => decode(data[key]);
  const certificate = read(KEYS.certificate);
  const privateKey = read(KEYS.privateKey);
  const rotation = read(KEYS.rotation);
  // whether it may be without a key, as an issuer elsewhere has it, the state says
  const isKeyGood = privateKey.includes(' PRIVATE KEY-----') || (privateKey === '' && rotation !== '');
  if (!certificate.includes('-----BEGIN CERTIFICATE-----') || !isKeyGood) {
    throw new Error(`Secret ${CA_SECRET} has no certificate in tls.crt or no key in tls.key`);
  }
  const next = { certificate: read(KEYS.nextCertificate), privateKey: read(KEYS.nextPrivateKey) };
  const previous = read(KEYS.previous);
  const revision = metadata?.resourceVersion;
  return {
    ...{ certificate, privateKey },
    ...(next.certificate && { next }),
    ...(previous && { previous }),
    ...(rotation && { rotation }),
    ...(revision !== undefined && { revision }),
  };
}

function dataOf({ certificate, privateKey, next, previous, rotation }: StoredRoots): Record<string, string> {
  return {
    [KEYS.certificate]: encode(certificate),
    [KEYS.privateKey]: encode(privateKey),
    ...(next && {
      [KEYS.nextCertificate]: encode(next.certificate),
      [KEYS.nextPrivateKey]: encode(next.privateKey),
    }),
    ...(previous !== undefined && { [KEYS.previous]: encode(previous) }),
    ...(rotation !== undefined && { [KEYS.rotation]: encode(rotation) }),
  };
}

const encode = (text: string) => Buffer.from(text).toString('base64');
const decode = (text = '') => Buffer.from(text, 'base64').toString('utf8');
