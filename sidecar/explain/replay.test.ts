import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Destination } from '../../api/destination.ts';
import type { DestinationRoute } from '../../api/destination-traffic.ts';
import type { AuthorizationRule, ProxyConfig, RateLimit } from '../../api/proxy-config.ts';
import type { ReplayRequest, ReplayResult } from '../../api/replay.ts';
import type { TrailRecord } from '../../api/trail-record.ts';
import { destination, proxyConfig } from '../testing/fake-state.ts';
import { BadReplay, parseReplayRequest, type ReplayOptions, replay } from './replay.ts';
import { recordOf } from './trail-record.fixture.ts';

const NOW_MS = 1_000_000;
const WEB = 'spiffe://cluster.local/ns/shop/sa/web';
const inboundRecord = (more: Partial<TrailRecord> = {}) =>
  recordOf({ at: '10.0.0.2:8080', caller: WEB, encrypted: true, endedMs: NOW_MS, ...more });
const outboundRecord = (more: Partial<TrailRecord> = {}) =>
  recordOf({ direction: 'outbound', at: 'shop/api:80', verdict: '', attempts: 1, endedMs: NOW_MS, ...more });

function ruled(rules: readonly Partial<AuthorizationRule>[], port = {}, more = {}): ProxyConfig {
  const whole = rules.map((rule) => ({
    ...{ policy: 'shop/p', name: 'r', action: 'Allow', mode: 'Enforce' },
    ...rule,
  })) as AuthorizationRule[];
  const ports = [{ mtls: 'Permissive' as const, authorizationDefault: 'Deny' as const, ...port }];
  return proxyConfig('api', { inbound: { ports, rules: whole, ...more } });
}

function run(
  request: ReplayRequest,
  records: readonly TrailRecord[],
  more: Partial<ReplayOptions> = {},
): ReplayResult {
  const steps = replay(request, {
    ...{ proxyId: 'api-proxy', records, config: proxyConfig('api'), destinations: [], nowMs: NOW_MS },
    ...more,
  });
  for (;;) {
    const step = steps.next();
    if (step.done === true) return step.value;
  }
}
/** `kind: from → to` of each change, with its count. */
const changesOf = (...args: Parameters<typeof run>) =>
  run(...args).changes.map(({ kind, from, to, count }) => `${count} ${kind}: ${from} → ${to}`);

