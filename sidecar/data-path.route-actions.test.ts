import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { DestinationRoute } from '../api/destination-traffic.ts';
import { Caller } from './testing/caller.ts';
import { get, last, until } from './testing/harness.ts';
import { type Served, serveRequests } from './testing/http-server.ts';
import { connect, readUntil, talk } from './testing/wire.ts';

type Route = Partial<DestinationRoute>;

/** An app that says how it saw the request. */
const ECHO = ({ method, path, headers, answer }: Served) =>
  answer(200, JSON.stringify({ method, path, headers }));

async function routed(route: Route, respond: (request: Served) => void = ECHO): Promise<Caller> {
  const server = await serveRequests(respond);
  return Caller.start([server], { traffic: { routes: [{ name: 'route', ...route }] } });
}

async function echoed(
  caller: Caller,
  request: string,
): Promise<{ path: string; headers: Record<string, string> }> {
  const answer = await talk(caller.port, request);
  assert.match(answer, /^HTTP\/1.1 200/);
  return JSON.parse(answer.slice(answer.indexOf('\r\n\r\n') + 4));
}

const underV2: Route = { match: [{ path: { type: 'PathPrefix', value: '/v2' } }] };
const prefix = (value: string): Route => ({
  ...underV2,
  rewrite: { path: { type: 'ReplacePrefixMatch', value } },
});
const whole = (value: string): Route => ({
  ...underV2,
  rewrite: { path: { type: 'ReplaceFullPath', value } },
});

for (const [what, route, asked, seen] of [
  ['a prefix is replaced', prefix('/new'), '/v2/a/b', '/new/a/b'],
  ['a prefix that is all of the path is replaced', prefix('/new'), '/v2', '/new'],
  ['the slash behind a prefix stays', prefix('/new'), '/v2/', '/new/'],
  ['a prefix is taken away', prefix('/'), '/v2/a', '/a'],
  ['a prefix that is all of the path leaves the root', prefix('/'), '/v2', '/'],
  ['the query stays', prefix('/new'), '/v2/a?x=1&y=%20', '/new/a?x=1&y=%20'],
  ['the whole path is replaced', whole('/one'), '/v2/a/b?x', '/one?x'],
  ['other characters are encoded', whole('/ä b'.replace(' ', '')), '/v2', '/%C3%A4b'],
] as const) {
  test(`rewrite: ${what}`, async () => {
    assert.equal((await echoed(await routed(route), last(asked))).path, seen);
  });
}

test('rewrite: the host is replaced, and the app sees no other', async () => {
  const { headers } = await echoed(await routed({ rewrite: { host: 'payments.internal' } }), last());
  assert.equal(headers.host, 'payments.internal');
});

test('headers: removed, set and added on the way to the app, and on the way back', async () => {
  const changes = {
    remove: ['x-gone'],
    set: [{ name: 'x-set', value: 'new' }],
    add: [{ name: 'x-added', value: 'more' }],
  };
  const caller = await routed({ headers: { request: changes, response: changes } }, (request) => {
    const { socket, headers } = request;
    const body = JSON.stringify(headers);
    socket.write(
      `HTTP/1.1 200 OK\r\nX-Gone: a\r\nx-gone: b\r\nX-Set: old\r\nX-Added: first\r\nContent-Length: ${body.length}\r\n\r\n${body}`,
    );
  });
  const answer = await talk(
    caller.port,
    last('/', 'X-GONE: 1\r\nX-Set: old\r\nx-set: older\r\nX-Added: first\r\n'),
  );
  const [head = '', body = ''] = answer.split('\r\n\r\n');
  const seen = JSON.parse(body) as Record<string, string>;
  assert.equal(seen['x-gone'], undefined);
  assert.equal(seen['x-set'], 'new');
  assert.equal(seen['x-added'], 'first, more');
  assert.doesNotMatch(head, /x-gone|old/i);
  assert.equal(head.match(/x-set: new/gi)?.length, 1);
  assert.match(head, /X-Added: first[\s\S]*x-added: more/);
});

test('headers: what frames a message or belongs to the mesh is not changed', async () => {
  const changes = {
    remove: ['content-length', 'host', 'weft-caller'],
    set: ['Content-Length', 'Transfer-Encoding', 'Host', 'Connection', 'weft-error'].map((name) => ({
      name,
      value: '5',
    })),
  };
  const caller = await routed({ headers: { request: changes, response: changes } });
  const { headers } = await echoed(caller, last());
  assert.equal(headers.host, 'api');
  assert.equal(headers['content-length'], undefined);
  assert.equal(headers['transfer-encoding'], undefined);
});

test('headers: no character of a policy becomes a line end', async () => {
  // U+010D and U+010A would be CR and LF if only their low bytes were written
  const change = { set: [{ name: 'x-set', value: 'a\u010d\u010aX-Injected: yes' }] };
  let seen: Record<string, unknown> = {};
  const caller = await routed({ headers: { request: change } }, ({ headers, answer }) => {
    seen = headers;
    answer(200);
  });
  assert.match(await talk(caller.port, last()), /^HTTP\/1.1 200/);
  assert.equal(seen['x-injected'], undefined);
  assert.equal(Buffer.from(String(seen['x-set']), 'latin1').toString('utf8'), change.set[0]!.value);
});

