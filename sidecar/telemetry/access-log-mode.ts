import type { Telemetry as TelemetryPolicy } from '../../api/proxy-config.ts';

/** In order of how much is written. */
const DISABLED = 0;
const ERRORS = 1;
const SAMPLED = 2;
const ALL = 3;
const LEVELS = { Disabled: DISABLED, Errors: ERRORS, Sampled: SAMPLED, All: ALL } as const;

/** Which lines the access log gets. */
export class AccessLogMode {
  readonly #random: () => number;
  #level: number = ERRORS;
  #share = 0;

  /** `random`: in [0, 1). */
  constructor(random: () => number) {
    this.#random = random;
  }

  /** Absent: Errors. */
  set(accessLog: TelemetryPolicy['accessLog']): void {
    this.#level = LEVELS[accessLog?.mode ?? 'Errors'];
    this.#share = (accessLog?.samplePercent ?? 1) / 100;
  }

  /** `failed`: an error, or a verdict somebody audits. Sampled is what Errors writes, and a share of the rest. */
  wants(failed: boolean): boolean {
    if (failed) return this.#level !== DISABLED;
    return this.#level === ALL || (this.#level === SAMPLED && this.#random() < this.#share);
  }
}
