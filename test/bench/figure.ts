/** One measured figure: the median, and what it was spread over. */
export interface Figure {
  readonly name: string;
  readonly unit: string;
  readonly value: number;
  readonly min?: number;
  readonly max?: number;
}

export function medianOf(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = Math.floor(sorted.length / 2);
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
}

export function printFigures(figures: readonly Figure[]): void {
  const width = Math.max(...figures.map(({ name }) => name.length));
  for (const { name, unit, value, min, max } of figures) {
    const spread = min === undefined || max === undefined ? '' : `  (${min.toFixed(1)} to ${max.toFixed(1)})`;
    console.log(`${name.padEnd(width)}  ${value.toFixed(1).padStart(8)} ${unit}${spread}`);
  }
}
