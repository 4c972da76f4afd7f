import { X509Certificate } from 'node:crypto';
import { INJECTOR_SERVICE, INJECTOR_TLS_SECRET, WEBHOOK_CONFIGURATION } from '../../api/names.ts';
import { IssuerError } from '../identity/issuer-error.ts';
import type { ApiClient } from './api-client.ts';
import { isNotFound } from './api-error.ts';
import { isOwnedBy, ownedBy } from './installation.ts';
import type { KubernetesObject, ObjectMeta, OwnerReference, SecretObject } from './objects.ts';
import { MUTATING_WEBHOOK_CONFIGURATIONS, namespacedPath, objectPath, SECRETS } from './resources.ts';
import { publishTrustBundle } from './trust-bundle.ts';

/** What signs the injector's serving certificate: the mesh's authority. PEM. */
export interface ServingAuthority {
  issueServer(
    dnsNames: readonly string[],
    nowMs: number,
  ): Promise<{ readonly certificate: string; readonly privateKey: string }>;
  /** every root that is trusted now, while rotating more than one */
  readonly trustBundle: string;
}

interface WebhookConfiguration extends KubernetesObject {
  readonly metadata?: ObjectMeta;
  readonly webhooks?: readonly {
    readonly name: string;
    readonly clientConfig?: { readonly caBundle?: string };
  }[];
}

export interface WebhookCertificateOptions {
  readonly api: ApiClient;
  readonly namespace: string;
  readonly authority: ServingAuthority;
  /** of the certificate's Secret */
  readonly owner?: OwnerReference | undefined;
  readonly nowMs: () => number;
}

/**
 * Keeps three objects right for the injector: the trust bundle it hands to pods, the `caBundle` with which the
 * API server trusts it, and its serving certificate. In this order, so that a new root is trusted before
 * anything signed by it is served. Each call looks at the world and writes only what differs. The certificate goes with
 * the installation: with one that was left over, the injectors of the next would serve before they are trusted.
 */
export class WebhookCertificate {
  readonly #api: ApiClient;
  readonly #namespace: string;
  readonly #authority: ServingAuthority;
  readonly #owner: OwnerReference | undefined;
  readonly #nowMs: () => number;

  constructor({ api, namespace, authority, owner, nowMs }: WebhookCertificateOptions) {
    this.#api = api;
    this.#namespace = namespace;
    this.#authority = authority;
    this.#owner = owner;
    this.#nowMs = nowMs;
  }

  async reconcile(): Promise<void> {
    const bundle = this.#authority.trustBundle;
    await publishTrustBundle(this.#api, this.#namespace, bundle);
    await this.#patchWebhooks(bundle);
    await this.#ensureCertificate(bundle);
  }

  /** The name under which the API server calls the injector. */
  get dnsNames(): readonly string[] {
    return [`${INJECTOR_SERVICE}.${this.#namespace}.svc`];
  }

  async #patchWebhooks(bundle: string): Promise<void> {
    const path = objectPath(MUTATING_WEBHOOK_CONFIGURATIONS, undefined, WEBHOOK_CONFIGURATION);
    const configuration = await this.#read<WebhookConfiguration>(path);
    const caBundle = Buffer.from(bundle).toString('base64');
    const outdated = configuration?.webhooks?.filter(
      ({ clientConfig }) => clientConfig?.caBundle !== caBundle,
    );
    if (!outdated?.length) return;
    const body = {
      metadata: { resourceVersion: configuration?.metadata?.resourceVersion },
      // Strategic merge: webhooks are a map keyed by name, so nothing else of them is touched.
      webhooks: outdated.map(({ name }) => ({ name, clientConfig: { caBundle } })),
    };
    await this.#api.request('PATCH', path, { contentType: 'application/strategic-merge-patch+json', body });
  }

  async #ensureCertificate(bundle: string): Promise<void> {
    const path = objectPath(SECRETS, this.#namespace, INJECTOR_TLS_SECRET);
    const existing = await this.#read<SecretObject>(path);
    const data = await this.#dataFor(existing, bundle);
    if (existing === undefined) {
      const metadata = ownedBy(this.#owner, { name: INJECTOR_TLS_SECRET, namespace: this.#namespace });
      const body = { apiVersion: 'v1', kind: 'Secret', metadata, type: 'kubernetes.io/tls', data };
      await this.#api.request('POST', namespacedPath(SECRETS, this.#namespace), { body });
      return;
    }
    const isSame = Object.entries(data).every(([key, value]) => existing.data?.[key] === value);
    if (isSame && isOwnedBy(this.#owner, existing.metadata)) return;
    const metadata = ownedBy(this.#owner, existing.metadata ?? {});
    await this.#api.request('PUT', path, { body: { ...existing, metadata, data } });
  }

  async #dataFor(existing: SecretObject | undefined, bundle: string): Promise<Record<string, string>> {
    const kept = existing?.data ?? {};
    const caCrt = encode(bundle);
    const isGood = (part: number) =>
      this.#isGood(decode(kept['tls.crt']), decode(kept['tls.key']), bundle, part);
    if (isGood(0.5)) return { ...kept, 'ca.crt': caCrt };
    try {
      const issued = await this.#authority.issueServer(this.dnsNames, this.#nowMs());
      return { 'tls.crt': encode(issued.certificate), 'tls.key': encode(issued.privateKey), 'ca.crt': caCrt };
    } catch (error) {
      // an issuer elsewhere does not sign now: as long as the old one lives, it serves
      if (!(error instanceof IssuerError && isGood(1))) throw error;
      return { ...kept, 'ca.crt': caCrt };
    }
  }

  /** Readable, ours by name, signed by a root that is trusted, and not past this part of its life. */
  #isGood(certificate: string, privateKey: string, bundle: string, part: number): boolean {
    const leaf = parseCertificate(certificate);
    if (leaf === undefined || !privateKey.includes(' PRIVATE KEY-----')) return false;
    const fromMs = leaf.validFromDate.getTime();
    const untilMs = fromMs + (leaf.validToDate.getTime() - fromMs) * part;
    const inTime = this.#nowMs() >= fromMs && this.#nowMs() < untilMs;
    const named = this.dnsNames.every((name) => leaf.checkHost(name) !== undefined);
    return inTime && named && rootsOf(bundle).some((root) => leaf.verify(root.publicKey));
  }

  async #read<T>(path: string): Promise<T | undefined> {
    try {
      return await this.#api.request<T>('GET', path);
    } catch (error) {
      if (isNotFound(error)) return undefined;
      throw error;
    }
  }
}

function rootsOf(bundle: string): X509Certificate[] {
  const blocks = bundle.match(/-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g) ?? [];
  return blocks.map(parseCertificate).filter((root) => root !== undefined);
}

function parseCertificate(pem: string): X509Certificate | undefined {
  try {
    return new X509Certificate(pem);
  } catch {
    return undefined;
  }
}

const encode = (text: string) => Buffer.from(text).toString('base64');
const decode = (text = '') => Buffer.from(text, 'base64').toString('utf8');
