import { X509Certificate } from 'node:crypto';
import type { Clock } from '../clock.ts';
import type { Authority, Leaf, LeafRequest } from './authority.ts';
import { renewAtMs, validityOf } from './renewal.ts';

export interface OwnLeafOptions {
  readonly authority: Authority;
  readonly request: LeafRequest;
  /** the one in use */
  readonly leaf: Leaf;
  readonly clock: Clock;
  readonly random: () => number;
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

  constructor(options: OwnLeafOptions) {
    this.#options = options;
    this.#current = options.leaf;
    this.#renewAtMs = this.#renewalOf(options.leaf);
    this.#cancel = this.#schedule();
    options.authority.onChange(() => {
      this.#check().catch(options.onError);
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
      this.#check().catch(this.#options.onError);
    });
  }

  async #check(): Promise<void> {
    const { authority, request, clock, onRenew } = this.#options;
    const isTrusted = authority.signed(new X509Certificate(this.#current.certificate));
    if (isTrusted && clock.unixMs() < this.#renewAtMs) return;
    const leaf = await authority.issue(request, clock.unixMs());
    this.#current = leaf;
    this.#renewAtMs = this.#renewalOf(leaf);
    onRenew(leaf);
  }
}
