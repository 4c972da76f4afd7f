/** One sample of a text that was parsed. */
export interface ParsedSample {
  readonly name: string;
  readonly labels: ReadonlyMap<string, string>;
  readonly value: number;
}
export interface ParsedFamily {
  readonly name: string;
  readonly type: string;
  readonly samples: ParsedSample[];
}

const HEAD = /^# (HELP|TYPE) ([a-zA-Z_:][a-zA-Z0-9_:]*) (.+)$/;
// `s`: a carriage return or a line separator within a value ends no line of this format
const SAMPLE = /^([a-zA-Z_:][a-zA-Z0-9_:]*)(?:\{(.*)\})? (-?[0-9.]+(?:e[+-]?[0-9]+)?|NaN|[+-]Inf)$/s;
const LABEL = /([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\]|\\[\\"n])*)"(?:,|$)/y;

/**
 * Reads the text format 0.0.4 more strictly than Prometheus: HELP and TYPE exactly once and before the samples
 * of their family, families in one piece, no series twice, histograms whole and cumulative. Throws otherwise.
 */
export function parseExposition(text: string): Map<string, ParsedFamily> {
  if (text !== '' && !text.endsWith('\n')) throw new Error('the last line does not end');
  const parser = new Parser();
  for (const row of text.split('\n').slice(0, -1)) parser.take(row);
  for (const family of parser.families.values()) if (family.type === 'histogram') checkHistogram(family);
  return parser.families;
}

class Parser {
  readonly families = new Map<string, ParsedFamily>();
  readonly #seen = new Set<string>();
  #help = '';
  #current: ParsedFamily | undefined;

  take(row: string): void {
    const [, kind, name = '', rest = ''] = HEAD.exec(row) ?? [];
    if (kind === 'HELP') this.#helped(name);
    else if (kind === 'TYPE') this.#typed(name, rest);
    else this.#sample(parseSample(row), row);
  }

  #helped(name: string): void {
    if (this.families.has(name)) throw new Error(`${name} in two pieces`);
    this.#help = name;
    this.#current = undefined;
  }

  #typed(name: string, type: string): void {
    if (this.#help !== name || this.families.has(name)) {
      throw new Error(`TYPE of ${name} without its HELP, or again`);
    }
    this.#current = { name, type, samples: [] };
    this.families.set(name, this.#current);
  }

  #sample(sample: ParsedSample, row: string): void {
    const key = JSON.stringify([sample.name, ...[...sample.labels].sort()]);
    if (this.#seen.has(key)) throw new Error(`twice: ${row}`);
    this.#seen.add(key);
    const current = this.#current;
    if (current === undefined || !belongs(sample.name, current)) throw new Error(`in no family: ${row}`);
    current.samples.push(sample);
  }
}

function parseSample(row: string): ParsedSample {
  const [, name, inner = '', value] = SAMPLE.exec(row) ?? [];
  if (name === undefined || value === undefined) throw new Error(`not a sample: ${row}`);
  const labels = new Map<string, string>();
  LABEL.lastIndex = 0;
  while (LABEL.lastIndex < inner.length) {
    const match = LABEL.exec(inner);
    if (match === null) throw new Error(`labels: ${row}`);
    if (labels.has(match[1]!)) throw new Error(`a label twice: ${row}`);
    labels.set(
      match[1]!,
      match[2]!.replace(/\\(.)/g, (_, escaped: string) => (escaped === 'n' ? '\n' : escaped)),
    );
  }
  return { name, labels, value: Number(value.replace('Inf', 'Infinity')) };
}

function belongs(name: string, { name: family, type }: ParsedFamily): boolean {
  if (type !== 'histogram') return name === family;
  return ['_bucket', '_sum', '_count'].some((suffix) => name === `${family}${suffix}`);
}

function checkHistogram({ name, samples }: ParsedFamily): void {
  const bySeries = Map.groupBy(samples, ({ labels }) =>
    JSON.stringify([...labels].filter(([label]) => label !== 'le').sort()),
  );
  for (const [key, parts] of bySeries) {
    const buckets = parts.filter((part) => part.name === `${name}_bucket`);
    const bounds = buckets.map(({ labels }) => Number(labels.get('le')?.replace('Inf', 'Infinity')));
    const isRising = (values: readonly number[], strictly: boolean) =>
      values.every((value, index) => {
        const before = values[index - 1] ?? Number.NEGATIVE_INFINITY;
        return strictly ? value > before : value >= before;
      });
    const counts = buckets.map(({ value }) => value);
    const one = (suffix: string) => parts.filter((part) => part.name === `${name}_${suffix}`);
    const isWhole =
      bounds.at(-1) === Number.POSITIVE_INFINITY &&
      isRising(bounds, true) &&
      isRising(counts, false) &&
      one('sum').length === 1 &&
      one('count').length === 1 &&
      one('count')[0]!.value === counts.at(-1);
    if (!isWhole) throw new Error(`not a histogram: ${name} ${key}`);
  }
}
