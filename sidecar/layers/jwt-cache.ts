import type { Verified } from '../optional/jwt.ts';

interface Entry {
  readonly verified: Verified;
  readonly untilMs: number;
}

/** How long a refused token is refused without being looked at. */
const REFUSED_MS = 10_000;

/**
 * What is known about tokens, by digest. Refusals have room of their own, so that nobody can push out the
 * tokens of others with made-up ones; of too many the one used longest ago goes.
 */
export class TokenCache {
  readonly #valid = new Map<string, Entry>();
  readonly #refused = new Map<string, Entry>();
  readonly #maxEntries: number;

  constructor(maxEntries = 1_024) {
    this.#maxEntries = maxEntries;
  }

  get(key: string, nowMs: number): Verified | undefined {
    const entries = this.#valid.has(key) ? this.#valid : this.#refused;
    const entry = entries.get(key);
    if (entry === undefined) return undefined;
    entries.delete(key);
    if (entry.untilMs <= nowMs) return undefined;
    // the Map's order is the order of use
    entries.set(key, entry);
    return entry.verified;
  }

  set(key: string, verified: Verified, nowMs: number): void {
    const entries = verified.ok ? this.#valid : this.#refused;
    const untilMs = verified.ok ? verified.token.validUntilMs : nowMs + REFUSED_MS;
    if (entries.size >= this.#maxEntries) entries.delete(entries.keys().next().value!);
    entries.set(key, { verified, untilMs });
  }

  get size(): number {
    return this.#valid.size + this.#refused.size;
  }
}
