import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { InboundPort, ProxyConfig, RateLimit } from '../api/proxy-config.ts';
import { DENY_ADMIN, echoHead, get, last, start, until } from './testing/harness.ts';
import type { Pair } from './testing/pair.ts';
import {
  type Asked,
  ask,
  assertError,
  openClient,
  serveVersion,
  statusOf,
  VERSIONS,
  type Version,
} from './testing/versions.ts';
import { connect, readUntil, talk } from './testing/wire.ts';

const HOUR_MS = 3_600_000;

/** Two at once, then one an hour: what a test uses up stays used up. */
const limit = (name: string, key: RateLimit['key'], part: Partial<RateLimit> = {}): RateLimit => ({
  policy: 'shop/api',
  name,
  requests: 1,
  perMs: HOUR_MS,
  burst: 1,
  key,
  ...part,
});

function limited(rateLimits: RateLimit[], port: Partial<InboundPort> = {}): ProxyConfig['inbound'] {
  const places = rateLimits.map((_, place) => place);
  return {
    ports: [{ mtls: 'Permissive', authorizationDefault: 'Allow', rateLimits: places, ...port }],
    rules: [DENY_ADMIN],
    rateLimits,
  };
}

async function limitedPair(version: Version, ...rateLimits: RateLimit[]): Promise<Pair> {
  return start(await serveVersion(version), { inbound: limited(rateLimits) });
}

function configure(pair: Pair, inbound: ProxyConfig['inbound']): void {
  pair.api.state.setConfig({ ...pair.api.state.config!, inbound });
}

