import type { Host } from '../balancers/host.ts';
import { Gcra } from '../layers/gcra.ts';
import type { Log } from '../log.ts';
import type { Timers } from '../transport/timers.ts';

/** Lines of one backend that may come at once, as when so many endpoints fail together. */
export const HEALTH_LINES_BURST = 100;
/** Lines in a second, in the long run. */
const RATE = new Gcra(1, 1_000, HEALTH_LINES_BURST - 1);

const FAILS = 'an endpoint fails its health checks';
const PASSES = 'an endpoint passes its health checks again';

/**
 * What health checks have found, as lines of the log. Endpoints may change their mind with every check, and a policy may
 * have them checked ten times a second: whoever owns the two must not fill the log of everybody who calls.
 */
export class HealthLog {
  readonly #log: Log;
  readonly #timers: Pick<Timers, 'nowMs'>;
  #tat = 0;
  #unsaid = 0;

  constructor(log: Log, timers: Pick<Timers, 'nowMs'>) {
    this.#log = log;
    this.#timers = timers;
  }

  /** `reason`: what it answered, or why nothing. What was left out before is counted in `unsaid`. */
  judged(
    { name: endpoint, healthy }: Pick<Host, 'name' | 'healthy'>,
    destination: string,
    reason: string,
  ): void {
    const now = RATE.units(this.#timers.nowMs());
    if (RATE.early(this.#tat, now) > 0) {
      this.#unsaid += 1;
      return;
    }
    this.#tat = RATE.next(this.#tat, now);
    const unsaid = this.#unsaid;
    this.#unsaid = 0;
    const fields = { destination, endpoint, reason, ...(unsaid > 0 && { unsaid }) };
    this.#log.info(healthy ? PASSES : FAILS, fields);
  }
}
