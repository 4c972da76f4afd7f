import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { ERRORS } from '../../api/errors.ts';
import type { Located } from './located.ts';
import { inbound, outbound } from './record.fixture.ts';
import { whyThisAnswer } from './why.ts';

const refused = (change: Parameters<typeof inbound>[0]) =>
  inbound({ status: 403, code: 'denied', verdict: 'denied', ...change });

const CASES: readonly [what: string, located: readonly Located[], why: string][] = [
  [
    'the rule that denied',
    [refused({ policy: 'shop/payments', rule: 'no-admin' })],
    '403 denied by rule no-admin of shop/payments, at the called side (shop/payments-1)',
  ],
  [
    'the policy none of whose rules allows it',
    [refused({ policy: 'shop/payments' })],
    '403 denied: no rule of shop/payments allows it, at the called side (shop/payments-1)',
  ],
  [
    'that no rule allows it',
    [refused({})],
    '403 denied: no rule allows it, at the called side (shop/payments-1)',
  ],
  [
    'the egress that denied',
    [outbound({ status: 403, code: 'denied', verdict: 'denied', policy: 'shop/out', rule: 'egress' })],
    "403 denied by egress of shop/out, at the caller's side (shop/web-1)",
  ],
  [
    'the innermost refusal, of those that were passed on',
    [outbound({ status: 403, peerError: 'denied' }), refused({ policy: 'shop/payments', rule: 'no-admin' })],
    '403 denied by rule no-admin of shop/payments, at the called side (shop/payments-1)',
  ],
  [
    'what the other side said, when only the caller was asked',
    [outbound({ status: 403, peerError: 'denied' })],
    '403 denied, said by the sidecar of the called side, which was not asked or has forgotten it',
  ],
  [
    'the limit that was over',
    [inbound({ status: 429, code: 'rate-limited', limit: 'burst', limitPolicy: 'shop/limits' })],
    '429 rate-limited: over limit burst of shop/limits, at the called side (shop/payments-1)',
  ],
  [
    'the issuer whose token was wrong',
    [
      inbound({
        status: 401,
        code: 'unauthenticated',
        rule: 'id',
        policy: 'shop/jwt',
        reason: 'it has expired',
      }),
    ],
    '401 unauthenticated by issuer id of shop/jwt: it has expired, at the called side (shop/payments-1)',
  ],
  [
    'the route whose fault it was',
    [outbound({ status: 503, code: 'fault', route: 'chaos', routePolicy: 'shop/chaos' })],
    "503 fault: injected, by route chaos of shop/chaos, at the caller's side (shop/web-1)",
  ],
  [
    'in the words of the table when there is no reason',
    [outbound({ status: 504, code: 'timeout' })],
    `504 timeout: ${ERRORS.timeout.message}, at the caller's side (shop/web-1)`,
  ],
  [
    'where nothing is ready',
    [outbound({ status: 503, code: 'no-endpoints' })],
    "503 no-endpoints: the destination has no ready endpoint (shop/payments:80), at the caller's side (shop/web-1)",
  ],
  [
    'the route that led where nothing is ready',
    [outbound({ status: 503, code: 'no-endpoints', route: 'next', routePolicy: 'shop/pay' })],
    "503 no-endpoints: the destination has no ready endpoint (shop/payments:80, by route next of shop/pay: look at its backends), at the caller's side (shop/web-1)",
  ],
  [
    'the backend behind which nothing is ready',
    [
      outbound({
        status: 503,
        code: 'no-endpoints',
        route: 'next',
        routePolicy: 'shop/pay',
        reason: 'nothing is ready behind shop/payments-next:80',
      }),
    ],
    "503 no-endpoints: nothing is ready behind shop/payments-next:80 (shop/payments:80, by route next of shop/pay), at the caller's side (shop/web-1)",
  ],
  [
    'what more is known of a denial',
    [refused({ policy: 'shop/jwt', reason: 'no token came with it' })],
    '403 denied: no rule of shop/jwt allows it: no token came with it, at the called side (shop/payments-1)',
  ],
  [
    'a code it does not know, as it is',
    [outbound({ status: 0, code: 'toString', reason: '' })],
    "no answer toString, at the caller's side (shop/web-1)",
  ],
  [
    'that the app itself answered',
    [outbound(), inbound({ status: 500 })],
    '500 from the app behind shop/payments-1 itself',
  ],
  [
    'what would be denied if an audit were enforced',
    [inbound({ auditPolicy: 'shop/next', auditRule: 'no-writes' })],
    '200 from the app behind shop/payments-1 itself; denied by rule no-writes of shop/next if it were enforced',
  ],
  [
    'the route that redirected',
    [outbound({ status: 302, attempts: 0, endpoint: '', route: 'old', routePolicy: 'shop/moved' })],
    "302: redirected by route old of shop/moved, at the caller's side (shop/web-1)",
  ],
  [
    'that the connection ended',
    [inbound({ aborted: true })],
    'no whole answer: the connection ended before it was done, at the called side (shop/payments-1)',
  ],
  [
    'an endpoint whose sidecar says nothing',
    [outbound({ status: 204 })],
    '204 from 10.0.0.2:8080, whose sidecar was not asked, or has none',
  ],
];

describe('why a request got its answer', () => {
  for (const [what, located, why] of CASES) {
    it(`tells ${what}`, () => assert.equal(whyThisAnswer(located), why));
  }
});
