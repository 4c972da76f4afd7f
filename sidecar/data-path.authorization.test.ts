import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { AuthorizationRule, Operation } from '../api/proxy-config.ts';
import { echoHead, inbound, start, until } from './testing/harness.ts';
import type { Pair } from './testing/pair.ts';
import {
  type Asked,
  ask as askVersion,
  serveVersion,
  statusOf,
  VERSIONS,
  type Version,
} from './testing/versions.ts';
import { connect, readAll, serve } from './testing/wire.ts';

const rule = (action: 'Allow' | 'Deny', more: Partial<AuthorizationRule>): AuthorizationRule => ({
  policy: 'shop/api',
  name: 'r',
  action,
  mode: 'Enforce',
  ...more,
});

/** The HTTP status of what is answered, or of the mesh's error. `meshed`: through the caller's sidecar, so with an identity. */
async function ask(pair: Pair, version: Version, asked: Asked = {}, meshed = false): Promise<number> {
  const port = meshed ? pair.port : pair.inboundPort;
  return statusOf(version, await askVersion(version, port, asked));
}

/** Of each field: a request that has it, and one that does not; in plaintext unless meshed. */
type Case = Asked & { readonly meshed?: true };
const FIELDS: readonly (readonly [name: string, rule: Partial<AuthorizationRule>, hit: Case, miss: Case])[] =
  [
    ['methods', { to: [{ methods: ['PUT', 'DELETE'] }] }, { method: 'DELETE' }, { method: 'GET' }],
    ['paths', { to: [{ paths: ['/v1/*'] }] }, { path: '/v1/a' }, { path: '/v1/a/b' }],
    ['hosts', { to: [{ hosts: ['*.shop'] }] }, { host: 'A.Shop.:8080' }, { host: 'shop' }],
    [
      'headers',
      { to: [{ headers: [{ name: 'x-role', value: 'admin' }] }] },
      { headers: { 'X-Role': 'admin' } },
      { headers: { 'X-Role': 'user' } },
    ],
    [
      'grpc',
      { to: [{ grpc: { service: 'pay.Api', methods: ['Get'] } }] },
      { method: 'POST', path: '/pay.Api/Get', headers: { 'content-type': 'application/grpc-web' } },
      { method: 'POST', path: '/pay.Api/Put', headers: { 'content-type': 'application/grpc-web' } },
    ],
    ['namespace', { from: [{ namespace: 'shop' }] }, { meshed: true }, {}],
    ['serviceAccount', { from: [{ namespace: 'shop', serviceAccount: 'web' }] }, { meshed: true }, {}],
    ['spiffeId', { from: [{ spiffeId: 'spiffe://cluster.local/ns/shop/sa/web' }] }, { meshed: true }, {}],
  ];

for (const [name, fields, hit, miss] of FIELDS) {
  test(`an Allow rule with ${name} lets in what has it, a Deny rule keeps it out`, async () => {
    for (const version of VERSIONS) {
      const pair = await start(await serveVersion(version), {
        inbound: inbound([rule('Allow', fields)], { authorizationDefault: 'Deny' }),
      });
      assert.equal(await ask(pair, version, hit, hit.meshed), 200);
      assert.equal(await ask(pair, version, miss, miss.meshed), 403);
      pair.api.state.setConfig({ ...pair.api.state.config!, inbound: inbound([rule('Deny', fields)]) });
      assert.equal(await ask(pair, version, hit, hit.meshed), 403);
      assert.equal(await ask(pair, version, miss, miss.meshed), 200);
    }
  });
}

test('ipBlock is the address the connection comes from, whatever headers say', async () => {
  for (const version of VERSIONS) {
    const home = rule('Allow', { from: [{ ipBlock: '127.0.0.0/8' }] });
    const pair = await start(await serveVersion(version), {
      inbound: inbound([home], { authorizationDefault: 'Deny' }),
    });
    assert.equal(await ask(pair, version), 200);
    const away = rule('Allow', { from: [{ ipBlock: '10.0.0.0/8' }] });
    pair.api.state.setConfig({
      ...pair.api.state.config!,
      inbound: inbound([away], { authorizationDefault: 'Deny' }),
    });
    assert.equal(
      await ask(pair, version, {
        headers: { 'X-Forwarded-For': '10.0.0.1', 'weft-caller-address': '10.0.0.1' },
      }),
      403,
    );
  }
});

