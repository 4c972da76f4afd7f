import { CA_SECRET } from '../../api/names.ts';
import type { RootMaterial } from '../platform.ts';
import type { ApiClient } from './api-client.ts';
import { isAlreadyExists, isNotFound } from './api-error.ts';
import type { SecretObject } from './objects.ts';
import { namespacedPath, objectPath, SECRETS } from './resources.ts';

/**
 * The root of trust, Secret `weft-ca` of type kubernetes.io/tls in the control plane's namespace. The operator
 * creates it and never changes it.
 */
export class RootSecret {
  readonly #api: ApiClient;
  readonly #namespace: string;

  constructor(api: ApiClient, namespace: string) {
    this.#api = api;
    this.#namespace = namespace;
  }

  /** undefined: there is none. Throws when there is one without certificate or key: it is never replaced. */
  async load(): Promise<RootMaterial | undefined> {
    try {
      const path = objectPath(SECRETS, this.#namespace, CA_SECRET);
      return materialOf(await this.#api.request<SecretObject>('GET', path));
    } catch (error) {
      if (isNotFound(error)) return undefined;
      throw error;
    }
  }

  /** Of several that create at the same time one wins, and all get that one. */
  async create(material: RootMaterial): Promise<RootMaterial> {
    const body = {
      apiVersion: 'v1',
      kind: 'Secret',
      metadata: { name: CA_SECRET, namespace: this.#namespace },
      type: 'kubernetes.io/tls',
      data: { 'tls.crt': encode(material.certificate), 'tls.key': encode(material.privateKey) },
    };
    try {
      await this.#api.request('POST', namespacedPath(SECRETS, this.#namespace), { body });
    } catch (error) {
      if (!isAlreadyExists(error)) throw error;
    }
    const winner = await this.load();
    if (winner === undefined) throw new Error(`Secret ${CA_SECRET} went away while it was created`);
    return winner;
  }
}

function materialOf({ data = {} }: SecretObject): RootMaterial {
  const certificate = decode(data['tls.crt']);
  const privateKey = decode(data['tls.key']);
  if (!certificate.includes('-----BEGIN CERTIFICATE-----') || !privateKey.includes(' PRIVATE KEY-----')) {
    throw new Error(`Secret ${CA_SECRET} has no certificate in tls.crt or no key in tls.key`);
  }
  return { certificate, privateKey };
}

const encode = (text: string) => Buffer.from(text).toString('base64');
const decode = (text = '') => Buffer.from(text, 'base64').toString('utf8');
