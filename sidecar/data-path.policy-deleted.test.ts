import assert from 'node:assert/strict';
import { afterEach, test } from 'node:test';
import type { DestinationTraffic } from '../api/destination-traffic.ts';
import type { ProxyConfig } from '../api/proxy-config.ts';
import { Caller } from './testing/caller.ts';
import { DENY_ADMIN, sleep, start, toClose, until } from './testing/harness.ts';
import type { Pair } from './testing/pair.ts';
import { assertUnused } from './testing/usage.ts';
import {
  type Answered,
  ask,
  assertError,
  begin,
  type Seen,
  serveVersion,
  statusOf,
  VERSIONS,
  type Version,
  type VersionServer,
} from './testing/versions.ts';

const IN_FLIGHT = 50;
/** So many handshakes at once take their time on a busy machine. */
const LIMITS = { connectTimeoutMs: 20_000 };

afterEach(assertUnused);

interface SlowServer extends VersionServer {
  /** requests to `/slow` that wait for their answer */
  readonly held: Seen[];
}
/** Answers with its name and the x-policy it was sent: `/slow` when it is told to, the rest at once. */
async function serveSlow(version: Version, name: string): Promise<SlowServer> {
  const held: Seen[] = [];
  const server = await serveVersion(version, (request) => {
    if (request.path.startsWith('/slow')) held.push(request);
    else request.answer(200, said(name, request));
  });
  return Object.assign(server, { held });
}
const said = (name: string, { headers, path, body }: Seen) =>
  `${name} ${headers['x-policy'] ?? 'none'} ${path} ${body.length};`;
function answerAll(name: string, held: readonly Seen[]): void {
  for (const request of held) request.answer(200, said(name, request));
}

/** All are in flight. */
async function allHeld({ held }: SlowServer): Promise<void> {
  for (let waits = 0; held.length < IN_FLIGHT; waits += 1) {
    assert.ok(waits < 3_000, `only ${held.length} of ${IN_FLIGHT} are in flight`);
    await sleep(5);
  }
  assert.equal(held.length, IN_FLIGHT);
}

/** Without a body and with one by turns. */
function askSlowly(version: Version, port: number, count: number): Promise<Answered>[] {
  return Array.from({ length: count }, (_, i) => {
    const path = `/slow/${i}`;
    return begin(version, port, i % 2 === 0 ? { path } : { path, method: 'POST', body: 'abc' }).answer;
  });
}

/** What 50 slow requests were told that began under one policy and ended under another. */
function assertAllAs(answers: readonly Answered[], wanted: (i: number) => string): void {
  assert.equal(answers.length, IN_FLIGHT);
  for (const [i, { status, body }] of answers.entries()) {
    assert.deepEqual([status, body], [200, wanted(i)]);
  }
}

const policy = (value: string): DestinationTraffic => ({
  routes: [
    {
      name: value,
      policy: `shop/${value}`,
      backends: [{ backend: 0, weight: 1 }],
      rewrite: { path: { type: 'ReplacePrefixMatch', value: '/slow' } },
      match: [{ path: { type: 'PathPrefix', value: '/slow' } }],
      headers: {
        request: { set: [{ name: 'x-policy', value }] },
        response: { set: [{ name: 'x-answered-by', value }] },
      },
      timeout: { requestMs: 10_000 },
      retry: { attempts: 2, conditions: ['Reset'] },
    },
    { name: 'rest' },
  ],
  outlierDetection: { consecutiveErrors: 5 },
  circuitBreaker: { maxRequests: 100, maxConnections: 100 },
});

const CHANGES: Readonly<Record<string, (caller: Caller, other: SlowServer) => void>> = {
  'is deleted': (caller) => caller.setTraffic({}),
  'is deleted, its backend with it': (caller) => {
    caller.setBackends([]);
    caller.setTraffic({});
  },
  'leads to another backend': (caller, other) =>
    caller.setBackends([{ name: 'shop/api:80', servers: [other] }]),
  'is replaced by one with other routes': (caller, other) => {
    caller.setBackends([{ name: 'shop/other:80', servers: [other] }]);
    caller.setTraffic(policy('second'));
  },
  'is put to smaller limits than what is in flight': (caller) => {
    const traffic = { ...policy('first'), circuitBreaker: { maxRequests: 1, maxConnections: 1 } };
    caller.setTraffic(traffic);
    caller.setTraffic({});
  },
};

function isBackendKept(what: string): boolean {
  return what === 'is deleted' || what.startsWith('is put');
}

function expectedHeader(what: string): string | undefined {
  if (what.startsWith('leads')) return 'first';
  return what.startsWith('is replaced') ? 'second' : undefined;
}

