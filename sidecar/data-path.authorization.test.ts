import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { AuthorizationRule, Operation } from '../api/proxy-config.ts';
import { echoHead, inbound, start, until } from './testing/harness.ts';
import type { Pair } from './testing/pair.ts';
import { connect, readAll, serve, talk } from './testing/wire.ts';

const rule = (action: 'Allow' | 'Deny', more: Partial<AuthorizationRule>): AuthorizationRule => ({
  policy: 'shop/api',
  name: 'r',
  action,
  mode: 'Enforce',
  ...more,
});

interface Ask {
  readonly line?: string;
  readonly host?: string;
  readonly fields?: string;
  /** through the caller's sidecar, so with an identity; in plaintext unless given */
  readonly meshed?: true;
}

async function ask(pair: Pair, { line = 'GET /', host = 'api', fields = '', meshed }: Ask): Promise<number> {
  const text = `${line} HTTP/1.1\r\nHost: ${host}\r\nConnection: close\r\n${fields}\r\n`;
  const answer = await talk(meshed ? pair.port : pair.inboundPort, text);
  return Number(answer.split(' ')[1]);
}

/** Of each field: a request that has it, and one that does not. */
const FIELDS: readonly (readonly [name: string, rule: Partial<AuthorizationRule>, hit: Ask, miss: Ask])[] = [
  ['methods', { to: [{ methods: ['PUT', 'DELETE'] }] }, { line: 'DELETE /' }, { line: 'GET /' }],
  ['paths', { to: [{ paths: ['/v1/*'] }] }, { line: 'GET /v1/a' }, { line: 'GET /v1/a/b' }],
  ['hosts', { to: [{ hosts: ['*.shop'] }] }, { host: 'A.Shop.:8080' }, { host: 'shop' }],
  [
    'headers',
    { to: [{ headers: [{ name: 'x-role', value: 'admin' }] }] },
    { fields: 'X-Role: admin\r\n' },
    { fields: 'X-Role: user\r\n' },
  ],
  [
    'grpc',
    { to: [{ grpc: { service: 'pay.Api', methods: ['Get'] } }] },
    { line: 'POST /pay.Api/Get', fields: 'Content-Type: application/grpc-web\r\n' },
    { line: 'POST /pay.Api/Put', fields: 'Content-Type: application/grpc-web\r\n' },
  ],
  ['namespace', { from: [{ namespace: 'shop' }] }, { meshed: true }, {}],
  ['serviceAccount', { from: [{ namespace: 'shop', serviceAccount: 'web' }] }, { meshed: true }, {}],
  ['spiffeId', { from: [{ spiffeId: 'spiffe://cluster.local/ns/shop/sa/web' }] }, { meshed: true }, {}],
];

for (const [name, fields, hit, miss] of FIELDS) {
  test(`an Allow rule with ${name} lets in what has it, a Deny rule keeps it out`, async () => {
    const pair = await start(await echoHead(), {
      inbound: inbound([rule('Allow', fields)], { authorizationDefault: 'Deny' }),
    });
    assert.equal(await ask(pair, hit), 200);
    assert.equal(await ask(pair, miss), 403);
    pair.api.state.setConfig({ ...pair.api.state.config!, inbound: inbound([rule('Deny', fields)]) });
    assert.equal(await ask(pair, hit), 403);
    assert.equal(await ask(pair, miss), 200);
  });
}

test('ipBlock is the address the connection comes from, whatever headers say', async () => {
  const home = rule('Allow', { from: [{ ipBlock: '127.0.0.0/8' }] });
  const pair = await start(await echoHead(), { inbound: inbound([home], { authorizationDefault: 'Deny' }) });
  assert.equal(await ask(pair, {}), 200);
  const away = rule('Allow', { from: [{ ipBlock: '10.0.0.0/8' }] });
  pair.api.state.setConfig({
    ...pair.api.state.config!,
    inbound: inbound([away], { authorizationDefault: 'Deny' }),
  });
  assert.equal(
    await ask(pair, { fields: 'X-Forwarded-For: 10.0.0.1\r\nweft-caller-address: 10.0.0.1\r\n' }),
    403,
  );
});

test('all fields of one operation must match, and any one operation', async () => {
  const both: Operation = { hosts: ['api'], headers: [{ name: 'a', value: '1' }] };
  const pair = await start(await echoHead(), {
    inbound: inbound([rule('Allow', { to: [both, { methods: ['PUT'] }] })], { authorizationDefault: 'Deny' }),
  });
  assert.equal(await ask(pair, { fields: 'a: 1\r\n' }), 200);
  assert.equal(await ask(pair, { host: 'other', fields: 'a: 1\r\n' }), 403);
  assert.equal(await ask(pair, { line: 'PUT /', host: 'other' }), 200);
});

test('a repeated header is neither allowed for one of its lines nor hides one from a Deny rule', async () => {
  const fields = { to: [{ headers: [{ name: 'x-role', value: 'admin' }] }] };
  const lines = 'X-Role: user\r\nX-Role: admin\r\n';
  const pair = await start(await echoHead(), {
    inbound: inbound([rule('Allow', fields)], { authorizationDefault: 'Deny' }),
  });
  assert.equal(await ask(pair, { fields: lines }), 403);
  pair.api.state.setConfig({ ...pair.api.state.config!, inbound: inbound([rule('Deny', fields)]) });
  assert.equal(await ask(pair, { fields: lines }), 403);
  assert.equal(await ask(pair, { fields: 'X-Role: user, admin\r\n' }), 403);
});

test('a rule may ask who calls by the header the mesh writes, which nobody else can', async () => {
  const caller = { name: 'weft-caller', value: 'spiffe://cluster.local/ns/shop/sa/web' };
  const pair = await start(await echoHead(), {
    inbound: inbound([rule('Allow', { to: [{ headers: [caller] }] })], { authorizationDefault: 'Deny' }),
  });
  assert.equal(await ask(pair, { meshed: true }), 200);
  assert.equal(await ask(pair, { fields: `weft-caller: ${caller.value}\r\n` }), 403);
});

test('a denial by default names the policy the default comes from', async () => {
  const pair = await start(await echoHead(), {
    inbound: inbound([], { authorizationDefault: 'Deny', authorizationDefaultPolicy: 'shop/base' }),
  });
  assert.equal(await ask(pair, {}), 403);
  const entry = JSON.parse(pair.api.log[0]!);
  assert.deepEqual([entry.policy, entry.rule], ['shop/base', 'default']);
  assert.match(
    pair.api.path.renderMetrics(),
    /weft_authorization_total\{verdict="denied",policy="shop\/base",rule="default",mode="Enforce"\} 1\n/,
  );
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
  const pair = await start(await echoHead(), {
    inbound: inbound([rule('Deny', { to: [{ methods: ['DELETE'] }] })]),
  });
  assert.equal(await ask(pair, { line: 'delete /' }), 403);
  assert.equal(await ask(pair, { line: 'deLete /' }), 403);
  assert.equal(await ask(pair, { line: 'get /' }), 200);
  const only = inbound([rule('Allow', { to: [{ methods: ['DELETE'] }] })], { authorizationDefault: 'Deny' });
  pair.api.state.setConfig({ ...pair.api.state.config!, inbound: only });
  assert.equal(await ask(pair, { line: 'DELETE /' }), 200);
  assert.equal(await ask(pair, { line: 'delete /' }), 403);
});