for (const [what, redirect, location] of [
  ['to https', { scheme: 'https' as const, status: 301 }, 'https://api/v2/a?x=1'],
  ['to another host', { host: 'new.example', status: 302 }, 'http://new.example/v2/a?x=1'],
  ['to a port', { port: 8443, scheme: 'https' as const, status: 307 }, 'https://api:8443/v2/a?x=1'],
  [
    'without the port that is the scheme’s own',
    { port: 443, scheme: 'https' as const, status: 308 },
    'https://api/v2/a?x=1',
  ],
  [
    'to another path',
    { path: { type: 'ReplacePrefixMatch' as const, value: '/v3' }, status: 302 },
    'http://api/v3/a?x=1',
  ],
] as const) {
  test(`redirect: ${what}, and no endpoint is asked`, async () => {
    const server = await serveRequests(ECHO);
    const caller = await Caller.start([server], {
      traffic: { routes: [{ name: 'route', ...underV2, redirect }] },
    });
    const answer = await talk(caller.port, last('/v2/a?x=1'));
    assert.match(answer, new RegExp(`^HTTP/1.1 ${redirect.status} `));
    assert.equal(/Location: (.*)\r\n/.exec(answer)?.[1], location);
    assert.doesNotMatch(answer, /weft-error/);
    assert.deepEqual(server.seen, []);
    assert.equal(caller.metric('weft_requests_total', 'route="route"', 'status_class="3xx"'), 1);
  });
}

test('redirect: where HTTP/1.0 names no host the path does not become one', async () => {
  const caller = await routed({ ...underV2, redirect: { scheme: 'https', status: 302 } });
  const answer = await talk(caller.port, 'GET /v2/evil.example?x=1 HTTP/1.0\r\n\r\n');
  assert.equal(/Location: (.*)\r\n/.exec(answer)?.[1], '/v2/evil.example?x=1');
});

test('redirect: a connection goes on after it', async () => {
  const caller = await routed({ ...underV2, redirect: { host: 'x.example', status: 302 } });
  const socket = await connect(caller.port);
  socket.write(get('/v2/a') + get('/v2/b'));
  assert.match(await readUntil(socket, 'x.example/v2/b'), /Location: [\s\S]*x.example\/v2\/a/);
  socket.destroy();
});

test('fault: an abort answers with its status, says so, and sends nothing', async () => {
  const server = await serveRequests(ECHO);
  const fault = { abort: { percent: 100, status: 418 } };
  const caller = await Caller.start([server], { traffic: { routes: [{ name: 'route', fault }] } });
  assert.match(await talk(caller.port, last()), /^HTTP\/1.1 418 [\s\S]*weft-error: fault/);
  assert.deepEqual(server.seen, []);
  assert.equal(caller.metric('weft_errors_total', 'code="fault"'), 1);
});

test('fault: an abort hits as many as its percentage says', async () => {
  const caller = await routed({ fault: { abort: { percent: 30, status: 503 } } });
  let aborted = 0;
  for (let i = 0; i < 200; i += 1)
    if (/weft-error: fault/.test(await talk(caller.port, last()))) aborted += 1;
  // three standard deviations of 200 draws at 30 %
  assert.ok(aborted > 40 && aborted < 80, `${aborted} of 200`);
});

test('fault: a delay holds the request back, and only then it is sent', async () => {
  const caller = await routed({ fault: { delay: { percent: 100, durationMs: 150 } } });
  const startedMs = performance.now();
  await echoed(caller, last());
  assert.ok(performance.now() - startedMs >= 149);
});

test('fault: a client that goes away while its request is delayed causes nothing', async () => {
  const server = await serveRequests(ECHO);
  const fault = { delay: { percent: 100, durationMs: 100 } };
  const caller = await Caller.start([server], { traffic: { routes: [{ name: 'route', fault }] } });
  const socket = await connect(caller.port);
  socket.write(get());
  await until(() => caller.side.path.connections().open > 0);
  socket.resetAndDestroy();
  await until(() => caller.side.path.connections().open === 0);
  await new Promise((resolve) => setTimeout(resolve, 200));
  assert.deepEqual(server.seen, []);
});

test('fault: an answer comes at the bandwidth that was set, whole and in order', async () => {
  const body = Array.from({ length: 4_000 }, (_, at) => String.fromCharCode(97 + (at % 26))).join('');
  const caller = await routed({ fault: { bandwidthBytesPerSecond: 16_000 } }, (request) =>
    request.answer(200, body),
  );
  const startedMs = performance.now();
  const answer = await talk(caller.port, last());
  assert.equal(answer.slice(answer.indexOf('\r\n\r\n') + 4), body);
  // 4,000 bytes at 16,000 a second are 250 ms, a tenth of a second of it at once
  assert.ok(performance.now() - startedMs >= 140, `${performance.now() - startedMs} ms`);
});

test('fault: a client that goes away in the middle of a slow answer leaves nothing behind', async () => {
  const caller = await routed({ fault: { bandwidthBytesPerSecond: 1_000 } }, (request) =>
    request.answer(200, 'x'.repeat(500_000)),
  );
  const socket = await connect(caller.port);
  socket.write(get());
  await readUntil(socket, 'xxx');
  socket.destroy();
  await until(() => caller.side.path.connections().open === 0);
});

test('what the mesh answers itself is not slowed down by a bandwidth', async () => {
  const caller = await Caller.start([], {
    traffic: { routes: [{ name: 'route', fault: { bandwidthBytesPerSecond: 1 } }] },
  });
  assert.match(await talk(caller.port, last()), /^HTTP\/1.1 503 [\s\S]*no-endpoints/);
});