const INBOUND: Readonly<Record<string, ProxyConfig['inbound']>> = {
  'denies everything from now on': {
    ports: [{ mtls: 'Permissive', authorizationDefault: 'Deny' }],
    rules: [],
  },
  'has become Strict, with limits and rules': {
    ports: [
      {
        mtls: 'Strict',
        authorizationDefault: 'Allow',
        limits: { maxPendingRequests: 1, maxBodyBytes: 0 },
        rateLimits: [0],
      },
    ],
    rules: [DENY_ADMIN],
    rateLimits: [
      { policy: 'shop/api', name: 'none', requests: 1, perMs: 3_600_000, burst: 0, key: { type: 'Global' } },
    ],
  },
};
const OPEN: ProxyConfig['inbound'] = {
  ports: [{ mtls: 'Permissive', authorizationDefault: 'Allow' }],
  rules: [],
};
const configure = (pair: Pair, inbound: ProxyConfig['inbound']) =>
  pair.api.state.setConfig({ ...pair.api.state.config!, inbound });

for (const version of VERSIONS) {
  for (const [what, change] of Object.entries(CHANGES)) {
    test(`${version}: ${IN_FLIGHT} requests end as they began when the traffic policy they began under ${what}`, async () => {
      const [own, backend, other] = [
        await serveSlow(version, 'own'),
        await serveSlow(version, 'backend'),
        await serveSlow(version, 'other'),
      ];
      toClose.push(backend.close, other.close);
      const caller = await Caller.start([own], {
        traffic: policy('first'),
        backends: [{ name: 'shop/backend:80', servers: [backend] }],
      });
      const answers = askSlowly(version, caller.port, IN_FLIGHT);
      await allHeld(backend);
      change(caller, other);

      // what begins now follows what is in force now
      const now = ask(version, caller.port, { path: '/slow/now' });
      const taker = /^is (?:deleted|put)/.test(what) ? own : other;
      await until(() => taker.held.length === 1);
      assert.equal(taker.held[0]!.headers['x-policy'], expectedHeader(what));
      answerAll('now', taker.held);
      assert.match((await now).body, /^now /);

      answerAll('backend', backend.held);
      const all = await Promise.all(answers);
      assertAllAs(all, (i) => `backend first /slow/${i} ${i % 2 === 0 ? 0 : 3};`);
      for (const { headers } of all) assert.equal(headers['x-answered-by'], 'first');
      assert.equal(backend.seen.length, IN_FLIGHT, 'nothing was sent twice');
      assert.equal(caller.metric('weft_errors_total'), 0);
      // and nothing is kept to a backend that has gone
      if (!isBackendKept(what)) {
        await until(() =>
          backend.accepted.every(({ destroyed, readableEnded }) => destroyed || readableEnded),
        );
      }
    });
  }

  test(`${version}: requests in flight end as they began when the policy that let them in is deleted, and new ones meet the default`, async () => {
    const app = await serveSlow(version, 'app');
    const pair = await start(app, {
      inbound: {
        ports: [{ mtls: 'Permissive', authorizationDefault: 'Deny' }],
        rules: [
          { policy: 'shop/api', name: 'all', action: 'Allow', mode: 'Enforce', to: [{ paths: ['/**'] }] },
        ],
      },
      destination: { protocol: 'HTTP' },
      limits: LIMITS,
    });
    const answers = askSlowly(version, pair.port, IN_FLIGHT);
    await allHeld(app);
    configure(pair, OPEN);
    assert.equal(statusOf(version, await ask(version, pair.port, { path: '/now' })), 200);
    answerAll('app', app.held);
    assertAllAs(await Promise.all(answers), (i) => `app none /slow/${i} ${i % 2 === 0 ? 0 : 3};`);
  });

  test(`${version}: who is refused from now on is refused, what the mesh ends is visibly ended, and nothing is told twice to the app`, async () => {
    const inbound = INBOUND['denies everything from now on']!;
    const app = await serveSlow(version, 'app');
    const pair = await start(app, { inbound: OPEN, destination: { protocol: 'HTTP' }, limits: LIMITS });
    const answers = askSlowly(version, pair.port, IN_FLIGHT);
    await allHeld(app);
    configure(pair, inbound);
    assertError(version, await ask(version, pair.port, { path: '/now' }), 'denied');
    answerAll('app', app.held);
    assertAllAs(await Promise.all(answers), (i) => `app none /slow/${i} ${i % 2 === 0 ? 0 : 3};`);
    assert.equal(app.seen.length, IN_FLIGHT);
  });

  test(`${version}: requests in flight end as they began when the port becomes Strict and limited, and new ones are`, async () => {
    const app = await serveSlow(version, 'app');
    const pair = await start(app, { inbound: OPEN, destination: { protocol: 'HTTP' }, limits: LIMITS });
    const answers = askSlowly(version, pair.port, IN_FLIGHT);
    await allHeld(app);
    configure(pair, INBOUND['has become Strict, with limits and rules']!);
    assert.equal(statusOf(version, await ask(version, pair.port, { path: '/admin/x' })), 403);
    assert.equal(statusOf(version, await ask(version, pair.port, { path: '/now' })), 200);
    assert.equal(statusOf(version, await ask(version, pair.port, { path: '/now' })), 429);
    answerAll('app', app.held);
    assertAllAs(await Promise.all(answers), (i) => `app none /slow/${i} ${i % 2 === 0 ? 0 : 3};`);
    assert.equal(app.seen.length, IN_FLIGHT + 1);
  });
}
