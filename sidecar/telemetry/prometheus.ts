import { type Counter, DURATION_BUCKETS, type Family, type Histogram } from './series.ts';

/** Text format 0.0.4 (https://prometheus.io/docs/instrumenting/exposition_formats/). */
export function renderCounters(family: Family<Counter>, type: 'counter' | 'gauge'): string {
  let text = header(family, type);
  for (const { values, series } of family) text += line(family.name, family.labels, values, series.value);
  return text;
}

export function renderHistograms(family: Family<Histogram>): string {
  let text = header(family, 'histogram');
  for (const { values, series } of family) text += renderHistogram(family, values, series);
  return text;
}

function renderHistogram(family: Family<Histogram>, values: readonly string[], series: Histogram): string {
  const labels = [...family.labels, 'le'];
  let text = '';
  let total = 0;
  for (let bucket = 0; bucket < series.counts.length; bucket += 1) {
    total += series.counts[bucket]!;
    const bound = bucket < DURATION_BUCKETS.length ? String(DURATION_BUCKETS[bucket]) : '+Inf';
    text += line(`${family.name}_bucket`, labels, [...values, bound], total);
  }
  text += line(`${family.name}_sum`, family.labels, values, series.sum);
  return text + line(`${family.name}_count`, family.labels, values, total);
}

function header(family: { readonly name: string; readonly help: string }, type: string): string {
  return `# HELP ${family.name} ${family.help}\n# TYPE ${family.name} ${type}\n`;
}

function line(name: string, labels: readonly string[], values: readonly string[], value: number): string {
  const pairs = labels.map((label, index) => `${label}="${escapeLabel(values[index] ?? '')}"`);
  return `${name}${pairs.length === 0 ? '' : `{${pairs.join(',')}}`} ${value}\n`;
}

function escapeLabel(value: string): string {
  return value.replace(/[\\"\n]/g, (character) => (character === '\n' ? '\\n' : `\\${character}`));
}
