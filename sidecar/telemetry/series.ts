/** Values of one combination of labels; the hot path holds on to it. */
export interface Counter {
  value: number;
}

/**
 * Series of one metric by label values. Their number is bounded: what comes after the bound is counted in one
 * series whose labels are all `other`, so that no peer can make the set grow.
 */
export class Family<Series> {
  readonly name: string;
  readonly help: string;
  readonly labels: readonly string[];
  readonly #create: () => Series;
  readonly #maxSeries: number;
  readonly #series = new Map<string, { readonly values: readonly string[]; readonly series: Series }>();

  constructor(
    name: string,
    help: string,
    labels: readonly string[],
    create: () => Series,
    maxSeries = 1_000,
  ) {
    this.name = name;
    this.help = help;
    this.labels = labels;
    this.#create = create;
    this.#maxSeries = maxSeries;
  }

  get(...values: readonly string[]): Series {
    const key = values.join('\u0000');
    const known = this.#series.get(key);
    if (known !== undefined) return known.series;
    if (this.#series.size >= this.#maxSeries) return this.#overflow();
    const series = this.#create();
    this.#series.set(key, { values, series });
    return series;
  }

  #overflow(): Series {
    const values = this.labels.map(() => 'other');
    const key = values.join('\u0000');
    const known = this.#series.get(key);
    if (known !== undefined) return known.series;
    const series = this.#create();
    this.#series.set(key, { values, series });
    return series;
  }

  *[Symbol.iterator](): Iterator<{ readonly values: readonly string[]; readonly series: Series }> {
    yield* this.#series.values();
  }
}

export function counters(name: string, help: string, labels: readonly string[]): Family<Counter> {
  return new Family(name, help, labels, () => ({ value: 0 }));
}

/** Upper bounds in seconds. */
export const DURATION_BUCKETS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];

export class Histogram {
  /** one more than the bounds: the rest */
  readonly counts = new Float64Array(DURATION_BUCKETS.length + 1);
  sum = 0;

  observe(seconds: number): void {
    let bucket = 0;
    while (bucket < DURATION_BUCKETS.length && seconds > DURATION_BUCKETS[bucket]!) bucket += 1;
    this.counts[bucket]! += 1;
    this.sum += seconds;
  }
}

export function histograms(name: string, help: string, labels: readonly string[]): Family<Histogram> {
  return new Family(name, help, labels, () => new Histogram(), 300);
}
