import { X509Certificate } from 'node:crypto';
import type { Clock } from '../clock.ts';
import type { IssuerClient } from '../platform.ts';
import type { Authority, Leaf, LeafRequest } from './authority.ts';
import { renewAtMs, validityOf } from './renewal.ts';

export interface OwnLeafOptions {
  readonly authority: Authority;
  readonly request: LeafRequest;
  /** the one in use */
  readonly leaf: Leaf;
  readonly clock: Clock;
  readonly random: () => number;
  /** absent: a new one can be signed at any time */
  readonly store?: IssuerClient | undefined;
  readonly onRenew: (leaf: Leaf) => void;
  readonly onError: (error: unknown) => void;
}

/** Also how late a renewal may be after the machine slept. */
const CHECK_MAX_MS = 60_000;
const CHECKS_A_LIFETIME = 20;

/** Keeps the operator's own certificate young, and of a root that is trusted. */
export class OwnLeaf {
  readonly #options: OwnLeafOptions;
  #current: Leaf;
  #renewAtMs: number;
  #cancel: () => void;
  #checking: Promise<void> | undefined;

  constructor(options: OwnLeafOptions) {
    this.#options = options;
    this.#current = options.leaf;
    this.#renewAtMs = this.#renewalOf(options.leaf);
    this.#cancel = this.#schedule();
    options.authority.onChange(() => {
      this.#start();
    });
  }

  get current(): Leaf {
    return this.#current;
  }

  stop(): void {
    this.#cancel();
  }

  #renewalOf(leaf: Leaf): number {
    return renewAtMs(validityOf(new X509Certificate(leaf.certificate)), this.#options.random);
  }

  #schedule(): () => void {
    const { clock, authority } = this.#options;
    return clock.after(Math.min(CHECK_MAX_MS, authority.leafLifetimeMs / CHECKS_A_LIFETIME), () => {
      this.#cancel = this.#schedule();
      this.#start();
    });
  }

  /** Never twice at a time: an issuer may take its time. */
  #start(): void {
    this.#checking ??= this.#check()
      .catch(this.#options.onError)
      .finally(() => {
        this.#checking = undefined;
      });
  }

  async #check(): Promise<void> {
    const { authority, request, clock, onRenew } = this.#options;
    const current = new X509Certificate(this.#current.certificate);
    const isTrusted = authority.signed(current);
    const nowMs = clock.unixMs();
    if (isTrusted && nowMs < this.#renewAtMs) return;
    const isUsable = isTrusted && nowMs < validityOf(current).notAfterMs;
    const leaf = await authority.issue(request, nowMs, !isUsable);
    this.#current = leaf;
    this.#renewAtMs = this.#renewalOf(leaf);
    onRenew(leaf);
    await this.#options.store?.storeOwnLeaf(leaf);
  }
}
