import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { markCopies } from './copies.ts';
import type { Located } from './located.ts';
import { inbound, outbound } from './record.fixture.ts';
import { trailText } from './trail-text.ts';
import { whyThisAnswer } from './why.ts';

const SHADOW = '10.0.0.9:8080';
const called = inbound();
const shadow = (change: Parameters<typeof inbound>[0] = {}) =>
  inbound(
    { at: SHADOW, status: 403, code: 'denied', verdict: 'denied', policy: 'shop/shadow', ...change },
    'shop/shadow-1',
  );
const copies = (...located: Located[]) =>
  markCopies(located).map(({ sidecar, isCopy }) => `${sidecar}${isCopy === true ? ' copy' : ''}`);

describe('what a mirror got', () => {
  it('is a copy, and never why the request got its answer', () => {
    const marked = markCopies([outbound(), shadow(), called]);
    assert.deepEqual(
      marked.map(({ isCopy }) => isCopy === true),
      [false, true, false],
    );
    assert.equal(whyThisAnswer(marked), '200 from the app behind shop/payments-1 itself');
    assert.match(
      trailText('id-1', marked).join('\n'),
      /shop\/shadow-1 {2}received at 10\.0\.0\.9:8080, a copy \(mirror\)/,
    );
  });

  it('is one also when its request went nowhere', () => {
    const marked = markCopies([outbound({ status: 503, code: 'no-endpoints', endpoint: '' }), shadow()]);
    assert.match(whyThisAnswer(marked), /^503 no-endpoints/);
  });

  it('makes copies of all that the mirror sends on, and of what receives that', () => {
    const caller = 'spiffe://td/ns/shop/sa/shadow';
    const sent = outbound({ caller, at: 'shop/db:80', endpoint: '10.0.0.7:80' }, 'shop/shadow-1');
    const received = inbound({ caller, at: '10.0.0.7:80' }, 'shop/db-1');
    assert.deepEqual(copies(outbound(), called, shadow({ code: '' }), sent, received), [
      ...['shop/web-1', 'shop/payments-1', 'shop/shadow-1 copy', 'shop/shadow-1 copy', 'shop/db-1 copy'],
    ]);
  });

  it('is one, where all share an address, by a refusal that its sender has not seen', () => {
    const sent = (change = {}) => outbound({ endpoint: '127.0.0.1:7001', ...change });
    const [app, mirror] = [inbound({ at: '127.0.0.1:8001' }), shadow({ at: '127.0.0.1:8002' })];
    assert.deepEqual(copies(sent(), app, mirror), ['shop/web-1', 'shop/payments-1', 'shop/shadow-1 copy']);
    for (const change of [
      { peerError: 'denied', status: 403 },
      { failedAttempts: '127.0.0.1:7002 status' },
      { aborted: true },
      { code: 'timeout', status: 504 },
    ]) {
      assert.ok(!copies(sent(change), mirror).includes('shop/shadow-1 copy'), JSON.stringify(change));
    }
  });

  it('is one by what the sidecars say, wherever it was received', () => {
    const told = { isCopy: false };
    const sent = outbound({ endpoint: '127.0.0.1:7001', ...told });
    const app = inbound({ at: '127.0.0.1:8001', ...told });
    const mirror = inbound({ at: '127.0.0.1:8002', isCopy: true }, 'shop/shadow-1');
    assert.deepEqual(copies(sent, app, mirror), ['shop/web-1', 'shop/payments-1', 'shop/shadow-1 copy']);
  });

  it('makes copies of what it sends on, where it is told', () => {
    const told = { isCopy: false };
    const caller = 'spiffe://td/ns/shop/sa/shadow';
    const sent = outbound({ caller, at: 'shop/db:80', endpoint: '127.0.0.1:7003', ...told }, 'shop/shadow-1');
    const received = inbound({ caller, at: '127.0.0.1:8003', ...told }, 'shop/db-1');
    const mirror = inbound({ at: '127.0.0.1:8002', isCopy: true }, 'shop/shadow-1');
    assert.deepEqual(copies(outbound(told), inbound(told), mirror, sent, received), [
      ...['shop/web-1', 'shop/payments-1', 'shop/shadow-1 copy', 'shop/shadow-1 copy', 'shop/db-1 copy'],
    ]);
  });

  const NONE: readonly [what: string, located: readonly Located[]][] = [
    ['the endpoint of the last attempt', [outbound(), called]],
    [
      'the endpoint of an attempt that failed before',
      [
        outbound({ endpoint: '10.0.0.3:80', failedAttempts: '10.0.0.4:80 timeout; 10.0.0.2:8080 status' }),
        called,
      ],
    ],
    [
      'one of more attempts than are recorded',
      [outbound({ endpoint: '10.0.0.3:80', failedAttempts: '10.0.0.4:80 timeout; '.repeat(30) }), called],
    ],
    ['one whose sender was not asked', [called]],
    ['one of another caller', [outbound({ caller: 'spiffe://td/ns/shop/sa/api' }), shadow()]],
    ['one of another time', [outbound(), shadow({ endedMs: 10_000 })]],
    [
      'what sidecars that would say so say nothing of',
      [outbound({ isCopy: false }), inbound({ at: SHADOW, status: 403, code: 'denied', isCopy: false })],
    ],
    ['what a caller without identity says is one', [inbound({ encrypted: false, isCopy: true })]],
    ['a caller without identity', [outbound(), shadow({ encrypted: false })]],
  ];
  for (const [what, located] of NONE) {
    it(`is not ${what}`, () =>
      assert.deepEqual(
        copies(...located).filter((each) => each.endsWith('copy')),
        [],
      ));
  }
});
