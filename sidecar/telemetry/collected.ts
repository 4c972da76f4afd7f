import type { MetricName } from '../../api/metrics.ts';
import { labelText, plainValue } from './labels.ts';
import { type Family, line } from './prometheus.ts';

/** Label values in the order of the family's labels, and the value of now. */
export type Sample = readonly [values: readonly string[], value: number];

/** Asked at each scrape; may be a generator, which is read piece by piece. Each label set at most once. */
export type Collect = () => Iterable<Sample>;

const MAX_SAMPLES = 1_000;

/** What somebody else keeps, asked for when it is scraped. */
export class Collected implements Family {
  readonly name: MetricName;
  readonly help: string;
  readonly type: 'counter' | 'gauge';
  readonly #labels: readonly string[];
  readonly #collect: Collect;
  readonly #max: number;
  /** samples that had no room, at all scrapes together */
  overflows = 0;

  constructor(
    name: MetricName,
    help: string,
    type: 'counter' | 'gauge',
    labels: readonly string[],
    collect: Collect,
    max = MAX_SAMPLES,
  ) {
    this.name = name;
    this.help = help;
    this.type = type;
    this.#labels = labels;
    this.#collect = collect;
    this.#max = max;
  }

  *lines(): Generator<string> {
    let left = this.#max;
    for (const [values, value] of this.#collect()) {
      if (left === 0) {
        this.overflows += 1;
        return;
      }
      left -= 1;
      yield line(this.name, labelText(this.#labels, values.map(plainValue)), value);
    }
  }
}