describe('a replay of requests that came in', () => {
  it('says which would be denied, by which rule, and counts those that are alike together', () => {
    const config = ruled([
      { name: 'web-reads', from: [{ namespace: 'shop', serviceAccount: 'web' }], to: [{ methods: ['GET'] }] },
    ]);
    const records = [
      ...Array.from({ length: 3 }, (_, n) => inboundRecord({ method: 'POST', path: `/v1/charges/${n}` })),
      inboundRecord(),
    ];
    const result = run({ config }, records);
    assert.deepEqual(result.changes, [
      {
        ...{ kind: 'denied', direction: 'inbound', caller: WEB, at: '10.0.0.2:8080', method: 'POST' },
        ...{
          path: '/v1/charges/{id}',
          from: 'allowed: no rule denies it',
          to: 'denied: no rule allows it',
          count: 3,
        },
      },
    ]);
    assert.deepEqual([result.kept, result.judged, result.unchanged, result.notListed], [4, 4, 1, 0]);
  });

  it('says which were denied and would be let through', () => {
    const denied = inboundRecord({
      verdict: 'denied',
      code: 'denied',
      policy: 'shop/p',
      rule: 'no-web',
      status: 403,
    });
    assert.deepEqual(changesOf({ config: ruled([{ from: [{ spiffeId: WEB }] }]) }, [denied]), [
      '1 allowed: denied by rule no-web of shop/p → allowed by rule r of shop/p',
    ]);
  });

  it('denies plaintext under Strict, and a caller by its address', () => {
    const plain = inboundRecord({ caller: '10.0.0.9', callerAddress: '10.0.0.9', encrypted: false });
    const open = { authorizationDefault: 'Allow' };
    assert.match(
      changesOf({ config: ruled([], { ...open, mtls: 'Strict' }) }, [plain])[0]!,
      /plaintext, and mTLS is Strict/,
    );
    const blocked = ruled([{ action: 'Deny', from: [{ ipBlock: '10.0.0.0/24' }] }], open);
    assert.match(changesOf({ config: blocked }, [plain])[0]!, /denied by rule r/);
    // an identity that was not proven is none, whatever it says
    const forged = inboundRecord({ encrypted: false, callerAddress: '10.0.0.9' });
    assert.match(changesOf({ config: ruled([{ from: [{ spiffeId: WEB }] }]) }, [forged])[0]!, /denied/);
  });

  for (const [what, rules, expected] of [
    [
      'a Deny rule that asks for a header',
      [{ name: 'h', action: 'Deny', to: [{ headers: [{ name: 'x-a', value: 'b' }] }] }, {}],
      /1 unknown: .* → rule h of shop\/p denies by headers/,
    ],
    [
      'an Allow rule that asks for a token',
      [{ name: 't', when: { jwt: { issuer: 'https://id' } } }],
      /1 unknown: .* → rule t of shop\/p allows by a token/,
    ],
    ['a rule about gRPC', [{ name: 'g', to: [{ grpc: { service: 'v1' } }] }], undefined],
  ] as const) {
    it(`does not know the verdict where it hangs on ${what}`, () => {
      const changes = changesOf({ config: ruled(rules as never) }, [inboundRecord()]);
      assert.match(changes.join(), expected ?? /denied: no rule allows it/);
    });
  }

  it('knows the verdict where such a rule cannot make a difference', () => {
    const asking = { name: 'h', to: [{ headers: [{ name: 'x-a', value: 'b' }], paths: ['/other'] }] };
    assert.deepEqual(changesOf({ config: ruled([asking, { name: 'any' }]) }, [inboundRecord()]), []);
    const denied = { action: 'Deny', name: 'd' } as const;
    assert.match(changesOf({ config: ruled([asking, denied]) }, [inboundRecord()])[0]!, /denied by rule d/);
  });

  it('takes hosts for what they were, since those are kept', () => {
    const config = ruled([{ to: [{ hosts: ['api'] }] }]);
    assert.deepEqual(changesOf({ config }, [inboundRecord({ host: 'api:80' })]), []);
    assert.match(changesOf({ config }, [inboundRecord({ host: 'other' })])[0]!, /1 denied/);
  });

  it('does not know what becomes of a path that was cut, where rules look at paths', () => {
    const cut = inboundRecord({ pathIsCut: true });
    assert.match(
      changesOf({ config: ruled([{ to: [{ paths: ['/v1/**'] }] }]) }, [cut])[0]!,
      /1 unknown.*longer than/,
    );
    assert.deepEqual(changesOf({ config: ruled([{}]) }, [cut]), []);
  });

  it('judges each port by what holds there', () => {
    const config = ruled([{ ports: [8080] }]);
    assert.deepEqual(changesOf({ config }, [inboundRecord()]), []);
    assert.match(changesOf({ config }, [inboundRecord({ at: '[fd00::2]:9090' })])[0]!, /1 denied/);
  });

  it('leaves out what no policy had a say in', () => {
    const result = run({ config: ruled([]) }, [
      inboundRecord({ verdict: '', code: 'bad-request', status: 400 }),
    ]);
    assert.deepEqual([result.judged, result.changes], [0, []]);
  });
});

