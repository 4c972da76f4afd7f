import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { InboundPort, ProxyConfig, RateLimit } from '../api/proxy-config.ts';
import { DENY_ADMIN, echoHead, get, last, start, until } from './testing/harness.ts';
import type { Pair } from './testing/pair.ts';
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

async function limitedPair(...rateLimits: RateLimit[]): Promise<Pair> {
  return start(await echoHead(), { inbound: limited(rateLimits) });
}

function configure(pair: Pair, inbound: ProxyConfig['inbound']): void {
  pair.api.state.setConfig({ ...pair.api.state.config!, inbound });
}

const statusOf = (answer: string): string => answer.slice(9, 12);
async function statuses(port: number, ...requests: string[]): Promise<string[]> {
  const answers: string[] = [];
  for (const request of requests) answers.push(statusOf(await talk(port, request)));
  return answers;
}

test('two callers have a budget each, by identity and by address', async () => {
  const pair = await limitedPair(limit('per-caller', { type: 'Source' }));
  assert.deepEqual(await statuses(pair.port, last(), last(), last()), ['200', '200', '429']);
  assert.deepEqual(await statuses(pair.inboundPort, last(), last(), last()), ['200', '200', '429']);
});

test('a refused request is told when to come again, and by which limit', async () => {
  const pair = await limitedPair(limit('per-caller', { type: 'Source' }));
  await statuses(pair.port, last(), last());
  const answer = await talk(pair.port, last());
  assert.match(answer, /^HTTP\/1\.1 429 Too Many Requests\r\n/);
  assert.match(answer, /\r\nweft-error: rate-limited\r\n/);
  const waitSeconds = Number(/\r\nRetry-After: (\d+)\r\n/.exec(answer)?.[1]);
  assert.ok(waitSeconds > 3_590 && waitSeconds <= 3_600, `${waitSeconds}`);
  assert.match(answer, /\r\nRateLimit-Policy: "per-caller";q=1;w=3600;weft-burst=1\r\n/);
  assert.ok(answer.includes(`\r\nRateLimit: "per-caller";r=0;t=${waitSeconds}\r\n`), answer);
});

test('a request that is let in says nothing of limits', async () => {
  const pair = await limitedPair(limit('per-caller', { type: 'Source' }));
  assert.doesNotMatch(await talk(pair.port, last()), /ratelimit|retry-after/i);
});

test('each value of a header has a budget, and requests without it share one', async () => {
  const pair = await limitedPair(limit('per-user', { type: 'Header', header: 'x-user' }));
  const by = (user: string) => last('/', `X-User: ${user}\r\n`);
  assert.deepEqual(await statuses(pair.port, by('a'), by('a'), by('a')), ['200', '200', '429']);
  assert.deepEqual(await statuses(pair.port, by('absent'), by('b'), by('')), ['200', '200', '200']);
  assert.deepEqual(await statuses(pair.port, last(), last(), last()), ['200', '200', '429']);
  const long = 'x'.repeat(16_000);
  const longs = [by(long), by(long), by(long), by(`${long}y`)];
  assert.deepEqual(await statuses(pair.port, ...longs), ['200', '200', '429', '200']);
  const twice = last('/', 'X-User: a\r\nX-User: c\r\n');
  assert.deepEqual(await statuses(pair.port, twice), ['200']);
});

test('each path has a budget, in its normal form and without its query', async () => {
  const pair = await limitedPair(limit('per-path', { type: 'Path' }));
  assert.deepEqual(await statuses(pair.port, last('/a'), last('/b/..//%61'), last('/a?c=d')), [
    '200',
    '200',
    '429',
  ]);
  assert.deepEqual(await statuses(pair.port, last('/b')), ['200']);
});

test('a global limit is shared by all', async () => {
  const pair = await limitedPair(limit('all', { type: 'Global' }));
  assert.deepEqual(await statuses(pair.port, last('/a')), ['200']);
  assert.deepEqual(await statuses(pair.inboundPort, last('/b'), last('/c')), ['200', '429']);
  assert.deepEqual(await statuses(pair.port, last('/d')), ['429']);
});

test('a request that one limit refuses uses up nothing of the others', async () => {
  const pair = await limitedPair(
    limit('all', { type: 'Global' }, { burst: 3 }),
    limit('per-path', { type: 'Path' }),
  );
  const again = Array.from({ length: 6 }, () => last('/a'));
  assert.deepEqual(await statuses(pair.port, ...again), ['200', '200', '429', '429', '429', '429']);
  assert.deepEqual(await statuses(pair.port, last('/b'), last('/c'), last('/d')), ['200', '200', '429']);
});

