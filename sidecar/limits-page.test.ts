import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { test } from 'node:test';
import { ERRORS } from '../api/errors.ts';
import { DEFAULT_LIMITS, type Limits } from './limits.ts';

const page = await readFile(new URL('../docs/reference/data-plane.md', import.meta.url), 'utf8');
const rows = page
  .split('\n')
  .filter((line) => line.startsWith('| '))
  .map((line) => line.split('|').map((cell) => cell.trim()));

function second(first: string): string {
  return rows.find(([, cell]) => cell === first)?.[2] ?? `no row ${first}`;
}

const SECONDS: readonly (readonly [row: string, begins: string, limit: keyof Limits, unitMs: number])[] = [
  ['connecting to an endpoint, TLS included', '1 s', 'connectTimeoutMs', 1_000],
  ['connecting to the only endpoint', '5 s', 'loneConnectTimeoutMs', 1_000],
  ['without a byte in either direction', '5 min', 'idleTimeoutMs', 60_000],
  ['a request head, from its first byte', '10 s', 'headerTimeoutMs', 1_000],
  ['a TLS handshake, from accept to a verified peer', '10 s', 'handshakeTimeoutMs', 1_000],
  ['an idle connection to an app', '1.5 s', 'appIdleMs', 1_000],
  ['an idle connection to another sidecar', '60 s', 'meshIdleMs', 1_000],
  ['a connection to an endpoint is replaced after', '1 h', 'maxConnectionAgeMs', 3_600_000],
  ['after SIGTERM, what is in flight may take', '30 s', 'drainTimeoutMs', 1_000],
  [
    "once a caller's certificate has ended, a pause that ends its opaque connection",
    ...(['5 s', 'unprovenIdleMs', 1_000] as const),
  ],
  [
    "once a caller's certificate has ended, its connection lasts at most",
    ...(['24 h', 'unprovenMaxMs', 3_600_000] as const),
  ],
];

for (const [row, text, limit, unitMs] of SECONDS) {
  test(`the page says how long: ${row}`, () => {
    assert.ok(second(row).startsWith(text), second(row));
    assert.equal(DEFAULT_LIMITS[limit] / unitMs, Number.parseFloat(text));
  });
}

const COUNTS: readonly (readonly [row: string, text: string, ...limits: (keyof Limits)[]])[] = [
  ['connections accepted, each direction', '10,000', 'maxConnections'],
  ['TLS handshakes at the same time', '256', 'maxHandshakes'],
  ['tokens being verified at the same time', '256', 'maxTokenVerifications'],
  [
    'connections to one endpoint',
    '1,000, 256 of them idle',
    'maxConnectionsPerEndpoint',
    'maxIdlePerEndpoint',
  ],
  ['request or response head', '64 KiB, 512 fields', 'maxHeaderBytes'],
  ['trailers', '16 KiB', 'maxTrailerBytes'],
];

for (const [row, text, ...limits] of COUNTS) {
  test(`the page says how much: ${row}`, () => {
    assert.equal(second(row), text);
    const numbers = text.match(/[\d,]+\d|\d/g)!.map((number) => Number(number.replaceAll(',', '')));
    const unit = text.includes('KiB') ? 1024 : 1;
    limits.forEach((limit, index) => {
      assert.equal(DEFAULT_LIMITS[limit], numbers[index]! * unit);
    });
  });
}

test('every error on the page has the status of the table', () => {
  const errors = rows.filter(
    ([, cell]) => cell!.startsWith('`') && /^\d{3}$/.test(rows.find((row) => row[1] === cell)![2]!),
  );
  assert.ok(errors.length >= 14);
  for (const [, code, status] of errors) {
    const known = Object.values(ERRORS).find((error) => `\`${error.code}\`` === code);
    assert.equal(String(known?.httpStatus), status, code);
  }
});
