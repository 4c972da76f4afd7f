import type { MetricName } from '../../api/metrics.ts';

/** All series of one name. */
export interface Family {
  readonly name: MetricName;
  readonly help: string;
  readonly type: 'counter' | 'gauge' | 'histogram';
  /** The lines of one series, or of a few, at a time; formatted when they are asked for. */
  lines(): Iterable<string>;
}

/** A slice takes well under a millisecond to format and to write. */
const MAX_SLICE_CHARS = 16 * 1024;

/**
 * Text format 0.0.4 (https://prometheus.io/docs/instrumenting/exposition_formats/), in slices of about
 * `maxChars`: between two of them whoever renders can let traffic go first. A histogram is never cut, so its
 * buckets, sum and count agree.
 */
export function* slices(families: Iterable<Family>, maxChars = MAX_SLICE_CHARS): Generator<string> {
  let slice = '';
  for (const family of families) {
    slice += `# HELP ${family.name} ${escapeHelp(family.help)}\n# TYPE ${family.name} ${family.type}\n`;
    for (const lines of family.lines()) {
      slice += lines;
      if (slice.length < maxChars) continue;
      yield slice;
      slice = '';
    }
  }
  if (slice !== '') yield slice;
}

/** `labels` without braces. */
export function line(name: string, labels: string, value: number): string {
  return labels === '' ? `${name} ${number(value)}\n` : `${name}{${labels}} ${number(value)}\n`;
}

function number(value: number): string {
  if (value === Number.POSITIVE_INFINITY) return '+Inf';
  return value === Number.NEGATIVE_INFINITY ? '-Inf' : String(value);
}

function escapeHelp(help: string): string {
  return help.replaceAll('\\', '\\\\').replaceAll('\n', '\\n');
}
