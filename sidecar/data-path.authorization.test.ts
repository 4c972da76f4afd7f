import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ERRORS, type ErrorCode } from '../api/errors.ts';
import type { AuthorizationRule, Operation } from '../api/proxy-config.ts';
import { echoHead, inbound, start, until } from './testing/harness.ts';
import type { Pair } from './testing/pair.ts';
import { serveVersion } from './testing/version-server.ts';
import { ask as askVersion, VERSIONS, type Version } from './testing/versions.ts';
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

/** The HTTP status of the answer; of a gRPC call that of the mesh's error, which its grpc-status must match. */
async function ask(
  pair: Pair,
  { line = 'GET /', host = 'api', fields = '', meshed }: Ask,
  version: Version = 'http1',
): Promise<number> {
  const port = meshed ? pair.port : pair.inboundPort;
  if (version === 'http1') {
    const text = `${line} HTTP/1.1\r\nHost: ${host}\r\nConnection: close\r\n${fields}\r\n`;
    return Number((await talk(port, text)).split(' ')[1]);
  }
  const [method, path] = line.split(' ');
  const lines = fields.split('\r\n').filter((text) => text !== '');
  const headers: Record<string, string[]> = {};
  for (const text of lines) {
    const [name, value] = text.split(': ', 2);
    const key = name!.toLowerCase();
    headers[key] = [...(headers[key] ?? []), value!];
  }
  const answer = await askVersion(version, port, { method: method!, path: path!, host, headers });
  if (version !== 'grpc' || answer.code === undefined) return answer.status;
  const { httpStatus, grpcStatus } = ERRORS[answer.code as ErrorCode];
  assert.deepEqual([answer.status, answer.grpcStatus], [200, grpcStatus]);
  return httpStatus;
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
    for (const version of VERSIONS) {
      const pair = await start(await serveVersion(version), {
        inbound: inbound([rule('Allow', fields)], { authorizationDefault: 'Deny' }),
      });
      assert.equal(await ask(pair, hit, version), 200);
      assert.equal(await ask(pair, miss, version), 403);
      pair.api.state.setConfig({ ...pair.api.state.config!, inbound: inbound([rule('Deny', fields)]) });
      assert.equal(await ask(pair, hit, version), 403);
      assert.equal(await ask(pair, miss, version), 200);
    }
  });
}

test('ipBlock is the address the connection comes from, whatever headers say', async () => {
  for (const version of VERSIONS) {
    const home = rule('Allow', { from: [{ ipBlock: '127.0.0.0/8' }] });
    const pair = await start(await serveVersion(version), {
      inbound: inbound([home], { authorizationDefault: 'Deny' }),
    });
    assert.equal(await ask(pair, {}, version), 200);
    const away = rule('Allow', { from: [{ ipBlock: '10.0.0.0/8' }] });
    pair.api.state.setConfig({
      ...pair.api.state.config!,
      inbound: inbound([away], { authorizationDefault: 'Deny' }),
    });
    assert.equal(
      await ask(pair, { fields: 'X-Forwarded-For: 10.0.0.1\r\nweft-caller-address: 10.0.0.1\r\n' }, version),
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
    assert.equal(await ask(pair, { fields: 'a: 1\r\n' }, version), 200);
    assert.equal(await ask(pair, { host: 'other', fields: 'a: 1\r\n' }, version), 403);
    assert.equal(await ask(pair, { line: 'PUT /', host: 'other' }, version), 200);
  }
});

test('a repeated header is neither allowed for one of its lines nor hides one from a Deny rule', async () => {
  for (const version of VERSIONS) {
    const fields = { to: [{ headers: [{ name: 'x-role', value: 'admin' }] }] };
    const lines = 'X-Role: user\r\nX-Role: admin\r\n';
    const pair = await start(await serveVersion(version), {
      inbound: inbound([rule('Allow', fields)], { authorizationDefault: 'Deny' }),
    });
    assert.equal(await ask(pair, { fields: lines }, version), 403);
    pair.api.state.setConfig({ ...pair.api.state.config!, inbound: inbound([rule('Deny', fields)]) });
    assert.equal(await ask(pair, { fields: lines }, version), 403);
    assert.equal(await ask(pair, { fields: 'X-Role: user, admin\r\n' }, version), 403);
  }
});

test('a rule may ask who calls by the header the mesh writes, which nobody else can', async () => {
  for (const version of VERSIONS) {
    const caller = { name: 'weft-caller', value: 'spiffe://cluster.local/ns/shop/sa/web' };
    const pair = await start(await serveVersion(version), {
      inbound: inbound([rule('Allow', { to: [{ headers: [caller] }] })], { authorizationDefault: 'Deny' }),
    });
    assert.equal(await ask(pair, { meshed: true }, version), 200);
    assert.equal(await ask(pair, { fields: `weft-caller: ${caller.value}\r\n` }, version), 403);
  }
});

test('a denial by default names the policy the default comes from', async () => {
  for (const version of VERSIONS) {
    const pair = await start(await serveVersion(version), {
      inbound: inbound([], { authorizationDefault: 'Deny', authorizationDefaultPolicy: 'shop/base' }),
    });
    assert.equal(await ask(pair, {}, version), 403);
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
    const pair = await start(await (version === 'http1' ? echoHead() : serveVersion(version)), {
      inbound: inbound([rule('Deny', { to: [{ methods: ['DELETE'] }] })]),
    });
    assert.equal(await ask(pair, { line: 'delete /' }, version), 403);
    assert.equal(await ask(pair, { line: 'deLete /' }, version), 403);
    assert.equal(await ask(pair, { line: 'get /' }, version), 200);
    const only = inbound([rule('Allow', { to: [{ methods: ['DELETE'] }] })], {
      authorizationDefault: 'Deny',
    });
    pair.api.state.setConfig({ ...pair.api.state.config!, inbound: only });
    assert.equal(await ask(pair, { line: 'DELETE /' }, version), 200);
    assert.equal(await ask(pair, { line: 'delete /' }, version), 403);
  }
});
