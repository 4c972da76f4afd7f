import assert from 'node:assert/strict';
import type { Socket } from 'node:net';
import { test } from 'node:test';
import { DENY_ADMIN, echoHead, get, inbound, last, start, startRecorded } from './testing/harness.ts';
import { bearer, issuer, TestKey, withIssuers } from './testing/tokens.ts';
import { ask } from './testing/versions.ts';
import { connect, ok, readAll, readUntil, serve, serveHttp, talk } from './testing/wire.ts';

test('a request flows, and nothing of it can be read on the wire', async () => {
  const { pair, wire } = await startRecorded(await serveHttp(() => ok('the secret answer')));
  const answer = await talk(pair.port, last('/secret-path'));
  assert.match(answer, /^HTTP\/1.1 200 OK\r\n/);
  assert.match(answer, /the secret answer$/);
  assert.ok(wire().length > 1_000);
  assert.doesNotMatch(wire(), /secret|HTTP\/1\.1/);
});

test('the app is told who calls, and nobody else can tell it', async () => {
  const pair = await start(await echoHead());
  const forged =
    'weft-caller: spiffe://x\r\nWEFT-Caller-Address: 1.2.3.4\r\nweft_caller: y\r\nweft.caller: y\r\nweft-anything: z\r\n';
  const meshed = await talk(pair.port, last('/', forged));
  assert.match(meshed, /\r\nweft-caller: spiffe:\/\/cluster.local\/ns\/shop\/sa\/web\r\n/);
  assert.doesNotMatch(meshed, /spiffe:\/\/x|1\.2\.3\.4|weft[_.]caller|weft-anything/);
  const plain = await talk(pair.inboundPort, last('/', forged));
  assert.match(plain, /\r\nweft-caller-address: 127.0.0.1/);
  assert.doesNotMatch(plain, /weft-caller:|spiffe|1\.2\.3\.4|weft[_.]caller|weft-anything/i);
});

test('the app cannot answer in the name of the mesh', async () => {
  const pair = await start(await serveHttp(() => ok('x', 'weft-error: denied\r\nX-Own: 1\r\n')));
  const answer = await talk(pair.port, last());
  assert.match(answer, /X-Own: 1/);
  assert.doesNotMatch(answer, /weft-error/);
});

test('a denied request gets 403 with the error named, the connection lives on, and the app hears nothing', async () => {
  const app = await echoHead();
  const pair = await start(app, { inbound: inbound([DENY_ADMIN]) });
  const answer = await talk(pair.port, get('/x/../admin/users') + last('/fine'));
  assert.match(answer, /^HTTP\/1.1 403 Forbidden\r\nweft-error: denied\r\n/);
  assert.match(answer, /"error":"denied"/);
  assert.deepEqual(answer.match(/GET \/\S+/g), ['GET /fine']);
  assert.match(pair.api.path.renderMetrics(), /weft_errors_total\{direction="inbound",code="denied"\} 1\n/);
  assert.match(
    pair.api.path.renderMetrics(),
    /weft_authorization_total\{verdict="denied",policy="shop\/api",rule="no-admin",mode="Enforce"\} 1\n/,
  );
  const entry = JSON.parse(pair.api.log[0]!);
  assert.equal(entry.caller, 'spiffe://cluster.local/ns/shop/sa/web');
  assert.deepEqual(
    [entry.path, entry.status, entry.code, entry.rule],
    ['/admin/users', 403, 'denied', 'no-admin'],
  );
});

test('a rule in Audit mode denies nothing, and says what it would', async () => {
  const pair = await start(await echoHead(), {
    inbound: inbound([{ ...DENY_ADMIN, mode: 'Audit' }]),
  });
  assert.match(await talk(pair.port, last('/admin/x')), /^HTTP\/1.1 200/);
  assert.match(
    pair.api.path.renderMetrics(),
    /verdict="denied",policy="shop\/api",rule="no-admin",mode="Audit"\} 1/,
  );
  assert.equal(JSON.parse(pair.api.log[0]!).wouldDeny, true);
});

