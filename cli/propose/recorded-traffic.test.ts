import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { AuthorizationRule } from '../../api/proxy-config.ts';
import type { Access, Question, Sidecar } from '../access/access.ts';
import { inbound, outbound } from '../trail/record.fixture.ts';
import { isConditional, recordedTraffic } from './recorded-traffic.ts';

const RULE: AuthorizationRule = { policy: 'shop/p', name: 'r', action: 'Allow', mode: 'Enforce' };
const CONFIG = {
  ...{ apiVersion: 'weft.dev/v1alpha1', kind: 'ProxyConfig', version: { hash: 'h', policies: {} } },
  ...{ proxyId: 'p', trustDomain: 'cluster.local' },
  workload: { name: 'pay', namespace: 'shop', serviceAccount: 'pay', app: 'pay' },
  controlPlane: {
    address: '127.0.0.1:1',
    spiffeId: 'spiffe://cluster.local/ns/weft-system/sa/weft-operator',
  },
  inbound: { ports: [{ mtls: 'Permissive', authorizationDefault: 'Allow' }], rules: [RULE] },
};
const ANSWERS: Readonly<Record<string, unknown>> = {
  '/trails?limit=4096': [inbound({ endedMs: 500 }), inbound(), outbound()].map(({ record }) => record),
  '/edges': [
    { direction: 'inbound', source: 'shop/web', allowed: 2 },
    { direction: 'outbound', source: 'shop/pay', allowed: 1 },
  ],
  '/config': { config: CONFIG },
};
const view = (count: number) => ({
  ...{ unmeshed: ['shop/old'], ports: 1 },
  proxies: Array.from(
    { length: count },
    (_, n): Sidecar => ({ namespace: 'shop', name: `pay-${n}`, ready: true }),
  ),
});
const told = (answers: Readonly<Record<string, unknown>>, count = 1, sinceMs = 0) =>
  recordedTraffic(
    { ask: async (_: Sidecar, { path }: Question) => answers[path] } as unknown as Access,
    view(count),
    sinceMs,
  );

describe('what sidecars recorded', () => {
  it('is of requests that came in, in the time asked for', async () => {
    const { records, sidecars, rules, unanswered, unmeshed } = await told(ANSWERS);
    assert.deepEqual(
      records.map(({ endedMs }) => endedMs),
      [500, 1_000],
    );
    assert.deepEqual([sidecars[0]?.sinceMs, sidecars[0]?.isFull], [500, false]);
    assert.deepEqual(
      sidecars[0]?.callers.map(({ source }) => source),
      ['shop/web'],
    );
    assert.deepEqual([rules, unanswered, unmeshed], [[RULE], [], ['shop/old']]);
    assert.equal((await told(ANSWERS, 1, 600)).records.length, 1);
  });

  it('is of a bounded number of sidecars, and the others are counted', async () => {
    const { sidecars, notAsked } = await told(ANSWERS, 40);
    assert.deepEqual([sidecars.length, notAsked], [32, 8]);
  });

  it('says when a sidecar is full', async () => {
    const many = Array.from({ length: 2_048 }, () => inbound().record);
    assert.equal((await told({ ...ANSWERS, '/trails?limit=4096': many })).sidecars[0]?.isFull, true);
  });

  for (const [path, answer, message] of [
    ['/trails?limit=4096', [{}], /something else than kept requests/],
    ['/edges', [{ direction: 'inbound', source: 1, allowed: 1 }], /something else than who called it/],
    ['/edges', {}, /something else than who called it/],
    ['/config', { config: { inbound: { rules: 'all' } } }, /something else than a configuration/],
    ['/config', null, /something else than a configuration/],
  ] as const) {
    it(`names a sidecar that answers ${JSON.stringify(answer)} to ${path}`, async () => {
      const { unanswered } = await told({ ...ANSWERS, [path]: answer });
      assert.equal(unanswered.length, 1);
      assert.match(unanswered[0]!.reason, message);
    });
  }
});

it('a rule that asks for a token, headers, hosts or gRPC asks for what is not kept', () => {
  for (const more of [
    { when: { jwt: { issuer: 'https://id.example' } } },
    { to: [{ paths: ['/a'] }, { headers: [{ name: 'x', value: 'y' }] }] },
    { to: [{ hosts: ['a'] }] },
    { to: [{ grpc: { service: 's' } }] },
  ]) {
    assert.equal(isConditional({ ...RULE, ...more }), true, JSON.stringify(more));
  }
  assert.equal(isConditional(RULE), false);
  assert.equal(isConditional({ ...RULE, to: [{ paths: ['/a'], methods: ['GET'] }] }), false);
});
