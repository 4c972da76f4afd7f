import { LABEL_MANAGED_BY, MANAGER, OPERATOR_TLS_SECRET } from '../../api/names.ts';
import type { Clock } from '../clock.ts';
import { IssuerError } from '../identity/issuer-error.ts';
import type { SignedAnswer } from '../identity/signed-answer.ts';
import { type IssuerReference, issuerName } from '../issuer-reference.ts';
import { describeError } from '../log.ts';
import type { IssuerClient, OwnLeafMaterial } from '../platform.ts';
import type { ApiClient } from './api-client.ts';
import { ApiError, isAlreadyExists, isNotFound } from './api-error.ts';
import { answerOf, type CertificateRequestObject, pendingReason } from './certificate-request.ts';
import { ownedBy } from './installation.ts';
import { ListWatch } from './list-watch.ts';
import type { ObjectMeta, OwnerReference, SecretObject } from './objects.ts';
import { CERTIFICATE_REQUESTS, namespacedPath, objectPath, SECRETS } from './resources.ts';

export interface CertManagerOptions {
  readonly api: ApiClient;
  /** the control plane's */
  readonly namespace: string;
  readonly issuer: IssuerReference;
  readonly clock: Clock;
  /** ends what waits */
  readonly signal: AbortSignal;
  /** of what it makes; absent: nobody */
  readonly owner?: () => OwnerReference | undefined;
  /** how long one request may take */
  readonly timeoutMs?: number;
}

const TIMEOUT_MS = 60_000;
const USAGES = ['digital signature', 'server auth', 'client auth'];
const SELECTOR = `${LABEL_MANAGED_BY}=${MANAGER}`;
/** A watch that the server ends at once must not be a busy loop. */
const WATCHES_MAX = 20;
const LEFTOVERS_MAX = 500;

/**
 * cert-manager, by its CertificateRequests: one a leaf, in the control plane's namespace, gone when it is answered.
 * Those of an operator that was killed meanwhile are swept away by the leader.
 */
export class CertManager implements IssuerClient {
  readonly name: string;
  readonly #options: CertManagerOptions;
  readonly #timeoutMs: number;

  constructor(options: CertManagerOptions) {
    this.name = issuerName(options.issuer);
    this.#options = options;
    this.#timeoutMs = options.timeoutMs ?? TIMEOUT_MS;
  }

  async sign(request: string, lifetimeMs: number): Promise<SignedAnswer> {
    const created = await this.#create(request, lifetimeMs);
    try {
      return await this.#await(created);
    } finally {
      // what cannot be deleted now is swept away later
      await this.#delete(created.metadata?.name).catch(() => {});
    }
  }

  /** Deletes requests that nobody can be waiting for any more. */
  async sweep(): Promise<void> {
    const { api, clock } = this.#options;
    const query = { labelSelector: SELECTOR, limit: String(LEFTOVERS_MAX) };
    const answer = await api
      .request<{ items?: readonly CertificateRequestObject[] }>('GET', this.#path, { query })
      .catch((error: unknown) => {
        if (isNotFound(error)) return { items: [] };
        throw error;
      });
    const beforeMs = clock.unixMs() - 2 * this.#timeoutMs;
    for (const { metadata } of answer.items ?? []) {
      if (Date.parse(metadata?.creationTimestamp ?? '') < beforeMs) await this.#delete(metadata?.name);
    }
  }

  async loadOwnLeaf(): Promise<OwnLeafMaterial | undefined> {
    const secret = await this.#ownSecret();
    const read = (key: string) => Buffer.from(secret?.data?.[key] ?? '', 'base64').toString('utf8');
    const leaf = { certificate: read('tls.crt'), privateKey: read('tls.key') };
    return leaf.certificate === '' ? undefined : leaf;
  }

  /** Of several replicas the last one wins: each is as good. */
  async storeOwnLeaf({ certificate, privateKey }: OwnLeafMaterial): Promise<void> {
    const { api, namespace } = this.#options;
    const encode = (text: string) => Buffer.from(text).toString('base64');
    const data = { 'tls.crt': encode(certificate), 'tls.key': encode(privateKey) };
    const body = {
      ...{ apiVersion: 'v1', kind: 'Secret', type: 'kubernetes.io/tls', data },
      metadata: this.#owned({ name: OPERATOR_TLS_SECRET, namespace }),
    };
    try {
      await api.request('POST', namespacedPath(SECRETS, namespace), { body });
    } catch (error) {
      if (!isAlreadyExists(error)) throw error;
      await api.request('PUT', objectPath(SECRETS, namespace, OPERATOR_TLS_SECRET), { body });
    }
  }

  #owned(metadata: ObjectMeta & { readonly generateName?: string }): ObjectMeta {
    return ownedBy(this.#options.owner?.(), metadata);
  }

  get #path(): string {
    return namespacedPath(CERTIFICATE_REQUESTS, this.#options.namespace);
  }

  async #ownSecret(): Promise<SecretObject | undefined> {
    const { api, namespace } = this.#options;
    try {
      return await api.request<SecretObject>('GET', objectPath(SECRETS, namespace, OPERATOR_TLS_SECRET));
    } catch (error) {
      if (isNotFound(error)) return undefined;
      throw error;
    }
  }