describe('a replay at rate limits', () => {
  const limit = (key: RateLimit['key'], requests = 2): RateLimit => ({
    ...{ policy: 'shop/l', name: 'few', requests, perMs: 60_000, burst: requests - 1, key },
  });
  const limited = (key: RateLimit['key']) => ruled([{}], { rateLimits: [0] }, { rateLimits: [limit(key)] });
  const burst = (count: number, more: (n: number) => Partial<TrailRecord> = () => ({})) =>
    Array.from({ length: count }, (_, n) => inboundRecord({ endedMs: NOW_MS - 1_000 + n, ...more(n) }));

  it('counts those over the limit, by caller', () => {
    const callers = (n: number) => ({ caller: n % 2 === 0 ? WEB : `${WEB}2` });
    assert.deepEqual(changesOf({ config: limited({ type: 'Source' }) }, burst(6, callers)), [
      '1 limited: allowed: no rule denies it → over limit few of shop/l',
      '1 limited: allowed: no rule denies it → over limit few of shop/l',
    ]);
  });

  it('takes the requests in the order in which they began, whatever order they are kept in', () => {
    const config = limited({ type: 'Global' });
    const late = burst(3, (n) => ({ path: `/v${n}x` }));
    const over = (records: readonly TrailRecord[]) =>
      run({ config }, records).changes.map(({ path }) => path);
    assert.deepEqual(over(late), ['/v2x']);
    assert.deepEqual(over(late.toReversed()), ['/v2x']);
  });

  it('counts paths apart', () => {
    const apart = burst(4, (n) => ({ path: n % 2 === 0 ? '/a' : '/b' }));
    assert.deepEqual(changesOf({ config: limited({ type: 'Path' }) }, apart), []);
  });

  it('does not know who is over a limit by header, and knows who cannot be', () => {
    const config = limited({ type: 'Header', header: 'x-user' });
    assert.deepEqual(changesOf({ config }, burst(2)), []);
    assert.match(changesOf({ config }, burst(3))[0]!, /1 unknown.*counts by a header/);
  });

  it('leaves what was limited limited where the limits stay as they are', () => {
    const config = limited({ type: 'Global' });
    const refused = inboundRecord({ code: 'rate-limited', status: 429, limit: 'few', limitPolicy: 'shop/l' });
    assert.deepEqual(changesOf({ config }, [refused, ...burst(5)], { config }), []);
    assert.match(
      changesOf({ config: ruled([{}]) }, [refused], { config })[0]!,
      /1 allowed: over limit few of shop\/l/,
    );
  });
});

describe('a replay of requests that went out', () => {
  const api = (routes?: DestinationRoute[], more: Partial<Destination> = {}) =>
    destination('shop/api:80', [{ address: '10.0.0.3', port: 80 }], {
      name: 'api',
      ...(routes && { traffic: { routes } }),
      ...more,
    });
  const canary = (match?: DestinationRoute['match']): DestinationRoute => ({
    ...{ name: 'canary', policy: 'shop/t', ...(match && { match }) },
    backends: [
      { backend: 0, weight: 1 },
      { backend: -1, weight: 3 },
    ],
  });
  const backends = [{ name: 'shop/api:80{v=2}', service: 'api', namespace: 'shop', endpoints: [] }];
  const withCanary = (match?: DestinationRoute['match']) => api([canary(match)], { backends });
  const judge = (candidate: Destination, record = outboundRecord(), known = [api()]) =>
    changesOf({ destinations: [candidate] }, [record], { destinations: known });

  it('says where they would go', () => {
    assert.deepEqual(judge(withCanary()), [
      '1 rerouted: shop/api → route canary of shop/t: 25% shop/api:80{v=2} (no endpoint), 75% shop/api',
    ]);
  });

  it('knows a Service by its key when its address was dialled, and a pod for what it is', () => {
    const known = api(undefined, { key: '10.9.0.1:80' });
    assert.equal(judge(withCanary(), outboundRecord({ at: '10.9.0.1:80' }), [known]).length, 1);
    const pod = api(undefined, { key: '10.0.0.3:80' });
    assert.equal(judge(withCanary(), outboundRecord({ at: '10.0.0.3:80' }), [pod]).length, 0);
  });

  it('says that no route would take them', () => {
    assert.match(
      judge(withCanary([{ path: { type: 'Exact', value: '/v2' } }]))[0]!,
      /1 denied: .* → no route takes it/,
    );
  });

  it('does not know of a route that asks for headers or a query', () => {
    const asking = withCanary([{ headers: [{ name: 'x-a', type: 'Present' }] }]);
    assert.match(judge(asking)[0]!, /1 unknown: .* → perhaps route canary .*not kept/);
    const certain = [{ methods: ['POST'], queryParams: [{ name: 'a', type: 'Present' as const }] }];
    assert.match(judge(withCanary(certain))[0]!, /no route takes it/);
  });

  it('knows the route that was taken where the order of routes stays as it is', () => {
    const match = [{ headers: [{ name: 'x-a', type: 'Present' as const }] }];
    const known = api([{ name: 'canary', policy: 'shop/t', match }]);
    const taken = outboundRecord({ route: 'canary' });
    assert.match(
      judge(withCanary(match), taken, [known])[0]!,
      /^1 rerouted: route canary of shop\/t: shop\/api →/,
    );
    assert.deepEqual(judge(known, taken, [known]), []);
  });

  it('says what may leave the mesh no more, and what may again', () => {
    const egress = {
      mode: 'AllowListed' as const,
      policy: 'shop/e',
      hosts: [{ host: '*.example.com', tls: 'Passthrough' as const }],
    };
    const config = proxyConfig('api', { egress });
    const out = (host: string, verdict: string) =>
      outboundRecord({ at: '93.184.216.34:80', rule: 'egress', host, verdict });
    assert.deepEqual(
      changesOf({ config }, [out('a.example.com', 'allowed'), out('other.org:80', 'denied')]),
      [],
    );
    assert.match(
      changesOf({ config }, [out('other.org', 'allowed')])[0]!,
      /1 denied: .* → denied by egress of shop\/e|rule egress of shop\/e/,
    );
    assert.match(changesOf({ config: proxyConfig('api') }, [out('other.org', 'denied')])[0]!, /1 allowed/);
  });

  it('leaves out what goes elsewhere', () => {
    assert.equal(run({ destinations: [withCanary()] }, [outboundRecord({ at: 'shop/other:80' })]).judged, 0);
  });
});

