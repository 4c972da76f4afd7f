import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { DestinationRoute } from '../api/destination-traffic.ts';
import { Caller } from './testing/caller.ts';
import {
  type Asked,
  ask,
  openClient,
  type Seen,
  serveVersion,
  VERSIONS,
  type Version,
} from './testing/versions.ts';
import { talk } from './testing/wire.ts';

type Route = Partial<DestinationRoute>;

/** An app that says how it saw the request. */
const ECHO = ({ method, path, host, headers, answer }: Seen) =>
  answer(200, JSON.stringify({ method, path, headers: { ...headers, host } }));

async function routed(
  version: Version,
  route: Route,
  respond: (request: Seen) => void = ECHO,
): Promise<Caller> {
  const server = await serveVersion(version, respond);
  return Caller.start([server], { traffic: { routes: [{ name: 'route', ...route }] } });
}

async function echoed(
  version: Version,
  caller: Caller,
  asked: Asked = {},
): Promise<{ path: string; headers: Record<string, string> }> {
  const { status, body } = await ask(version, caller.port, asked);
  assert.equal(status, 200);
  return JSON.parse(body);
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

const REWRITES: readonly (readonly [what: string, route: Route, asked: string, seen: string])[] = [
  ['a prefix is replaced', prefix('/new'), '/v2/a/b', '/new/a/b'],
  ['a prefix that is all of the path is replaced', prefix('/new'), '/v2', '/new'],
  ['the slash behind a prefix stays', prefix('/new'), '/v2/', '/new/'],
  ['a prefix is taken away', prefix('/'), '/v2/a', '/a'],
  ['a prefix that is all of the path leaves the root', prefix('/'), '/v2', '/'],
  ['the query stays', prefix('/new'), '/v2/a?x=1&y=%20', '/new/a?x=1&y=%20'],
  ['the whole path is replaced', whole('/one'), '/v2/a/b?x', '/one?x'],
  ['other characters are encoded', whole('/äb'), '/v2', '/%C3%A4b'],
];

const REDIRECTS: readonly (readonly [
  what: string,
  redirect: NonNullable<Route['redirect']>,
  location: string,
])[] = [
  ['to https', { scheme: 'https', status: 301 }, 'https://api/v2/a?x=1'],
  ['to another host', { host: 'new.example', status: 302 }, 'http://new.example/v2/a?x=1'],
  ['to a port', { port: 8443, scheme: 'https', status: 307 }, 'https://api:8443/v2/a?x=1'],
  [
    'without the port that is the scheme’s own',
    { port: 443, scheme: 'https', status: 308 },
    'https://api/v2/a?x=1',
  ],
  [
    'to another path',
    { path: { type: 'ReplacePrefixMatch', value: '/v3' }, status: 302 },
    'http://api/v3/a?x=1',
  ],
];

for (const version of VERSIONS) {
  for (const [what, route, path, seen] of REWRITES) {
    test(`${version}: rewrite: ${what}`, async () => {
      assert.equal((await echoed(version, await routed(version, route), { path })).path, seen);
    });
  }

  test(`${version}: rewrite: the host is replaced, and the app sees no other`, async () => {
    const caller = await routed(version, { rewrite: { host: 'payments.internal' } });
    const { headers } = await echoed(version, caller);
    assert.equal(headers.host, 'payments.internal');
    if (version !== 'http1') assert.equal(headers[':authority'], 'payments.internal');
  });

  test(`${version}: headers: removed, set and added on the way to the app, and on the way back`, async () => {
    const changes = {
      remove: ['x-gone'],
      set: [{ name: 'X-Set', value: 'new' }],
      add: [{ name: 'X-Added', value: 'more' }],
    };
    const own = { 'x-gone': ['a', 'b'], 'x-set': ['old', 'older'], 'x-added': 'first' };
    const caller = await routed(
      version,
      { headers: { request: changes, response: changes } },
      ({ headers, answer }) => answer(200, JSON.stringify(headers), own),
    );
    const { headers, body } = await ask(version, caller.port, { headers: own });
    for (const seen of [headers, JSON.parse(body)]) {
      assert.deepEqual([seen['x-gone'], seen['x-set'], seen['x-added']], [undefined, 'new', 'first, more']);
    }
  });

  test(`${version}: headers: what frames a message or belongs to the mesh is not changed`, async () => {
    const names = ['Content-Length', 'Transfer-Encoding', 'Host', 'Connection', 'weft-error'];
    const changes = {
      remove: ['content-length', 'host', 'weft-caller'],
      set: names.map((name) => ({ name, value: '5' })),
    };
    const caller = await routed(version, { headers: { request: changes, response: changes } });
    const { headers } = await echoed(version, caller);
    assert.equal(headers.host, 'api');
    assert.equal(headers['content-length'], undefined);
    assert.equal(headers['transfer-encoding'], undefined);
  });

  test(`${version}: headers: no character of a policy becomes a line end`, async () => {
    // U+010D and U+010A would be CR and LF if only their low bytes were written
    const change = { set: [{ name: 'x-set', value: 'a\u010d\u010aX-Injected: yes' }] };
    let seen: Seen['headers'] = {};
    const caller = await routed(version, { headers: { request: change } }, ({ headers, answer }) => {
      seen = headers;
      answer(200);
    });
    assert.equal((await ask(version, caller.port)).status, 200);
    assert.equal(seen['x-injected'], undefined);
    assert.equal(Buffer.from(String(seen['x-set']), 'latin1').toString('utf8'), change.set[0]!.value);
  });

  for (const [what, redirect, location] of REDIRECTS) {
    test(`${version}: redirect: ${what}, and no endpoint is asked`, async () => {
      const server = await serveVersion(version, ECHO);
      const caller = await Caller.start([server], {
        traffic: { routes: [{ name: 'route', ...underV2, redirect }] },
      });
      const { status, headers, code } = await ask(version, caller.port, { path: '/v2/a?x=1' });
      assert.deepEqual([status, headers.location, code], [redirect.status, location, undefined]);
      assert.equal(server.seen.length, 0);
      assert.equal(caller.metric('weft_requests_total', 'route="route"', 'status_class="3xx"'), 1);
    });
  }

  test(`${version}: redirect: a connection goes on after it`, async () => {
    const caller = await routed(version, { ...underV2, redirect: { host: 'x.example', status: 302 } });
    const client = openClient(version, caller.port);
    for (const path of ['/v2/a', '/v2/b']) {
      assert.equal((await client.ask({ path })).headers.location, `http://x.example${path}`);
    }
    assert.equal(caller.side.path.connections().open, 1);
    client.close();
  });
}

test('redirect: where HTTP/1.0 names no host the path does not become one', async () => {
  const caller = await routed('http1', { ...underV2, redirect: { scheme: 'https', status: 302 } });
  const answer = await talk(caller.port, 'GET /v2/evil.example?x=1 HTTP/1.0\r\n\r\n');
  assert.equal(/Location: (.*)\r\n/.exec(answer)?.[1], '/v2/evil.example?x=1');
});
