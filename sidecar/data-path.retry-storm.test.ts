import assert from 'node:assert/strict';
import { afterEach, test } from 'node:test';
import type { RetryPolicy } from '../api/destination-traffic.ts';
import { Caller } from './testing/caller.ts';
import { get, start, until } from './testing/harness.ts';
import { UNUSED, usage } from './testing/usage.ts';
import { connect, readUntil, serveHttp, type TestServer } from './testing/wire.ts';

const CLIENTS = 8;
const EACH = 50;
const REQUESTS = CLIENTS * EACH;
const PERCENT = 20;
/** What a sidecar repeats because an idle connection was closed under it: at most one a second, of ten seconds. */
const REPEATED = 10;

const RETRY: RetryPolicy = {
  attempts: 3,
  conditions: ['ConnectFailure', 'Reset', 'GatewayError', 'ServerError'],
  backoffBaseMs: 1,
  backoffMaxMs: 2,
};
const TRAFFIC = {
  retry: RETRY,
  retryBudget: { percent: PERCENT, minPerSecond: 0 },
  outlierDetection: { consecutiveErrors: 1_000_000 },
};
const MOST = REQUESTS * (1 + PERCENT / 100) + REPEATED;
/** The sidecar of the app repeats, too: one in fifty, and as many besides. */
const MOST_OF_TWO = MOST * 1.02 + REPEATED;

afterEach(async () => {
  await until(() => usage().requests === 0);
  const { connections: _, ...use } = usage();
  assert.deepEqual(use, UNUSED);
});

interface FailingApp extends TestServer {
  seen: number;
}
/** `says`: the whole answer, or undefined for the end of the connection. */
async function serveFailing(says: (turn: number, ofConnection: number) => string | undefined) {
  const perConnection = new WeakMap<object, number>();
  const server = await serveHttp((_head, socket) => {
    app.seen += 1;
    const turn = (perConnection.get(socket) ?? 0) + 1;
    perConnection.set(socket, turn);
    const answer = says(app.seen, turn);
    if (answer === undefined) socket.resetAndDestroy();
    return answer;
  });
  const app: FailingApp = Object.assign(server, { seen: 0 });
  return app;
}

/** One request after another on each of so many connections; what came back is counted by status. */
async function load(port: number): Promise<ReadonlyMap<string, number>> {
  const statuses = new Map<string, number>();
  const client = async () => {
    const socket = await connect(port);
    for (let request = 0; request < EACH; request += 1) {
      socket.write(get(`/${request}`));
      const status = (await readUntil(socket, '\r\n\r\n')).slice(9, 12);
      statuses.set(status, (statuses.get(status) ?? 0) + 1);
    }
    socket.destroy();
  };
  await Promise.all(Array.from({ length: CLIENTS }, client));
  return statuses;
}

const UNAVAILABLE = 'HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n\r\n';
const STORMS: Readonly<Record<string, (turn: number, ofConnection: number) => string | undefined>> = {
  'answers 503 to everything': () => UNAVAILABLE,
  'resets every connection': () => undefined,
  'answers 503 or resets, by turns': (turn) => (turn % 2 === 0 ? UNAVAILABLE : undefined),
  'answers once on each connection and resets it then': (_turn, ofConnection) =>
    ofConnection === 1 ? UNAVAILABLE : undefined,
};

for (const [what, says] of Object.entries(STORMS)) {
  test(`a destination that ${what} sees no more requests than its budget adds`, async () => {
    const app = await serveFailing(says);
    const caller = await Caller.start([app], { traffic: TRAFFIC });
    const statuses = await load(caller.port);
    assert.ok([...statuses.keys()].every((status) => status === '503' || status === '502'));
    assert.ok(app.seen <= MOST, `${app.seen} requests came of ${REQUESTS}`);
    // the budget is there to be used
    assert.ok(app.seen > REQUESTS * 1.1, `${app.seen} requests came of ${REQUESTS}`);
  });

  test(`an app behind two sidecars that ${what} sees no more requests than the budget adds`, async () => {
    const app = await serveFailing(says);
    const pair = await start(app, { destination: { protocol: 'HTTP', traffic: TRAFFIC } });
    await load(pair.port);
    assert.ok(app.seen <= MOST_OF_TWO, `${app.seen} requests came of ${REQUESTS}`);
  });
}

test('routes of one destination share its budget', async () => {
  const app = await serveFailing(() => UNAVAILABLE);
  const routes = Array.from({ length: 4 }, (_, index) => ({
    name: `r${index}`,
    match: [{ path: { type: 'RegularExpression' as const, value: `/[0-9]*[${2 * index}${2 * index + 1}]` } }],
    retry: RETRY,
  }));
  const caller = await Caller.start([app], {
    traffic: { ...TRAFFIC, routes: [...routes, { name: 'rest' }] },
  });
  await load(caller.port);
  assert.ok(app.seen <= MOST, `${app.seen} requests came of ${REQUESTS}`);
});