test('a request that authorization denies uses up nothing', async () => {
  const pair = await limitedPair(limit('all', { type: 'Global' }));
  const denied = Array.from({ length: 5 }, () => last('/admin/x'));
  assert.deepEqual(await statuses(pair.port, ...denied), ['403', '403', '403', '403', '403']);
  assert.deepEqual(await statuses(pair.port, last(), last(), last()), ['200', '200', '429']);
});

test('pipelined requests are counted one by one, and the connection goes on after a refusal', async () => {
  const pair = await limitedPair(limit('per-path', { type: 'Path' }));
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
  const pair = await limitedPair(limit('all', { type: 'Global' }));
  await statuses(pair.port, last(), last());
  const inner = get('/smuggled');
  const answer = await talk(
    pair.inboundPort,
    `POST / HTTP/1.1\r\nHost: api\r\nContent-Length: ${inner.length}\r\n\r\n${inner}`,
  );
  assert.match(answer, /^HTTP\/1\.1 429 .*\r\nConnection: close\r\n/s);
  assert.equal(answer.match(/HTTP\/1\.1 /g)!.length, 1);
});

test('a new configuration keeps what was counted of limits it leaves alone', async () => {
  const rate = limit('per-caller', { type: 'Source' });
  const pair = await limitedPair(rate);
  await statuses(pair.port, last(), last());
  const other = limit('other', { type: 'Path' }, { policy: 'shop/other', burst: 1_000 });
  for (let flap = 0; flap < 3; flap += 1) {
    configure(pair, limited([other, rate]));
    assert.deepEqual(await statuses(pair.port, last()), ['429']);
    configure(pair, limited([rate]));
    assert.deepEqual(await statuses(pair.port, last()), ['429']);
  }
  configure(pair, limited([{ ...rate, burst: 2 }]));
  assert.deepEqual(await statuses(pair.port, last()), ['200']);
});

test('limits come and go on connections that are open', async () => {
  const pair = await start(await echoHead());
  const socket = await connect(pair.inboundPort);
  const ask = async () => {
    socket.write(get());
    return statusOf(await readUntil(socket, '\r\n\r\n'));
  };
  assert.equal(await ask(), '200');
  configure(pair, limited([limit('all', { type: 'Global' }, { burst: 0 })]));
  assert.equal(await ask(), '200');
  assert.equal(await ask(), '429');
  configure(pair, limited([]));
  assert.equal(await ask(), '200');
  socket.destroy();
});

test('a limit holds on the ports that name it and on no other', async () => {
  const pair = await limitedPair();
  const rate = limit('all', { type: 'Global' }, { burst: 0 });
  const open = { mtls: 'Permissive', authorizationDefault: 'Allow' } as const;
  const ports = [open, { ...open, port: 1, rateLimits: [0] }];
  configure(pair, { ports, rules: [], rateLimits: [rate] });
  assert.deepEqual(await statuses(pair.port, last(), last()), ['200', '200']);
});

test('a configuration whose limits cannot be enforced is refused as a whole', async () => {
  const pair = await limitedPair(limit('all', { type: 'Global' }));
  const wrong = { ...limited([]), ports: [{ ...limited([]).ports[0]!, rateLimits: [3] }] };
  assert.throws(() => configure(pair, wrong), /rateLimits has no 3/);
  assert.deepEqual(await statuses(pair.port, last(), last(), last()), ['200', '200', '429']);
});

test('who waits is admitted again', async () => {
  const pair = await limitedPair(limit('all', { type: 'Global' }, { requests: 5, perMs: 1_000, burst: 0 }));
  await statuses(pair.port, last());
  let refused = 0;
  for (; (await statuses(pair.port, last()))[0] === '429'; refused += 1) {
    if (refused > 10_000) assert.fail('never admitted');
  }
  assert.ok(refused > 0);
});

test('the log names the limit that refused, the metrics count it, and nothing stays open', async () => {
  const pair = await limitedPair(limit('all', { type: 'Global' }, { burst: 0 }));
  await statuses(pair.inboundPort, last(), last(), last());
  await until(() => pair.api.log.length === 2);
  const { code, policy, rule, status } = JSON.parse(pair.api.log[0]!) as Record<string, unknown>;
  assert.deepEqual(
    { code, policy, rule, status },
    { code: 'rate-limited', policy: 'shop/api', rule: 'all', status: 429 },
  );
  const metrics = pair.api.path.renderMetrics();
  assert.match(metrics, /weft_rate_limited_total\{policy="shop\/api",limit="all"\} 2\n/);
  assert.match(metrics, /weft_errors_total\{direction="inbound",code="rate-limited"\} 2\n/);
  await until(() => pair.api.path.connections().open === 0);
});