  async #create(request: string, lifetimeMs: number): Promise<CertificateRequestObject> {
    const { api, namespace, issuer, signal } = this.#options;
    const body = {
      apiVersion: 'cert-manager.io/v1',
      kind: 'CertificateRequest',
      metadata: this.#owned({ generateName: 'weft-', namespace, labels: { [LABEL_MANAGED_BY]: MANAGER } }),
      spec: {
        request: Buffer.from(request).toString('base64'),
        duration: `${Math.floor(lifetimeMs / 1000)}s`,
        issuerRef: issuer,
        usages: USAGES,
        isCA: false,
      },
    };
    try {
      return await api.request<CertificateRequestObject>('POST', this.#path, { body, signal });
    } catch (error) {
      throw asIssuerError(error);
    }
  }

  async #await(created: CertificateRequestObject): Promise<SignedAnswer> {
    const { signal } = this.#options;
    const deadline = AbortSignal.timeout(this.#timeoutMs);
    const last = { seen: created };
    try {
      for (let watches = 0; watches < WATCHES_MAX; watches++) {
        const answer = await this.#follow(last, AbortSignal.any([signal, deadline]));
        if (answer !== undefined) return answer;
      }
    } catch (error) {
      if (error instanceof IssuerError) throw error;
      if (!deadline.aborted) throw asIssuerError(error);
    }
    const seconds = Math.round(this.#timeoutMs / 1000);
    const why = pendingReason(last.seen);
    throw new IssuerError('TimedOut', `${this.name} has not signed within ${seconds} s; ${why}`);
  }

  /** Undefined: the watch ended before anything was decided. @param last what was seen of the request */
  async #follow(
    last: { seen: CertificateRequestObject },
    signal: AbortSignal,
  ): Promise<SignedAnswer | undefined> {
    const { api, clock } = this.#options;
    const { name, resourceVersion = '' } = last.seen.metadata ?? {};
    const watch = new ListWatch<CertificateRequestObject>(
      api,
      { path: this.#path, fieldSelector: `metadata.name=${name}` },
      clock,
    );
    const limits = { lifetimeMs: this.#timeoutMs, silenceMs: 2 * this.#timeoutMs, graceMs: 5_000 };
    for await (const events of watch.watch(resourceVersion, limits, signal)) {
      for (const { type, object } of events) {
        if (type === 'DELETED') throw new IssuerError('Failed', 'the request was deleted by somebody else');
        last.seen = type === 'BOOKMARK' ? last.seen : object;
        const answer = answerOf(last.seen);
        if (answer !== undefined) return answer;
      }
    }
    return undefined;
  }

  async #delete(name: string | undefined): Promise<void> {
    if (name === undefined) return;
    const { api, namespace } = this.#options;
    try {
      await api.request('DELETE', objectPath(CERTIFICATE_REQUESTS, namespace, name));
    } catch (error) {
      if (!isNotFound(error)) throw error;
    }
  }
}

function asIssuerError(error: unknown): IssuerError {
  if (!(error instanceof ApiError)) return new IssuerError('Unreachable', describeError(error));
  if (error.status === 404) {
    return new IssuerError(
      'NotInstalled',
      'the API server knows no CertificateRequest of cert-manager.io/v1: is cert-manager installed?',
    );
  }
  if (error.status === 401 || error.status === 403) {
    return new IssuerError('Forbidden', 'the operator may not create and watch CertificateRequests');
  }
  // a webhook of cert-manager, or a policy, refuses it
  const isRefused = error.status === 400 || error.status === 422;
  return new IssuerError(isRefused ? 'Failed' : 'Unreachable', error.message);
}
