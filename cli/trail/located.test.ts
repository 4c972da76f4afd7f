import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { inOrder, type Located } from './located.ts';
import { inbound, outbound } from './record.fixture.ts';

const at = (beginMs: number) => ({ endedMs: beginMs + 10, durationMs: 10 });
const names = (located: readonly Located[]) =>
  located.map(({ sidecar, record }) => `${sidecar} ${record.direction}`);

describe('what several sidecars know of a request', () => {
  it('comes in the order of its begin, not of its end', () => {
    const slow = outbound({ endedMs: 500, durationMs: 400 });
    const quick = inbound({ endedMs: 300, durationMs: 100 });
    assert.deepEqual(inOrder([quick, slow]), [slow, quick]);
  });

  it('has the sending before the receiving, though the clock of the receiver is two milliseconds behind', () => {
    const ordered = inOrder([inbound(at(98)), outbound(at(100))]);
    assert.deepEqual(names(ordered), ['shop/web-1 outbound', 'shop/payments-1 inbound']);
  });

  it('believes the clocks beyond that', () => {
    const ordered = inOrder([outbound(at(103)), inbound(at(100))]);
    assert.deepEqual(names(ordered), ['shop/payments-1 inbound', 'shop/web-1 outbound']);
  });

  it('leaves what one sidecar received before what it sent on, however quickly', () => {
    const chain = [inbound(at(100), 'a/web'), outbound(at(100.5), 'a/web'), inbound(at(100.2), 'a/pay')];
    assert.deepEqual(names(inOrder(chain)), ['a/web inbound', 'a/web outbound', 'a/pay inbound']);
  });
});
