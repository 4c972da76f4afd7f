/** A value longer than this stands alone, and what follows it on a line of its own. */
const VALUE_MAX = 44;
const GAP = 2;

export interface Row {
  readonly name: string;
  readonly value: string;
  readonly remark: string;
}

/** Pure: names, values and remarks below each other. */
export function columns(rows: readonly Row[], indent: string): string[] {
  const nameWidth = Math.max(0, ...rows.map(({ name }) => name.length)) + GAP;
  const short = rows.filter(({ value }) => value.length <= VALUE_MAX);
  const valueWidth = Math.max(0, ...short.map(({ value }) => value.length)) + GAP;
  return rows.flatMap(({ name, value, remark }) => {
    const start = indent + name.padEnd(nameWidth);
    if (value.length <= VALUE_MAX) return [start + value.padEnd(valueWidth) + remark];
    return remark === '' ? [start + value] : [start + value, `${' '.repeat(start.length)}${remark}`];
  });
}

/** `a, b, c and 997 more` */
export function some(all: readonly string[], max = 3): string {
  return all.length <= max ? all.join(', ') : `${all.slice(0, max).join(', ')} and ${all.length - max} more`;
}

/** `1 proxy`, `3 proxies` */
export function counted(count: number, one: string, many: string = `${one}s`): string {
  return `${count} ${count === 1 ? one : many}`;
}
