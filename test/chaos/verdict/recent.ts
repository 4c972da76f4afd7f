/** Remembers what was added for at least `spanMs`, and forgets it after at most twice that. */
export class Recent {
  readonly #spanMs: number;
  #sinceMs = 0;
  #young = new Set<string>();
  #old = new Set<string>();

  constructor(spanMs: number) {
    this.#spanMs = spanMs;
  }

  has(key: string): boolean {
    return this.#young.has(key) || this.#old.has(key);
  }

  /** False if it was there already. */
  add(key: string, nowMs: number): boolean {
    if (nowMs - this.#sinceMs >= this.#spanMs) {
      this.#old = nowMs - this.#sinceMs >= 2 * this.#spanMs ? new Set() : this.#young;
      this.#young = new Set();
      this.#sinceMs = nowMs;
    }
    if (this.has(key)) return false;
    this.#young.add(key);
    return true;
  }
}