describe('a replay', () => {
  it('takes only the last minutes, if it is told so', () => {
    const records = [inboundRecord(), inboundRecord({ endedMs: NOW_MS - 61_000 })];
    assert.equal(run({ config: ruled([]), minutes: 1 }, records).judged, 1);
    assert.equal(run({ config: ruled([]) }, records).judged, 2);
    assert.equal(run({ config: ruled([]) }, records).keptSinceMs, NOW_MS - 61_000);
  });

  it('lists so many changes and counts the others', () => {
    const records = Array.from({ length: 300 }, (_, n) => inboundRecord({ caller: `${WEB}${n}` }));
    const { changes, notListed } = run({ config: ruled([]) }, records);
    assert.deepEqual([changes.length, notListed], [256, 44]);
  });

  it('lets other work be done between', () => {
    const records = Array.from({ length: 1_000 }, () => inboundRecord());
    const steps = replay(
      { config: ruled([]) },
      { proxyId: 'p', records, config: undefined, destinations: [], nowMs: NOW_MS },
    );
    let turns = 0;
    while (steps.next().done !== true) turns += 1;
    assert.ok(turns >= 10, `${turns}`);
  });

  it('says when issuers change that tokens are not kept', () => {
    const issuers = [{ policy: 'shop/j', name: 'id', issuer: 'https://id', forward: true, keys: [] }];
    const config = ruled([{}], { issuers: [0] }, { issuers });
    assert.match(run({ config }, []).notes.join(), /issuers change/);
    const refused = inboundRecord({ verdict: '', code: 'unauthenticated', status: 401 });
    assert.match(changesOf({ config }, [refused])[0]!, /1 unknown: its token was refused/);
    assert.deepEqual(changesOf({ config }, [refused], { config }), []);
  });
});

describe('what is asked of a replay', () => {
  const config = proxyConfig('api');
  it('is a configuration of this proxy and destinations', () => {
    const text = JSON.stringify({ config, destinations: [destination('a/b:1', [])], minutes: 0.5 });
    assert.deepEqual(parseReplayRequest(text, 'api-proxy').config, config);
  });
  for (const [what, body, message] of [
    ['no JSON', '{', /must be a JSON object/],
    ['a list', '[]', /must be a JSON object/],
    ['an unknown field', '{"apply":true}', /unknown field apply/],
    ['a configuration that is none', '{"config":{}}', /^config: /],
    [
      'a configuration of another proxy',
      JSON.stringify({ config: { ...config, proxyId: 'x' } }),
      /is for proxy x/,
    ],
    ['destinations that are no list', '{"destinations":{}}', /must be a list/],
    ['a destination that is none', '{"destinations":[1]}', /^destinations\[0\]/],
    ['too many destinations', JSON.stringify({ destinations: Array(4_097).fill(0) }), /at most 4096/],
    ['minutes that are none', '{"minutes":-1}', /minutes must be/],
    ['minutes as text', '{"minutes":"1"}', /minutes must be/],
  ] as const) {
    it(`is not ${what}`, () => {
      assert.throws(
        () => parseReplayRequest(body, 'api-proxy'),
        (error) => error instanceof BadReplay && message.test(error.message),
      );
    });
  }
  it('is not a candidate that cannot be enforced', () => {
    const broken = ruled([{ to: [{ paths: ['no-slash'] }] }]);
    assert.throws(() => run({ config: broken }, []), /cannot be enforced: path pattern/);
  });
});
