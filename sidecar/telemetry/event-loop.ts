import { createHistogram } from 'node:perf_hooks';
import { METRICS } from '../../api/metrics.ts';
import { Collected } from './collected.ts';
import type { Family } from './prometheus.ts';

/** How late the loop has to be to be counted. */
const STALLS_MS = [50, 100, 500];
/** Twenty wake-ups a second. A stall is surely seen when it exceeds a threshold by this much. */
const SAMPLE_MS = 50;
const MAX_LATE_MS = 60_000;
const QUANTILES = [0.5, 0.99, 1];

/** How late the event loop was, from the lateness of a timer: while the loop is held up, no traffic moves. */
export class EventLoopWatch {
  readonly #counts = STALLS_MS.map(() => 0);
  /** in microseconds; two figures keep it small */
  readonly #late = createHistogram({ lowest: 1, highest: MAX_LATE_MS * 1_000, figures: 2 });
  #timer: NodeJS.Timeout | undefined;

  /** Keeps no process alive. */
  start(nowMs: () => number = () => performance.now()): void {
    let lastMs = nowMs();
    this.stop();
    this.#timer = setInterval(() => {
      const now = nowMs();
      this.observe(now - lastMs - SAMPLE_MS);
      lastMs = now;
    }, SAMPLE_MS);
    this.#timer.unref();
  }

  stop(): void {
    clearInterval(this.#timer);
    this.#timer = undefined;
  }

  observe(lateMs: number): void {
    const boundedMs = Math.min(Math.max(lateMs, 0), MAX_LATE_MS);
    this.#late.record(Math.max(1, Math.round(boundedMs * 1_000)));
    for (let index = 0; index < STALLS_MS.length; index += 1) {
      if (lateMs > STALLS_MS[index]!) this.#counts[index]! += 1;
    }
  }

  families(): readonly Family[] {
    return [
      new Collected(
        METRICS.eventLoopLag,
        'How late the event loop was, since the last scrape.',
        'gauge',
        ['quantile'],
        () => this.#takeLag().map((seconds, index) => [[String(QUANTILES[index])], seconds]),
      ),
      new Collected(
        METRICS.eventLoopStalls,
        'Times the event loop was later than so many seconds.',
        'counter',
        ['over_seconds'],
        () => STALLS_MS.map((limitMs, index) => [[String(limitMs / 1000)], this.#counts[index]!]),
      ),
    ];
  }

  /** In seconds, and begins anew. */
  #takeLag(): number[] {
    const late = this.#late;
    const lags = QUANTILES.map((quantile) => {
      if (late.count === 0) return 0;
      return (quantile === 1 ? late.max : late.percentile(quantile * 100)) / 1e6;
    });
    late.reset();
    return lags;
  }
}
