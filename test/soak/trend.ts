export interface Sample {
  readonly minutes: number;
  readonly kib: number;
}

export interface Trend {
  readonly samples: number;
  readonly meanKib: number;
  readonly slopeKibPerMinute: number;
  /** half the width of the interval that holds the slope with 95 % confidence, samples taken for independent */
  readonly confidenceKibPerMinute: number;
}

/** What is warmed up before it is measured: caches, code, the size of the heap. */
const WARM_UP_SHARE = 0.4;
const Z_95 = 1.96;
/** Growth an hour, as a share of the mean, that no one would call a leak. */
const TOLERATED_SHARE_PER_HOUR = 0.05;

/** Without the warm-up. */
export function settled(samples: readonly Sample[]): readonly Sample[] {
  return samples.slice(Math.floor(samples.length * WARM_UP_SHARE));
}

/** Ordinary least squares of memory over time. Fewer than three samples have no confidence: infinite. */
export function trendOf(samples: readonly Sample[]): Trend {
  const n = samples.length;
  const mean = (pick: (sample: Sample) => number) => samples.reduce((sum, each) => sum + pick(each), 0) / n;
  const meanMinutes = mean(({ minutes }) => minutes);
  const meanKib = mean(({ kib }) => kib);
  const spread = samples.reduce((sum, { minutes }) => sum + (minutes - meanMinutes) ** 2, 0);
  if (n < 3 || spread === 0) {
    return { samples: n, meanKib, slopeKibPerMinute: 0, confidenceKibPerMinute: Number.POSITIVE_INFINITY };
  }
  const slope =
    samples.reduce((sum, { minutes, kib }) => sum + (minutes - meanMinutes) * (kib - meanKib), 0) / spread;
  const residual = samples.reduce(
    (sum, { minutes, kib }) => sum + (kib - meanKib - slope * (minutes - meanMinutes)) ** 2,
    0,
  );
  const confidence = Z_95 * Math.sqrt(residual / (n - 2) / spread);
  return { samples: n, meanKib, slopeKibPerMinute: slope, confidenceKibPerMinute: confidence };
}

/** `unknown`: too few samples, or so noisy that a leak could hide in it. */
export type Verdict = 'flat' | 'grows' | 'unknown';

export function verdictOf(trend: Trend): Verdict {
  const { slopeKibPerMinute: slope, confidenceKibPerMinute: confidence, meanKib } = trend;
  const tolerated = (meanKib * TOLERATED_SHARE_PER_HOUR) / 60;
  if (slope - confidence > tolerated) return 'grows';
  return slope + confidence <= tolerated ? 'flat' : 'unknown';
}
