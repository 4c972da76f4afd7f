import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { RateLimit } from '../../api/proxy-config.ts';
import type { TrailRecord } from '../../api/trail-record.ts';
import { changesOf, inboundRecord, NOW_MS, ruled, run, WEB } from './replay.fixture.ts';
import { replay } from './replay.ts';
import { BadReplay } from './replay-request.ts';

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

  for (const path of ['/a%2Fb', '/a/..;/b', '/a%5Cb', '/a%00']) {
    it(`refuses ${path} where rules look at paths, and nowhere else`, () => {
      const record = inboundRecord({ path });
      assert.match(
        changesOf({ config: ruled([{ to: [{ paths: ['/**'] }] }]) }, [record])[0]!,
        /1 denied.* 400/,
      );
      assert.deepEqual(changesOf({ config: ruled([{}]) }, [record]), []);
    });
  }

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

  const stepsOver = (records: readonly TrailRecord[]) =>
    replay(
      { config: ruled([]) },
      { proxyId: 'p', records, config: undefined, destinations: [], nowMs: NOW_MS },
    );

  it('lets other work be done after each request', () => {
    const steps = stepsOver(Array.from({ length: 100 }, () => inboundRecord()));
    let turns = 0;
    while (steps.next(false).done !== true) turns += 1;
    assert.equal(turns, 100);
  });

  it('ends when its time is over, and says how many requests are left out', () => {
    const steps = stepsOver(Array.from({ length: 100 }, () => inboundRecord()));
    for (let step = 0; step <= 30; step += 1) steps.next(false);
    const last = steps.next(true);
    assert.ok(last.done);
    const { kept, judged, notJudged, changes } = last.value;
    assert.deepEqual([kept, judged, notJudged, changes[0]?.count], [100, 30, 70, 30]);
  });

  it('compiles what is said of ports where requests came to, and once', () => {
    const rules: Parameters<typeof ruled>[0] = [
      { name: 'one', action: 'Deny', ports: [8080], from: [{ spiffeId: WEB }] },
      { name: 'two', action: 'Deny', ports: [9090, 8080], from: [{ spiffeId: `${WEB}2` }] },
    ];
    const config = ruled(rules, { authorizationDefault: 'Allow' });
    const records = [8080, 9090, 7070].flatMap((port) =>
      ['', '2'].map((end) => inboundRecord({ at: `10.0.0.2:${port}`, caller: WEB + end })),
    );
    const { changes } = run({ config }, records);
    assert.deepEqual(
      changes.map(({ at, caller, to }) => [at, caller.slice(WEB.length), to]),
      [
        ['10.0.0.2:8080', '', 'denied by rule one of shop/p'],
        ['10.0.0.2:8080', '2', 'denied by rule two of shop/p'],
        ['10.0.0.2:9090', '2', 'denied by rule two of shop/p'],
      ],
    );
  });

  it('refuses a candidate that cannot be enforced, also only where a request came to', () => {
    const broken = ruled([{ to: [{ paths: ['no-slash'] }] }]);
    assert.throws(() => run({ config: broken }, []), /cannot be enforced: path pattern/);
    const elsewhere = ruled([{ ports: [8080], to: [{ paths: ['no-slash'] }] }]);
    const isBad = (error: unknown) => error instanceof BadReplay && /cannot be enforced/.test(error.message);
    assert.throws(() => run({ config: elsewhere }, [inboundRecord()]), isBad);
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
