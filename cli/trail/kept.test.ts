import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { type Kept, keptOf, readKept, unknownText } from './kept.ts';

describe('a request that nobody knows', () => {
  it('is told with what is kept and since when', () => {
    const kept = [
      keptOf('shop/web', { kept: 2048, keptSinceMs: Date.UTC(2026, 0, 2, 3, 4, 5) }),
      keptOf('shop/payments', { kept: 0, keptSinceMs: 0 }),
    ];
    assert.deepEqual(unknownText('x', kept, false), [
      'no sidecar that could be asked knows request x',
      '  shop/web       keeps 2048 since 2026-01-02T03:04:05.000Z',
      '  shop/payments  keeps none yet',
      'It is older than what is kept, or was not parsed: TLS of the app, TCP.',
      'Other namespaces were not asked: -A asks all.',
    ]);
    assert.equal(unknownText('x', kept, true).length, 4);
  });

  it('is told with ten of many sidecars', () => {
    const many = Array.from(
      { length: 500 },
      (_, i): Kept => ({ sidecar: `a/${i}`, requests: 0, since: undefined }),
    );
    const lines = unknownText('x', many, true);
    assert.equal(lines.length, 13);
    assert.equal(lines[11], '  and 490 more: -o json lists them');
  });

  for (const answer of [
    null,
    'x',
    {},
    { kept: 'x', keptSinceMs: 1 },
    { kept: 1, keptSinceMs: 1e300 },
    { kept: 1 },
  ]) {
    it(`refuses ${JSON.stringify(answer)} as what a sidecar keeps`, () => {
      assert.throws(() => readKept(answer), /something else than what it keeps/);
    });
  }
});
