import { hash } from 'node:crypto';
import { hash32 } from '../balancers/hash.ts';

/** Keys of one limit that have an entry of their own; a table full of the longest keys is about 2.5 MB. */
export const MAX_KEYS = 10_000;
/** Longer values are kept as their digest: a header of 64 KiB is not stored ten thousand times. */
const MAX_KEY_CHARS = 128;
/** No value has a line feed in it, so no value looks like a digest. */
const DIGEST = '\n';
/** Entries looked at for one that may go, each time a new key finds none free. */
const PROBES = 256;
const FIRST_ENTRIES = 64;
/** Of senders whose keys have no entry; for callers with a proven identity and for the others. */
const OVERFLOW_ENTRIES = 512;

/** Where a sender's keys are counted that have no entry of their own. */
export function overflowEntry(sender: string, isIdentified: boolean, seed: number): number {
  return (hash32(sender, seed) % OVERFLOW_ENTRIES) + (isIdentified ? 0 : OVERFLOW_ENTRIES);
}

/** What a value is looked up under. */
export function rateLimitKey(value: string): string {
  return value.length <= MAX_KEY_CHARS ? value : DIGEST + hash('sha256', value, 'base64url');
}

/** A value is a piece of the head it came in: kept as it is, it would keep the whole head. */
function detached(key: string): string {
  return Buffer.from(key, 'latin1').toString('latin1');
}

/**
 * Theoretical arrival times by key, in memory that is bounded whatever keys are sent.
 *
 * A key whose time has passed is worth nothing: it equals one never seen, and its entry goes to the next key that
 * needs one. When every entry is live, further keys are counted together, one entry for each sender. So nobody
 * forgets a key early (else an owner of many keys could refill the bucket of one by using the others), and who
 * fills the table is limited to the rate of one key and shuts out no other sender. A key that gets an entry later
 * begins with the time its sender has there, so no sender has a key twice.
 *
 * One request at a time: `look`, then `take` if it was let in, with nothing between them.
 */
export class RateLimitKeys {
  readonly #max: number;
  readonly #entries = new Map<string, number>();
  readonly #keys: string[] = [];
  #times = new Float64Array(FIRST_ENTRIES);
  #overflow: Float64Array | undefined = undefined;
  /** where to look next for an entry that may go */
  #hand = 0;
  // of the request being looked at; an entry of -1 is in the overflow
  #key = '';
  #entry = -1;
  #sender = 0;

  constructor(max: number = MAX_KEYS) {
    this.#max = max;
  }

  get size(): number {
    return this.#keys.length;
  }

  /** The time of a key, 0 for a new one. `sender`: see `overflowEntry`. `now` never goes back. */
  look(key: string, sender: number, now: number): number {
    const known = this.#entries.get(key);
    this.#key = key;
    this.#sender = sender;
    if (known !== undefined) {
      this.#entry = known;
      return this.#times[known]!;
    }
    this.#entry = this.#keys.length < this.#max ? this.#keys.length : this.#findPassed(now);
    return this.#overflow === undefined ? 0 : this.#overflow[sender]!;
  }

  /** The new time of the key that was looked for. */
  take(time: number): void {
    if (this.#entry === -1) {
      this.#overflow ??= new Float64Array(2 * OVERFLOW_ENTRIES);
      this.#overflow[this.#sender] = time;
      return;
    }
    if (this.#keys[this.#entry] !== this.#key) this.#enter();
    this.#times[this.#entry] = time;
  }

  #enter(): void {
    const entry = this.#entry;
    const key = detached(this.#key);
    if (entry < this.#keys.length) this.#entries.delete(this.#keys[entry]!);
    else if (entry === this.#times.length) this.#grow();
    this.#keys[entry] = key;
    this.#entries.set(key, entry);
  }

  #grow(): void {
    const times = new Float64Array(Math.min(this.#max, 2 * this.#times.length));
    times.set(this.#times);
    this.#times = times;
  }

  #findPassed(now: number): number {
    for (let probe = Math.min(PROBES, this.#max); probe > 0; probe -= 1) {
      const entry = this.#hand;
      this.#hand = entry + 1 === this.#max ? 0 : entry + 1;
      if (this.#times[entry]! <= now) return entry;
    }
    return -1;
  }
}