test('a default of Deny in Audit mode denies nothing, and counts what no rule allows', async () => {
  const pair = await start(await echoHead(), {
    inbound: inbound([], { auditedDefaultPolicy: 'shop/trial' }),
  });
  assert.match(await talk(pair.port, last('/')), /^HTTP\/1.1 200/);
  assert.match(
    pair.api.path.renderMetrics(),
    /verdict="denied",policy="shop\/trial",rule="default",mode="Audit"\} 1/,
  );
  assert.equal(JSON.parse(pair.api.log[0]!).wouldDeny, true);
});

test('an ambiguous path is refused where rules look at paths, and passes where none does', async () => {
  const guarded = await start(await echoHead(), { inbound: inbound([DENY_ADMIN]) });
  assert.match(
    await talk(guarded.port, last('/x%2f..%2fadmin')),
    /^HTTP\/1.1 400 [\s\S]*weft-error: bad-request/,
  );
  const open = await start(await echoHead());
  assert.match(await talk(open.port, last('/x%2Fy')), /^HTTP\/1.1 200/);
});

test('a new configuration holds for the next request of an open connection, one that cannot be enforced changes nothing', async () => {
  const pair = await start(await echoHead());
  const socket = await connect(pair.port);
  socket.write(get('/admin/1'));
  await readUntil(socket, 'GET /admin/1');
  const config = pair.api.state.config!;
  assert.throws(() => pair.api.state.setConfig({ ...config, inbound: { ports: [], rules: [] } }));
  pair.api.state.setConfig({ ...config, inbound: inbound([DENY_ADMIN]) });
  socket.write(get('/admin/2'));
  assert.match(await readUntil(socket, 'denied'), /^HTTP\/1.1 403/);
  socket.destroy();
});

test('plaintext under Strict is closed without a word and counted, and never reaches the app', async () => {
  const app = await echoHead();
  const pair = await start(app, { inbound: inbound([], { mtls: 'Strict' }) });
  assert.equal(await talk(pair.inboundPort, get()), '');
  assert.match(
    pair.api.path.renderMetrics(),
    /weft_errors_total\{direction="inbound",code="strict-mtls"\} 1\n/,
  );
  assert.equal(app.accepted.length, 0);
  assert.match(await talk(pair.port, last()), /^HTTP\/1.1 200/);
});

test('malformed requests get 400 and the end of the connection', async () => {
  const app = await echoHead();
  const pair = await start(app, { destination: { protocol: 'HTTP' } });
  for (const bad of [
    'GET / HTTP/1.1\nHost: a\r\n\r\n',
    'GET / HTTP/1.1\r\n\r\n',
    `${get()}GET / HTTP/1.1\r\nHost : a\r\n\r\n`,
  ]) {
    assert.match(await talk(pair.port, bad), /HTTP\/1.1 400 Bad Request\r\nweft-error: bad-request\r\n/);
  }
  assert.match(await talk(pair.port, `GET / HTTP/1.1\r\nX: ${'a'.repeat(70_000)}`), /^HTTP\/1.1 431 /);
});

test('an endpoint with another identity is not spoken to, and there is no way back to plaintext', async () => {
  const app = await echoHead();
  const pair = await start(app);
  pair.api.state.setIdentity(await pair.authority.workload('spiffe://cluster.local/ns/shop/sa/other'));
  assert.match(await talk(pair.port, last()), /^HTTP\/1.1 502 [\s\S]*weft-error: identity-mismatch/);
  assert.equal(app.accepted.length, 0);
});