test('all fields of one operation must match, and any one operation', async () => {
  for (const version of VERSIONS) {
    const both: Operation = { hosts: ['api'], headers: [{ name: 'a', value: '1' }] };
    const pair = await start(await serveVersion(version), {
      inbound: inbound([rule('Allow', { to: [both, { methods: ['PUT'] }] })], {
        authorizationDefault: 'Deny',
      }),
    });
    assert.equal(await ask(pair, version, { headers: { a: '1' } }), 200);
    assert.equal(await ask(pair, version, { host: 'other', headers: { a: '1' } }), 403);
    assert.equal(await ask(pair, version, { method: 'PUT', host: 'other' }), 200);
  }
});

test('a repeated header is neither allowed for one of its lines nor hides one from a Deny rule', async () => {
  for (const version of VERSIONS) {
    const fields = { to: [{ headers: [{ name: 'x-role', value: 'admin' }] }] };
    const headers = { 'X-Role': ['user', 'admin'] };
    const pair = await start(await serveVersion(version), {
      inbound: inbound([rule('Allow', fields)], { authorizationDefault: 'Deny' }),
    });
    assert.equal(await ask(pair, version, { headers }), 403);
    pair.api.state.setConfig({ ...pair.api.state.config!, inbound: inbound([rule('Deny', fields)]) });
    assert.equal(await ask(pair, version, { headers }), 403);
    assert.equal(await ask(pair, version, { headers: { 'X-Role': 'user, admin' } }), 403);
  }
});

test('a rule may ask who calls by the header the mesh writes, which nobody else can', async () => {
  for (const version of VERSIONS) {
    const caller = { name: 'weft-caller', value: 'spiffe://cluster.local/ns/shop/sa/web' };
    const pair = await start(await serveVersion(version), {
      inbound: inbound([rule('Allow', { to: [{ headers: [caller] }] })], { authorizationDefault: 'Deny' }),
    });
    assert.equal(await ask(pair, version, {}, true), 200);
    assert.equal(await ask(pair, version, { headers: { 'weft-caller': caller.value } }), 403);
  }
});

test('a denial by default names the policy the default comes from', async () => {
  for (const version of VERSIONS) {
    const pair = await start(await serveVersion(version), {
      inbound: inbound([], { authorizationDefault: 'Deny', authorizationDefaultPolicy: 'shop/base' }),
    });
    assert.equal(await ask(pair, version), 403);
    const entry = JSON.parse(pair.api.log[0]!);
    assert.deepEqual([entry.policy, entry.rule], ['shop/base', 'default']);
    assert.match(
      pair.api.path.renderMetrics(),
      /weft_authorization_total\{verdict="denied",policy="shop\/base",rule="default",mode="Enforce"\} 1\n/,
    );
  }
});

const OPAQUE: readonly Partial<AuthorizationRule>[] = [
  { to: [{ hosts: ['a'] }] },
  { to: [{ headers: [{ name: 'a', value: 'b' }] }] },
  { to: [{ grpc: { service: 'pay.Api' } }] },
  { when: { jwt: { issuer: 'https://id.example' } } },
];

for (const fields of OPAQUE) {
  test(`what is not HTTP is denied by a Deny rule and not let in by an Allow rule with ${JSON.stringify(fields)}`, async () => {
    const app = await serve((socket) => void socket.pipe(socket));
    for (const [action, authorizationDefault] of [
      ['Deny', 'Allow'],
      ['Allow', 'Deny'],
    ] as const) {
      const port = { authorizationDefault, protocol: 'TCP' } as const;
      const pair = await start(app, { inbound: inbound([rule(action, fields)], port) });
      const socket = await connect(pair.inboundPort);
      const said = readAll(socket);
      socket.write('PING\r\n');
      assert.equal(await said, '');
      socket.destroy();
      await until(() => pair.api.log.length > 0, 'the refusal in the log');
      assert.equal(JSON.parse(pair.api.log[0]!).code, 'denied');
    }
    assert.equal(app.accepted.length, 0);
  });
}

test('a method in small letters, which some servers take for the other, is denied with it and not allowed with it', async () => {
  for (const version of VERSIONS) {
    // node's own server takes no such methods
    const pair = await start(await (version === 'http1' ? echoHead() : serveVersion(version)), {
      inbound: inbound([rule('Deny', { to: [{ methods: ['DELETE'] }] })]),
    });
    assert.equal(await ask(pair, version, { method: 'delete' }), 403);
    assert.equal(await ask(pair, version, { method: 'deLete' }), 403);
    assert.equal(await ask(pair, version, { method: 'get' }), 200);
    const only = inbound([rule('Allow', { to: [{ methods: ['DELETE'] }] })], {
      authorizationDefault: 'Deny',
    });
    pair.api.state.setConfig({ ...pair.api.state.config!, inbound: only });
    assert.equal(await ask(pair, version, { method: 'DELETE' }), 200);
    assert.equal(await ask(pair, version, { method: 'delete' }), 403);
  }
});
