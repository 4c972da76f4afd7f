import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { inbound, outbound } from './record.fixture.ts';
import { trailText } from './trail-text.ts';

const text = (...located: Parameters<typeof trailText>[1]) => trailText('id-1', located).join('\n');

describe('the trail of a request, for people', () => {
  it('tells of both sides what each knows, and at the end why', () => {
    const lines = trailText('id-1', [
      outbound({
        ...{ status: 403, peerError: 'denied', connectedAfterMs: 0.4, respondedAfterMs: 1.234 },
        ...{ endedMs: 1_002.2, durationMs: 12.6, route: 'canary', routePolicy: 'shop/payments' },
      }),
      inbound({
        ...{ status: 403, code: 'denied', verdict: 'denied', policy: 'shop/payments', rule: 'no-admin' },
        ...{ callerAddress: '10.0.0.1' },
      }),
    ]);
    const clockless = lines.map((line) => line.replace(/^\d\d:\d\d:\d\d/, 'hh:mm:ss'));
    assert.deepEqual(
      clockless,
      [
        'request id-1: GET /v1 host payments',
        '',
        'hh:mm:ss.989  shop/web-1  sent to shop/payments:80',
        '  caller         spiffe://td/ns/shop/sa/web',
        '  endpoint       10.0.0.2:8080, by PeakEWMA among 2 usable of 3 known',
        '  encrypted      mutual TLS',
        '  time           connected after 0.4 ms, first byte after 1.23 ms, whole 13 ms',
        '  answer         403 weft-error: denied, said by the called side',
        '',
        'hh:mm:ss.998  shop/payments-1  received at 10.0.0.2:8080',
        '  caller         spiffe://td/ns/shop/sa/web, by mutual TLS from 10.0.0.1',
        '  authorization  denied by rule no-admin of shop/payments',
        '  time           whole 2 ms',
        '  answer         403 weft-error: denied',
        '',
        'Why: 403 denied by rule no-admin of shop/payments, at the called side (shop/payments-1)',
      ].toSpliced(4, 0, '  route          route canary of shop/payments'),
    );
  });

  it('shows attempts where there was more than one, with what failed before', () => {
    const shown = text(outbound({ attempts: 3, failedAttempts: '10.0.0.3:80 status; 10.0.0.4:80 timeout' }));
    assert.match(
      shown,
      /^ {2}attempts {7}3; failed before: 10\.0\.0\.3:80 \(its status is one to retry\); 10\.0\.0\.4:80 timeout$/m,
    );
    assert.doesNotMatch(text(outbound()), /attempts/);
  });

  it('names the Service beside a bare address', () => {
    assert.match(
      text(outbound({ at: '10.96.0.7:80', service: 'payments' })),
      /sent to payments at 10\.96\.0\.7:80$/m,
    );
    assert.match(text(outbound({ service: 'payments' })), /sent to shop\/payments:80$/m);
  });

  it('says of a plaintext caller that it has no identity', () => {
    const shown = text(inbound({ encrypted: false, callerAddress: '10.9.9.9', caller: '10.9.9.9' }));
    assert.match(shown, /caller {9}10\.9\.9\.9, in plaintext: no identity/);
  });

  it('says when the authorization was not reached, what an audit would deny, and which limit was over', () => {
    const shown = text(
      inbound({
        ...{
          verdict: '',
          code: 'rate-limited',
          status: 429,
          limit: 'per-caller',
          limitPolicy: 'shop/limits',
        },
        ...{ auditPolicy: 'shop/next', auditRule: 'no-writes' },
      }),
    );
    assert.match(shown, /authorization {2}not reached/);
    assert.match(shown, /audit {10}denied by rule no-writes of shop\/next, if that were enforced/);
    assert.match(shown, /rate limit {5}over per-caller of shop\/limits/);
  });

  it('says that panic let all endpoints be used, and that a fault delayed', () => {
    const shown = text(outbound({ isPanicking: true, delayedMs: 250 }));
    assert.match(shown, /too few are healthy, so all are used/);
    assert.match(shown, /250 ms delayed by a fault/);
  });

  it('marks a path that was cut and a request without one', () => {
    assert.match(text(inbound({ pathIsCut: true })), /GET \/v1… host/);
    assert.match(text(inbound({ path: undefined, method: 'OPTIONS' })), /OPTIONS \* host/);
  });

  for (const [what, change] of [
    ['had no endpoint', { endpoint: '', code: 'no-endpoints', encrypted: false }],
    ['egress denied', { verdict: 'denied', rule: 'egress', encrypted: false }],
  ] as const) {
    it(`does not say of a request that ${what} how it was sent`, () => {
      assert.doesNotMatch(text(outbound(change)), /encrypted/);
    });
  }

  it('shows at most twenty of many that share an id, and says how many more there are', () => {
    const shown = trailText(
      'id-1',
      Array.from({ length: 23 }, () => inbound()),
    );
    assert.equal(shown.filter((line) => line.includes('received at')).length, 20);
    assert.ok(shown.includes('and 3 more with this id: -o json lists them'));
  });
});