test('who may not, and who did not prove who it is, is denied on an edge, and no error', async () => {
  const key = await TestKey.create();
  const pair = await start(await echoHead(), {
    inbound: { ...withIssuers([issuer([key])], []), rules: [DENY_ADMIN] },
  });
  await ask('http1', pair.inboundPort, { headers: bearer(await key.sign()) });
  await ask('http1', pair.inboundPort, { headers: bearer(`${await key.sign()}x`) });
  await talk(pair.inboundPort, last('/admin/x'));
  const strict = await start(await echoHead(), { inbound: inbound([], { mtls: 'Strict' }) });
  await talk(strict.inboundPort, get());
  const counts = [pair, strict].flatMap(({ api }) => api.path.edges());
  assert.deepEqual(
    counts.map(({ source, allowed, denied, errors }) => [source, allowed, denied, errors]),
    [
      ['unknown', 1, 2, 0],
      ['unknown', 0, 1, 0],
    ],
  );
});

test('a request that fails is allowed and an error on its edge', async () => {
  const pair = await start(await echoHead(), { inbound: inbound([]) });
  await talk(pair.inboundPort, 'GET / HTTP/1.1\r\n\r\n');
  const [edge] = pair.api.path.edges();
  assert.deepEqual([edge?.allowed, edge?.denied, edge?.errors], [1, 0, 1]);
});

test('edges say who called whom, with what result', async () => {
  const pair = await start(await echoHead(), { inbound: inbound([DENY_ADMIN]) });
  await talk(pair.port, get('/') + last('/admin/x'));
  assert.deepEqual(pair.api.path.edges(), [
    {
      direction: 'inbound',
      source: 'shop/web',
      destination: 'shop/api',
      service: '',
      encrypted: true,
      allowed: 1,
      denied: 1,
      errors: 0,
    },
  ]);
  assert.deepEqual(pair.web.path.edges(), [
    {
      direction: 'outbound',
      source: 'shop/web',
      destination: 'shop/api',
      service: 'api',
      encrypted: true,
      allowed: 2,
      denied: 0,
      errors: 0,
    },
  ]);
});

test('connections that a new configuration would not let in are ended by it', async () => {
  const pair = await start(await serve((socket) => socket.pipe(socket)));
  const meshed = await connect(pair.port);
  const plain = await connect(pair.inboundPort);
  for (const socket of [meshed, plain]) {
    socket.write('*1\r\n');
    await readUntil(socket, '*1\r\n');
  }
  const ended = (socket: Socket) =>
    new Promise((resolve) => socket.once('end', resolve).once('close', resolve));
  const config = pair.api.state.config!;
  const plainEnded = ended(plain);
  pair.api.state.setConfig({ ...config, inbound: inbound([], { mtls: 'Strict' }) });
  await plainEnded;
  meshed.write('*2\r\n');
  await readUntil(meshed, '*2\r\n');
  const meshedEnded = ended(meshed);
  pair.api.state.setConfig({ ...config, inbound: inbound([], { authorizationDefault: 'Deny' }) });
  await meshedEnded;
  meshed.destroy();
  plain.destroy();
});

test('a tunnel that a new configuration would not let in is ended by it, and one it lets in stays', async () => {
  const app = await serve((socket) => {
    socket.once('data', () => {
      socket.write('HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\nfirst');
      socket.pipe(socket);
    });
  });
  const pair = await start(app);
  const open = async (path: string) => {
    const socket = await connect(pair.port);
    socket.write(get(path, 'Connection: Upgrade\r\nUpgrade: echo\r\n'));
    await readUntil(socket, 'first');
    return socket;
  };
  const admin = await open('/admin/x');
  const other = await open('/other');
  const ended = new Promise((resolve) => admin.once('end', resolve).once('close', resolve));
  pair.api.state.setConfig({ ...pair.api.state.config!, inbound: inbound([DENY_ADMIN]) });
  await ended;
  other.write('still here');
  await readUntil(other, 'still here');
  admin.destroy();
  other.destroy();
});

test('an open plaintext connection gets no further request once the port is Strict', async () => {
  const pair = await start(await echoHead());
  const socket = await connect(pair.inboundPort);
  socket.write(get('/1'));
  await readUntil(socket, 'GET /1');
  const rest = readAll(socket);
  pair.api.state.setConfig({ ...pair.api.state.config!, inbound: inbound([], { mtls: 'Strict' }) });
  assert.equal(await rest, '');
  socket.destroy();
});
