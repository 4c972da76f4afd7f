import assert from 'node:assert/strict';
import { afterEach, test } from 'node:test';
import v8 from 'node:v8';
import vm from 'node:vm';
import type { DestinationTraffic } from '../api/destination-traffic.ts';
import type { ProxyConfig } from '../api/proxy-config.ts';
import { Caller } from './testing/caller.ts';
import { start, toClose } from './testing/harness.ts';
import type { Pair } from './testing/pair.ts';
import { assertUnused } from './testing/usage.ts';
import {
  type Answered,
  ask,
  openClient,
  serveVersion,
  statusOf,
  VERSIONS,
  type Version,
} from './testing/versions.ts';

const CLIENTS = 8;
const EACH = 100;
const EVERY_MS = 2;

afterEach(assertUnused);

/** Requests one after another on a few connections, all answers; `flap` is called every few ms meanwhile. */
async function loadWhile(
  version: Version,
  port: number,
  path: string,
  flap: (turn: number) => void,
): Promise<Answered[]> {
  let turn = 0;
  const timer = setInterval(() => flap(turn++), EVERY_MS);
  const answers: Answered[] = [];
  const client = async () => {
    const { ask, close } = openClient(version, port);
    for (let request = 0; request < EACH; request += 1) answers.push(await ask({ path }));
    close();
  };
  try {
    await Promise.all(Array.from({ length: CLIENTS }, client));
  } finally {
    clearInterval(timer);
  }
  // a flap that nothing met would show nothing
  assert.ok(turn > 20, `${turn} changes`);
  return answers;
}

function countBy(
  answers: readonly Answered[],
  stateOf: (answer: Answered) => string,
): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const answer of answers) {
    const state = stateOf(answer);
    counts[state] = (counts[state] ?? 0) + 1;
  }
  return counts;
}

/** Which of the two states a request met: all of one, or it is called by what it was. */
const route = (name: string, backend: number): DestinationTraffic => ({
  routes: [
    {
      name,
      backends: [{ backend, weight: 1 }],
      rewrite: { path: { type: 'ReplaceFullPath', value: `/${name}` }, host: name },
      headers: {
        request: { set: [{ name: 'x-state', value: name }] },
        response: { set: [{ name: 'x-state', value: name }] },
      },
      retry: { attempts: 1, conditions: ['Reset'] },
    },
  ],
});

/** The rule denies what the rule beside it lets in, and the limit is spent: half of it would let requests through. */
const GUARDED: ProxyConfig['inbound'] = {
  ports: [{ mtls: 'Permissive', authorizationDefault: 'Deny', rateLimits: [0] }],
  rules: [
    { policy: 'shop/api', name: 'deny', action: 'Deny', mode: 'Enforce', to: [{ paths: ['/denied'] }] },
    { policy: 'shop/api', name: 'allow', action: 'Allow', mode: 'Enforce', to: [{ paths: ['/limited'] }] },
  ],
  rateLimits: [
    {
      policy: 'shop/api',
      name: 'spent',
      requests: 1,
      perMs: 3_600_000,
      burst: 0,
      key: { type: 'Header', header: 'x-nobody' },
    },
  ],
};
/** The limit is there and holds nowhere, so that what was counted is kept. */
const OPEN: ProxyConfig['inbound'] = {
  ports: [{ mtls: 'Permissive', authorizationDefault: 'Allow' }],
  rules: [],
  rateLimits: GUARDED.rateLimits!,
};
const configure = ({ api: { state } }: Pair, inbound: ProxyConfig['inbound']) =>
  state.setConfig({ ...state.config!, inbound });

/** After a collection. */
function heapBytes(): number {
  collect();
  return process.memoryUsage().heapUsed;
}
v8.setFlagsFromString('--expose-gc');
const collect = vm.runInNewContext('gc') as () => void;

