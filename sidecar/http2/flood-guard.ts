import { broken, H2_ERROR } from './error-codes.ts';

/** What costs a peer little and us more. */
export const NUISANCE = {
  /** streams that end by RST_STREAM, the peer's or one it provoked (CVE-2023-44487, CVE-2025-8671) */
  reset: 0,
  /** each is acknowledged (CVE-2019-9512) */
  ping: 1,
  /** each is acknowledged (CVE-2019-9515) */
  settings: 2,
  /** frames that say nothing: empty DATA, unknown types, PRIORITY, WINDOW_UPDATE (CVE-2019-9513, 9518) */
  idle: 3,
} as const;

const BURST = [1_000, 1_000, 100, 10_000];
const PER_SECOND = [100, 100, 10, 1_000];
const NAMES = ['resets', 'PINGs', 'SETTINGS', 'frames that say nothing'];

/** Token buckets of a connection. Useful traffic fills them too, so that busy connections may have more of each. */
export class FloodGuard {
  readonly #tokens = [...BURST];
  readonly #nowMs: () => number;
  #filledMs: number;

  constructor(nowMs: () => number) {
    this.#nowMs = nowMs;
    this.#filledMs = nowMs();
  }

  /** Throws ConnectionError when there were too many. */
  spend(kind: number): void {
    if (this.#tokens[kind]! < 1) this.#fill();
    if (this.#tokens[kind]! < 1) {
      broken(H2_ERROR.enhanceYourCalm, 'RFC 9113 10.5', `too many ${NAMES[kind]}`);
    }
    this.#tokens[kind]! -= 1;
  }

  /** Something was worth it: a request that was answered, a frame with bytes. */
  earn(kind: number, count: number): void {
    const tokens = this.#tokens[kind]! + count;
    this.#tokens[kind] = tokens > BURST[kind]! ? BURST[kind]! : tokens;
  }

  #fill(): void {
    const nowMs = this.#nowMs();
    const seconds = (nowMs - this.#filledMs) / 1000;
    this.#filledMs = nowMs;
    for (let kind = 0; kind < BURST.length; kind += 1) this.earn(kind, seconds * PER_SECOND[kind]!);
  }
}