for (const version of VERSIONS) {
  const statuses = async (port: number, ...requests: Asked[]): Promise<number[]> => {
    const answers: number[] = [];
    for (const asked of requests) answers.push(statusOf(version, await ask(version, port, asked)));
    return answers;
  };
  const at = (...paths: string[]): Asked[] => paths.map((path) => ({ path }));

  test(`${version}: two callers have a budget each, by identity and by address`, async () => {
    const pair = await limitedPair(version, limit('per-caller', { type: 'Source' }));
    assert.deepEqual(await statuses(pair.port, {}, {}, {}), [200, 200, 429]);
    assert.deepEqual(await statuses(pair.inboundPort, {}, {}, {}), [200, 200, 429]);
  });

  test(`${version}: a refused request is told when to come again, and by which limit`, async () => {
    const pair = await limitedPair(version, limit('per-caller', { type: 'Source' }));
    await statuses(pair.port, {}, {});
    const answer = await ask(version, pair.port);
    assertError(version, answer, 'rate-limited');
    const waitSeconds = Number(answer.headers['retry-after']);
    assert.ok(waitSeconds > 3_590 && waitSeconds <= 3_600, `${waitSeconds}`);
    assert.equal(answer.headers['ratelimit-policy'], '"per-caller";q=1;w=3600;weft-burst=1');
    assert.equal(answer.headers.ratelimit, `"per-caller";r=0;t=${waitSeconds}`);
  });

  test(`${version}: a request that is let in says nothing of limits`, async () => {
    const pair = await limitedPair(version, limit('per-caller', { type: 'Source' }));
    const { headers, trailers } = await ask(version, pair.port);
    assert.doesNotMatch(JSON.stringify([headers, trailers]), /ratelimit|retry-after/i);
  });

  test(`${version}: each value of a header has a budget, and requests without it share one`, async () => {
    const pair = await limitedPair(version, limit('per-user', { type: 'Header', header: 'x-user' }));
    const by = (user: string | string[]): Asked => ({ headers: { 'X-User': user } });
    assert.deepEqual(await statuses(pair.port, by('a'), by('a'), by('a')), [200, 200, 429]);
    assert.deepEqual(await statuses(pair.port, by('absent'), by('b'), by('')), [200, 200, 200]);
    assert.deepEqual(await statuses(pair.port, {}, {}, {}), [200, 200, 429]);
    const long = 'x'.repeat(16_000);
    const longs = [by(long), by(long), by(long), by(`${long}y`)];
    assert.deepEqual(await statuses(pair.port, ...longs), [200, 200, 429, 200]);
    assert.deepEqual(await statuses(pair.port, by(['a', 'c'])), [200]);
  });

  test(`${version}: each path has a budget, in its normal form and without its query`, async () => {
    const pair = await limitedPair(version, limit('per-path', { type: 'Path' }));
    assert.deepEqual(await statuses(pair.port, ...at('/a', '/b/..//%61', '/a?c=d')), [200, 200, 429]);
    assert.deepEqual(await statuses(pair.port, ...at('/b')), [200]);
  });

  test(`${version}: a global limit is shared by all`, async () => {
    const pair = await limitedPair(version, limit('all', { type: 'Global' }));
    assert.deepEqual(await statuses(pair.port, ...at('/a')), [200]);
    assert.deepEqual(await statuses(pair.inboundPort, ...at('/b', '/c')), [200, 429]);
    assert.deepEqual(await statuses(pair.port, ...at('/d')), [429]);
  });

  test(`${version}: a request that one limit refuses uses up nothing of the others`, async () => {
    const pair = await limitedPair(
      version,
      limit('all', { type: 'Global' }, { burst: 3 }),
      limit('per-path', { type: 'Path' }),
    );
    const again = Array.from({ length: 6 }, () => '/a');
    assert.deepEqual(await statuses(pair.port, ...at(...again)), [200, 200, 429, 429, 429, 429]);
    assert.deepEqual(await statuses(pair.port, ...at('/b', '/c', '/d')), [200, 200, 429]);
  });

  test(`${version}: a request that authorization denies uses up nothing`, async () => {
    const pair = await limitedPair(version, limit('all', { type: 'Global' }));
    const denied = Array.from({ length: 5 }, () => '/admin/x');
    assert.deepEqual(await statuses(pair.port, ...at(...denied)), [403, 403, 403, 403, 403]);
    assert.deepEqual(await statuses(pair.port, {}, {}, {}), [200, 200, 429]);
  });

  test(`${version}: requests of one connection are counted one by one, and it goes on after a refusal`, async () => {
    const pair = await limitedPair(version, limit('per-path', { type: 'Path' }));
    const client = openClient(version, pair.inboundPort);
    const seen: number[] = [];
    for (const asked of at('/a', '/a', '/a', '/a', '/a', '/b')) {
      seen.push(statusOf(version, await client.ask(asked)));
    }
    assert.deepEqual(seen, [200, 200, 429, 429, 429, 200]);
    assert.equal(pair.api.path.connections().open, 1);
    client.close();
  });

  test(`${version}: a new configuration keeps what was counted of limits it leaves alone`, async () => {
    const rate = limit('per-caller', { type: 'Source' });
    const pair = await limitedPair(version, rate);
    await statuses(pair.port, {}, {});
    const other = limit('other', { type: 'Path' }, { policy: 'shop/other', burst: 1_000 });
    for (let flap = 0; flap < 3; flap += 1) {
      configure(pair, limited([other, rate]));
      assert.deepEqual(await statuses(pair.port, {}), [429]);
      configure(pair, limited([rate]));
      assert.deepEqual(await statuses(pair.port, {}), [429]);
    }
    configure(pair, limited([{ ...rate, burst: 2 }]));
    assert.deepEqual(await statuses(pair.port, {}), [200]);
  });

  test(`${version}: limits come and go on connections that are open`, async () => {
    const pair = await start(await serveVersion(version));
    const client = openClient(version, pair.inboundPort);
    const status = async () => statusOf(version, await client.ask());
    assert.equal(await status(), 200);
    configure(pair, limited([limit('all', { type: 'Global' }, { burst: 0 })]));
    assert.equal(await status(), 200);
    assert.equal(await status(), 429);
    configure(pair, limited([]));
    assert.equal(await status(), 200);
    client.close();
  });

  test(`${version}: a limit holds on the ports that name it and on no other`, async () => {
    const pair = await limitedPair(version);
    const rate = limit('all', { type: 'Global' }, { burst: 0 });
    const open = { mtls: 'Permissive', authorizationDefault: 'Allow' } as const;
    const ports = [open, { ...open, port: 1, rateLimits: [0] }];
    configure(pair, { ports, rules: [], rateLimits: [rate] });
    assert.deepEqual(await statuses(pair.port, {}, {}), [200, 200]);
  });

  test(`${version}: a configuration whose limits cannot be enforced is refused as a whole`, async () => {
    const pair = await limitedPair(version, limit('all', { type: 'Global' }));
    const wrong = { ...limited([]), ports: [{ ...limited([]).ports[0]!, rateLimits: [3] }] };
    assert.throws(() => configure(pair, wrong), /rateLimits has no 3/);
    assert.deepEqual(await statuses(pair.port, {}, {}, {}), [200, 200, 429]);
  });

  test(`${version}: who waits is admitted again`, async () => {
    const rate = limit('all', { type: 'Global' }, { requests: 5, perMs: 1_000, burst: 0 });
    const pair = await limitedPair(version, rate);
    await statuses(pair.port, {});
    let refused = 0;
    for (; (await statuses(pair.port, {}))[0] === 429; refused += 1) {
      if (refused > 10_000) assert.fail('never admitted');
    }
    assert.ok(refused > 0);
  });

  test(`${version}: the log names the limit that refused, the metrics count it, and nothing stays open`, async () => {
    const pair = await limitedPair(version, limit('all', { type: 'Global' }, { burst: 0 }));
    await statuses(pair.inboundPort, {}, {}, {});
    await until(() => pair.api.log.length === 2);
    const { code, policy, rule } = JSON.parse(pair.api.log[0]!) as Record<string, unknown>;
    assert.deepEqual({ code, policy, rule }, { code: 'rate-limited', policy: 'shop/api', rule: 'all' });
    const metrics = pair.api.path.renderMetrics();
    assert.match(metrics, /weft_rate_limited_total\{policy="shop\/api",limit="all"\} 2\n/);
    assert.match(metrics, /weft_errors_total\{direction="inbound",code="rate-limited"\} 2\n/);
    await until(() => pair.api.path.connections().open === 0);
  });
}

test('pipelined requests are counted one by one, and the connection goes on after a refusal', async () => {
  const pair = await start(await echoHead(), { inbound: limited([limit('per-path', { type: 'Path' })]) });
  const socket = await connect(pair.inboundPort);
  socket.write(get('/a').repeat(5) + get('/b'));
  const answers = await readUntil(socket, 'GET /b');
  assert.deepEqual(
    answers.match(/HTTP\/1\.1 \d+/g)!.map((line) => line.slice(9)),
    ['200', '200', '429', '429', '429', '200'],
  );
  socket.destroy();
});

test('a body that comes with a refused request is not taken for a next one', async () => {
  const pair = await limitedPair('http1', limit('all', { type: 'Global' }));
  for (const _ of [1, 2]) await talk(pair.port, last());
  const inner = get('/smuggled');
  const answer = await talk(
    pair.inboundPort,
    `POST / HTTP/1.1\r\nHost: api\r\nContent-Length: ${inner.length}\r\n\r\n${inner}`,
  );
  assert.match(answer, /^HTTP\/1\.1 429 .*\r\nConnection: close\r\n/s);
  assert.equal(answer.match(/HTTP\/1\.1 /g)!.length, 1);
});
