import { X509Certificate } from 'node:crypto';
import { spiffeId } from '../../api/spiffe.ts';
import type { Clock } from '../clock.ts';
import type { Authority, Leaf } from '../identity/authority.ts';
import { IssuerError } from '../identity/issuer-error.ts';
import { readPeer } from '../identity/peer.ts';
import { renewAtMs, validityOf } from '../identity/renewal.ts';
import type { Workload } from '../mesh/model.ts';
import type { ProxyFiles } from '../platform.ts';
import type { IssuedIdentity } from './stream-source.ts';

export interface IdentitiesOptions {
  readonly authority: Authority;
  readonly trustDomain: string;
  readonly clock: Clock;
  readonly random: () => number;
  /** what the workload was given last, by this process or one before it */
  readonly read: (workload: Workload) => Promise<ProxyFiles | undefined>;
}

interface Entry {
  readonly leaf: Leaf;
  readonly spiffeId: string;
  readonly proxyId: string;
  readonly notAfterMs: number;
  readonly renewAtMs: number;
}

/**
 * The certificates of workloads: issued when there is none, when it is due, or when it names somebody else.
 * Those of an earlier process are taken over, so that a restart issues nothing.
 */
export class Identities {
  readonly #options: IdentitiesOptions;
  readonly #entries = new Map<string, Entry>();
  /** keys of entries that what was written may be newer than */
  readonly #unchecked = new Set<string>();
  readonly #pending = new Map<string, Promise<IssuedIdentity>>();

  constructor(options: IdentitiesOptions) {
    this.#options = options;
    options.authority.onChange(() => this.#forgetUntrusted());
  }

  /** What this process issued or took over last, if it is still the workload's. */
  current(workload: Workload): IssuedIdentity | undefined {
    const entry = this.#entries.get(workload.key);
    return entry !== undefined && this.#isOf(entry, workload) ? this.#identity(entry) : undefined;
  }

  isDue(workload: Workload): boolean {
    const entry = this.#entries.get(workload.key);
    return entry === undefined || !this.#isUsable(entry, workload);
  }

  /** Several at once for one workload get the same. */
  ensure(workload: Workload): Promise<IssuedIdentity> {
    const entry = this.#entries.get(workload.key);
    const isChecked = !this.#unchecked.has(workload.key);
    if (entry !== undefined && isChecked && this.#isUsable(entry, workload)) {
      return Promise.resolve(this.#identity(entry));
    }
    const pending = this.#pending.get(workload.key);
    if (pending !== undefined) return pending.catch(() => undefined).then(() => this.ensure(workload));
    const made = this.#make(workload).finally(() => this.#pending.delete(workload.key));
    this.#pending.set(workload.key, made);
    return made;
  }

  forget(workload: string): void {
    this.#entries.delete(workload);
    this.#unchecked.delete(workload);
  }

  /**
   * Another replica may have issued since: before the next use the newest of both is chosen.
   * @param workload undefined: all
   */
  recheck(workload?: string): void {
    for (const key of workload === undefined ? this.#entries.keys() : [workload]) {
      if (this.#entries.has(key)) this.#unchecked.add(key);
    }
  }

  /** The newest that is usable, of what this process knows and what was written; else a new one. */
  async #make(workload: Workload): Promise<IssuedIdentity> {
    this.#unchecked.delete(workload.key);
    const written = this.#takeOver(await this.#options.read(workload));
    const known = this.#entries.get(workload.key);
    const usable = [known, written].filter((each) => each !== undefined && this.#isUsable(each, workload));
    const entry =
      usable.reduce((a, b) => newest(a, b), undefined) ?? (await this.#renew(workload, [known, written]));
    this.#entries.set(workload.key, entry);
    return this.#identity(entry);
  }

  /** When an issuer elsewhere does not sign now, what is valid still goes on; it stays due. */
  async #renew(workload: Workload, old: readonly (Entry | undefined)[]): Promise<Entry> {
    try {
      return await this.#issue(workload);
    } catch (error) {
      const nowMs = this.#options.clock.unixMs();
      const isValid = (entry: Entry) => this.#isOf(entry, workload) && nowMs < entry.notAfterMs;
      const valid = old.filter((each) => each !== undefined && isValid(each)).reduce(newest, undefined);
      if (valid === undefined || !(error instanceof IssuerError)) throw error;
      return valid;
    }
  }

  /** With the roots of now, whenever the leaf was issued. */
  #identity({ leaf: { certificate, privateKey } }: Entry): IssuedIdentity {
    return { certificate, privateKey, trustBundle: this.#options.authority.trustBundle };
  }

  /** Of a root that went without waiting, because it had ended or was replaced by hand. */
  #forgetUntrusted(): void {
    for (const [workload, { leaf }] of this.#entries) {
      if (!this.#options.authority.signed(new X509Certificate(leaf.certificate))) this.forget(workload);
    }
  }

  async #issue(workload: Workload): Promise<Entry> {
    const { authority, clock } = this.#options;
    const names = { spiffeId: this.#spiffeId(workload), proxyId: workload.proxyId! };
    const request = { spiffeId: names.spiffeId, dnsNames: [names.proxyId] };
    const leaf = await authority.issue(request, clock.unixMs());
    return this.#entry(leaf, names);
  }

  /** Undefined for anything that this authority would not have issued, or whose key is another's. */
  #takeOver(files: ProxyFiles | undefined): Entry | undefined {
    if (files === undefined) return undefined;
    const { authority, trustDomain, clock } = this.#options;
    try {
      const certificate = new X509Certificate(files.certificate);
      const peer = readPeer(certificate, trustDomain, clock.unixMs());
      if (typeof peer === 'string' || peer.dnsNames.length !== 1) return undefined;
      if (!authority.signed(certificate) || !authority.ownsKey(certificate, files.privateKey))
        return undefined;
      const { privateKey } = files;
      const leaf = { certificate: files.certificate, privateKey };
      return this.#entry(leaf, { spiffeId: peer.spiffeId, proxyId: peer.dnsNames[0]! });
    } catch {
      return undefined;
    }
  }

  #entry(leaf: Leaf, names: Pick<Entry, 'spiffeId' | 'proxyId'>): Entry {
    const validity = validityOf(new X509Certificate(leaf.certificate));
    const { notAfterMs } = validity;
    return { leaf, ...names, notAfterMs, renewAtMs: renewAtMs(validity, this.#options.random) };
  }

  #isOf(entry: Entry, workload: Workload): boolean {
    return entry.spiffeId === this.#spiffeId(workload) && entry.proxyId === workload.proxyId;
  }
  #isUsable(entry: Entry, workload: Workload): boolean {
    return this.#isOf(entry, workload) && this.#options.clock.unixMs() < entry.renewAtMs;
  }
  #spiffeId({ namespace, serviceAccount }: Workload): string {
    return spiffeId({ trustDomain: this.#options.trustDomain, namespace, serviceAccount });
  }
}

/** The first of two that end together: the same one, read again. */
function newest(a: Entry | undefined, b: Entry | undefined): Entry | undefined {
  if (a === undefined || b === undefined) return a ?? b;
  return b.notAfterMs > a.notAfterMs ? b : a;
}
