import type { Edge } from './admin-client.ts';

/** Pure: what `weft run` shows. One row per caller and service, as the called side's sidecar saw it. */
export function renderView(
  title: string,
  edges: readonly Edge[],
  events: readonly string[],
  down: readonly string[] = [],
): string {
  const rows = rowsOf(edges);
  const lines = [
    title,
    '',
    ...table([['CALLER', '', 'SERVICE', 'ENCRYPTED', 'ALLOWED', 'DENIED', 'ERRORS'], ...rows]),
  ];
  if (rows.length === 0) lines.push('(no request yet)');
  if (down.length > 0) lines.push('', ...down.map((line) => `DOWN  ${line}`));
  return [...lines, '', ...events, ''].join('\n');
}

export function rowsOf(edges: readonly Edge[]): string[][] {
  return edges
    .filter((edge) => edge.direction === 'inbound')
    .toSorted((a, b) => `${a.source} ${a.destination}`.localeCompare(`${b.source} ${b.destination}`))
    .map((edge) => [
      edge.source,
      '→',
      edge.destination,
      edge.encrypted ? 'mTLS' : 'no',
      String(edge.allowed),
      String(edge.denied),
      String(edge.errors),
    ]);
}

/** Columns padded to their widest cell; no trailing spaces. */
export function table(rows: readonly (readonly string[])[]): string[] {
  const widths = (rows[0] ?? []).map((_, column) => Math.max(...rows.map((row) => row[column]!.length)));
  return rows.map((row) =>
    row
      .map((cell, column) => cell.padEnd(widths[column]!))
      .join('  ')
      .trimEnd(),
  );
}
