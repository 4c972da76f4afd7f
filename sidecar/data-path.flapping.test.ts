import assert from 'node:assert/strict';
import type { Socket } from 'node:net';
import { afterEach, test } from 'node:test';
import v8 from 'node:v8';
import vm from 'node:vm';
import type { DestinationTraffic } from '../api/destination-traffic.ts';
import type { ProxyConfig } from '../api/proxy-config.ts';
import { Caller } from './testing/caller.ts';
import { get, last, start, toClose, until } from './testing/harness.ts';
import { serveRequests } from './testing/http-server.ts';
import type { Pair } from './testing/pair.ts';
import { UNUSED, usage } from './testing/usage.ts';
import { connect, talk } from './testing/wire.ts';

const CLIENTS = 8;
const EACH = 100;
const EVERY_MS = 2;

afterEach(async () => {
  await until(() => usage().requests === 0 && usage().hosts === 0);
  const { connections: _, ...use } = usage();
  assert.deepEqual(use, UNUSED);
});

/** Requests one after another on a few connections, all answers; `flap` is called every few ms meanwhile. */
async function loadWhile(port: number, path: string, flap: (turn: number) => void): Promise<string[]> {
  let turn = 0;
  const timer = setInterval(() => flap(turn++), EVERY_MS);
  const answers: string[] = [];
  const client = async () => {
    const socket = await connect(port);
    for (let request = 0; request < EACH; request += 1) {
      socket.write(get(path));
      answers.push(await answerOf(socket));
    }
    socket.destroy();
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

/** One response that has a length, whole. */
function answerOf(socket: Socket): Promise<string> {
  return new Promise((resolve, reject) => {
    let text = '';
    const onClose = () => reject(new Error(`closed after ${JSON.stringify(text)}`));
    const onData = (bytes: Buffer) => {
      text += bytes.toString('latin1');
      const headEnd = text.indexOf('\r\n\r\n');
      const length = /\r\ncontent-length: (\d+)\r\n/i.exec(text)?.[1];
      if (headEnd === -1 || text.length < headEnd + 4 + Number(length)) return;
      socket.off('data', onData).off('close', onClose);
      resolve(text);
    };
    socket.on('data', onData).once('close', onClose);
  });
}

function countBy(answers: readonly string[], stateOf: (answer: string) => string): Record<string, number> {
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

test('routes that flap between two backends send each request wholly by the one or by the other', async () => {
  const serveAs = (name: string) =>
    serveRequests(({ headers, path, answer }) =>
      answer(200, `${name} ${headers['x-state']} ${headers.host} ${path} end.`),
    );
  const [own, a, b] = [await serveAs('own'), await serveAs('a'), await serveAs('b')];
  toClose.push(a.close, b.close);
  const both = [
    { name: 'shop/a:80', servers: [a] },
    { name: 'shop/b:80', servers: [b] },
  ];
  const caller = await Caller.start([own], { traffic: route('a', 0), backends: both });
  const answers = await loadWhile(caller.port, '/', (turn) =>
    caller.setTraffic(turn % 2 === 0 ? route('b', 1) : route('a', 0)),
  );
  const counts = countBy(answers, (answer) => {
    const said = /^x-state: (.*)$/im.exec(answer)?.[1];
    return `${answer.slice(9, 12)} ${said} ${answer.slice(answer.indexOf('\r\n\r\n') + 4)}`;
  });
  assert.deepEqual(Object.keys(counts).sort(), ['200 a a a a /a end.', '200 b b b b /b end.']);
  assert.equal(a.seen.length + b.seen.length, CLIENTS * EACH);
  assert.equal(caller.metric('weft_errors_total'), 0);
  assert.equal(caller.metric('weft_requests_total'), CLIENTS * EACH);
  // connections are kept over the changes, or at least not left behind by each
  assert.ok(caller.side.path.connections().pools <= 2);
  assert.ok(a.accepted.length + b.accepted.length <= CLIENTS * EACH);
});

test('endpoints and backends that flap with their routes lose no request', async () => {
  const [own, a] = [
    await serveRequests(({ answer }) => answer(200, 'own end.')),
    await serveRequests(({ answer }) => answer(200, 'a end.')),
  ];
  toClose.push(a.close);
  const caller = await Caller.start([own]);
  const backends = [{ name: 'shop/a:80', servers: [{ ...a, close: async () => {} }] }];
  const answers = await loadWhile(caller.port, '/', (turn) => {
    if (turn % 2 === 0) {
      caller.setBackends(backends);
      caller.setTraffic(route('a', 0));
    } else {
      caller.setTraffic(undefined);
      caller.setBackends([]);
    }
  });
  const counts = countBy(answers, (answer) => `${answer.slice(9, 12)} ${/(own|a) end\.$/.exec(answer)?.[1]}`);
  assert.deepEqual(Object.keys(counts).sort(), ['200 a', '200 own']);
  assert.equal(own.seen.length + a.seen.length, CLIENTS * EACH);
  assert.equal(caller.metric('weft_errors_total'), 0);
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

for (const [path, guarded] of [
  ['/denied', '403 denied'],
  ['/limited', '429 rate-limited'],
] as const) {
  test(`a rule and a rate limit that flap let a request to ${path} through or refuse it, and nothing between`, async () => {
    const app = await serveRequests(({ answer }) => answer(200, 'app end.'));
    const pair = await start(app, { inbound: GUARDED, destination: { protocol: 'HTTP' } });
    assert.match(await talk(pair.port, last('/limited')), /^HTTP\/1\.1 200 /);
    assert.match(await talk(pair.port, last('/limited')), /^HTTP\/1\.1 429 /);
    const answers = await loadWhile(pair.port, path, (turn) =>
      configure(pair, turn % 2 === 0 ? OPEN : GUARDED),
    );
    const counts = countBy(answers, (answer) => {
      const code = /^weft-error: (.*?)\r$/im.exec(answer)?.[1];
      return `${answer.slice(9, 12)}${code === undefined ? '' : ` ${code}`}`;
    });
    assert.deepEqual(Object.keys(counts).sort(), ['200', guarded]);
    assert.equal(app.seen.length - 1, counts['200'], 'who was refused did not come to the app');
  });
}

/** After a collection. */
function heapBytes(): number {
  collect();
  return process.memoryUsage().heapUsed;
}
v8.setFlagsFromString('--expose-gc');
const collect = vm.runInNewContext('gc') as () => void;

test('a policy that flaps for long keeps nothing of what it was before', async () => {
  const app = await serveRequests(({ answer }) => answer(200, 'app end.'));
  const pair = await start(app, { inbound: GUARDED, destination: { protocol: 'HTTP' } });
  const caller = await Caller.start([app], { backends: [{ name: 'shop/a:80', servers: [app] }] });
  const sockets = [await connect(pair.port), await connect(caller.port)];
  const flaps = async (count: number) => {
    for (let turn = 0; turn < count; turn += 1) {
      configure(pair, turn % 2 === 0 ? OPEN : GUARDED);
      caller.setTraffic(route(`r${turn % 2}`, turn % 2 === 0 ? 0 : -1));
      if (turn % 50 !== 0) continue;
      for (const socket of sockets) {
        socket.write(get('/limited'));
        await answerOf(socket);
      }
    }
    return heapBytes();
  };
  const after500 = await flaps(500);
  const after1500 = await flaps(1_000);
  for (const socket of sockets) socket.destroy();
  // 1,000 configurations or route tables kept would be more than a kilobyte each
  assert.ok(after1500 - after500 < 700_000, `${after1500 - after500} bytes more`);
  assert.ok(caller.side.path.connections().pools <= 2);
});
