import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Edge } from './admin-client.ts';
import { describeDelta, tallies } from './changes.ts';
import { describeStatus } from './policies.ts';
import { renderView, rowsOf, table } from './view.ts';

const edge = (over: Partial<Edge> = {}): Edge => ({
  direction: 'inbound',
  source: 'shop/web',
  destination: 'shop/payments',
  service: 'shop/payments',
  encrypted: true,
  allowed: 0,
  denied: 0,
  errors: 0,
  ...over,
});

describe('the live view', () => {
  it('has one row an edge as the called side saw it, sorted', () => {
    const rows = rowsOf([
      edge({ allowed: 3, denied: 1 }),
      edge({ direction: 'outbound' }),
      edge({ source: 'shop/catalog', encrypted: false }),
    ]);
    assert.deepEqual(rows, [
      ['shop/catalog', '→', 'shop/payments', 'no', '0', '0', '0'],
      ['shop/web', '→', 'shop/payments', 'mTLS', '3', '1', '0'],
    ]);
  });

  it('says when there was no request yet', () => {
    assert.match(renderView('title', [], []), /no request yet/);
  });

  it('shows the apps that are down, and nothing of them when none is', () => {
    assert.match(
      renderView('title', [], [], ['the app of shop/web ended']),
      /^DOWN {2}the app of shop\/web/m,
    );
    assert.doesNotMatch(renderView('title', [], []), /DOWN/);
  });

  it('pads columns and leaves no trailing space', () => {
    assert.deepEqual(
      table([
        ['A', 'LONG'],
        ['bbb', 'x'],
      ]),
      ['A    LONG', 'bbb  x'],
    );
  });
});

describe('what changed between two looks', () => {
  it('counts only what is new, both edges of one pair together', () => {
    const before = tallies([edge({ allowed: 2 })]);
    const after = tallies([edge({ allowed: 5 }), edge({ encrypted: false, denied: 1 })]);
    assert.deepEqual(describeDelta(before, after), ['shop/web → shop/payments: 3 allowed, 1 denied']);
  });

  it('is silent when nothing happened', () => {
    const look = tallies([edge({ allowed: 2 })]);
    assert.deepEqual(describeDelta(look, look), []);
  });
});

describe('the line of a policy', () => {
  const proxies = { targeted: 2, inForce: 1, refused: 0 };

  it('says on how many proxies it is in force', () => {
    const conditions = [{ type: 'Accepted', status: 'True', reason: 'Accepted', message: '' }];
    const line = describeStatus('shop/payments', { observedGeneration: 3, conditions, proxies });
    assert.equal(line, 'policy shop/payments: generation 3 in force on 1 of 2 proxies');
  });

  it('says why it was not accepted', () => {
    const conditions = [
      { type: 'Accepted', status: 'False', reason: 'TooLarge', message: 'split it into several policies' },
    ];
    const line = describeStatus('shop/payments', { observedGeneration: 3, conditions, proxies });
    assert.match(line, /NOT accepted \(TooLarge\): split it/);
  });
});