for (const version of VERSIONS) {
  test(`${version}: routes that flap between two backends send each request wholly by the one or by the other`, async () => {
    const serveAs = (name: string) =>
      serveVersion(version, ({ headers, host, path, answer }) =>
        answer(200, `${name} ${headers['x-state']} ${host} ${path} end.`),
      );
    const [own, a, b] = [await serveAs('own'), await serveAs('a'), await serveAs('b')];
    toClose.push(a.close, b.close);
    const both = [
      { name: 'shop/a:80', servers: [a] },
      { name: 'shop/b:80', servers: [b] },
    ];
    const caller = await Caller.start([own], { traffic: route('a', 0), backends: both });
    const answers = await loadWhile(version, caller.port, '/', (turn) =>
      caller.setTraffic(turn % 2 === 0 ? route('b', 1) : route('a', 0)),
    );
    const counts = countBy(answers, ({ status, headers, body }) => `${status} ${headers['x-state']} ${body}`);
    assert.deepEqual(Object.keys(counts).sort(), ['200 a a a a /a end.', '200 b b b b /b end.']);
    assert.equal(a.seen.length + b.seen.length, CLIENTS * EACH);
    assert.equal(caller.metric('weft_errors_total'), 0);
    assert.equal(caller.metric('weft_requests_total'), CLIENTS * EACH);
    // connections are kept over the changes, or at least not left behind by each
    assert.ok(caller.side.path.connections().pools <= 2);
    assert.ok(a.accepted.length + b.accepted.length <= CLIENTS * EACH);
  });

  test(`${version}: endpoints and backends that flap with their routes lose no request`, async () => {
    const [own, a] = [
      await serveVersion(version, ({ answer }) => answer(200, 'own end.')),
      await serveVersion(version, ({ answer }) => answer(200, 'a end.')),
    ];
    toClose.push(a.close);
    const caller = await Caller.start([own]);
    const backends = [{ name: 'shop/a:80', servers: [{ ...a, close: async () => {} }] }];
    const answers = await loadWhile(version, caller.port, '/', (turn) => {
      if (turn % 2 === 0) {
        caller.setBackends(backends);
        caller.setTraffic(route('a', 0));
      } else {
        caller.setTraffic(undefined);
        caller.setBackends([]);
      }
    });
    const counts = countBy(answers, ({ status, body }) => `${status} ${body}`);
    assert.deepEqual(Object.keys(counts).sort(), ['200 a end.', '200 own end.']);
    assert.equal(own.seen.length + a.seen.length, CLIENTS * EACH);
    assert.equal(caller.metric('weft_errors_total'), 0);
  });

  for (const [path, guarded] of [
    ['/denied', '403 denied'],
    ['/limited', '429 rate-limited'],
  ] as const) {
    test(`${version}: a rule and a rate limit that flap let a request to ${path} through or refuse it, and nothing between`, async () => {
      const app = await serveVersion(version, ({ answer }) => answer(200, 'app end.'));
      const pair = await start(app, { inbound: GUARDED, destination: { protocol: 'HTTP' } });
      const statusOfLimited = async () =>
        statusOf(version, await ask(version, pair.port, { path: '/limited' }));
      assert.equal(await statusOfLimited(), 200);
      assert.equal(await statusOfLimited(), 429);
      const answers = await loadWhile(version, pair.port, path, (turn) =>
        configure(pair, turn % 2 === 0 ? OPEN : GUARDED),
      );
      const counts = countBy(answers, (answer) => {
        const status = statusOf(version, answer);
        return answer.code === undefined ? `${status}` : `${status} ${answer.code}`;
      });
      assert.deepEqual(Object.keys(counts).sort(), ['200', guarded]);
      assert.equal(app.seen.length - 1, counts['200'], 'who was refused did not come to the app');
    });
  }

  test(`${version}: a policy that flaps for long keeps nothing of what it was before`, async () => {
    const app = await serveVersion(version, ({ answer }) => answer(200, 'app end.'));
    const pair = await start(app, { inbound: GUARDED, destination: { protocol: 'HTTP' } });
    const caller = await Caller.start([app], { backends: [{ name: 'shop/a:80', servers: [app] }] });
    const clients = [openClient(version, pair.port), openClient(version, caller.port)];
    const flaps = async (count: number) => {
      for (let turn = 0; turn < count; turn += 1) {
        configure(pair, turn % 2 === 0 ? OPEN : GUARDED);
        caller.setTraffic(route(`r${turn % 2}`, turn % 2 === 0 ? 0 : -1));
        if (turn % 50 !== 0) continue;
        for (const { ask } of clients) await ask({ path: '/limited' });
      }
      return heapBytes();
    };
    // what tests before this one left goes meanwhile
    await flaps(500);
    const after500 = await flaps(500);
    const after1500 = await flaps(1_000);
    for (const { close } of clients) close();
    // 1,000 configurations or route tables kept would be more than a kilobyte each
    assert.ok(after1500 - after500 < 700_000, `${after1500 - after500} bytes more`);
    assert.ok(caller.side.path.connections().pools <= 2);
  });
}
