export interface ReplayWatchOptions {
  /** names of the ready replicas besides this one */
  readonly peers: () => readonly string[];
  readonly hasReplayed: (name: string) => boolean;
  readonly nowMs: () => number;
}

/** A ready replica that does not report for this long is counted without: it is cut off, or too old to. */
export const REPLAY_MAX_MS = 10_000;

/** Whether a leader still waits for what other replicas have to say. */
export class ReplayWatch {
  readonly #options: ReplayWatchOptions;
  /** name → since when it is missing */
  readonly #missing = new Map<string, number>();

  constructor(options: ReplayWatchOptions) {
    this.#options = options;
  }

  /** Each has its full time again: this replica has begun to lead. */
  reset(): void {
    this.#missing.clear();
  }

  isReplaying(): boolean {
    const { peers, hasReplayed, nowMs } = this.#options;
    const missing = peers().filter((name) => !hasReplayed(name));
    for (const name of this.#missing.keys()) if (!missing.includes(name)) this.#missing.delete(name);
    for (const name of missing) if (!this.#missing.has(name)) this.#missing.set(name, nowMs());
    return [...this.#missing.values()].some((sinceMs) => nowMs() - sinceMs < REPLAY_MAX_MS);
  }
}
