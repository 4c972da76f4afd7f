import type { MetricName } from '../../api/metrics.ts';
import { Cells, type Row } from './cells.ts';
import { LabelSets } from './label-sets.ts';
import { labelText } from './labels.ts';
import { type Family, line } from './prometheus.ts';

/** One series; whoever counts often holds on to it. */
export class Counter {
  readonly labels: string;
  readonly #block: Float64Array;
  readonly #at: number;

  constructor(labels: string, { block, at }: Row) {
    this.labels = labels;
    this.#block = block;
    this.#at = at;
  }

  add(amount: number): void {
    this.#block[this.#at]! += amount;
  }

  get value(): number {
    return this.#block[this.#at]!;
  }
}

export interface CountersOptions {
  readonly max?: number;
  readonly boundedByFirst?: boolean;
}

/** Counters of one name by their labels. */
export class Counters implements Family {
  readonly name: MetricName;
  readonly help: string;
  readonly type = 'counter';
  readonly sets: LabelSets<Counter>;

  constructor(name: MetricName, help: string, labels: readonly string[], options: CountersOptions = {}) {
    this.name = name;
    this.help = help;
    const cells = new Cells(1);
    this.sets = new LabelSets({
      create: (values) => new Counter(labelText(labels, values), cells.add()),
      max: options.max ?? 1_000,
      boundedByFirst: options.boundedByFirst ?? false,
    });
  }

  get(...values: readonly string[]): Counter {
    return this.sets.get(values);
  }

  *lines(): Generator<string> {
    for (const counter of this.sets.items) yield line(this.name, counter.labels, counter.value);
  }
}
