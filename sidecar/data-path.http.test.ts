import assert from 'node:assert/strict';
import { createHash, randomBytes } from 'node:crypto';
import { after, test } from 'node:test';
import { Pair, type PairOptions } from './testing/pair.ts';
import {
  connect,
  ok,
  readAll,
  readUntil,
  record,
  serve,
  serveHttp,
  type TestServer,
  talk,
} from './testing/wire.ts';

const toClose: (() => Promise<void>)[] = [];
after(async () => {
  for (const close of toClose.reverse()) await close();
});

/** A pair in front of an app; both end with the test file. */
async function start(app: TestServer, options: Omit<PairOptions, 'appPort'> = {}): Promise<Pair> {
  const pair = await Pair.start({ appPort: app.port, ...options });
  toClose.push(app.close, () => pair.stop());
  return pair;
}

const get = (path = '/', more = ''): string => `GET ${path} HTTP/1.1\r\nHost: api\r\n${more}\r\n`;
const last = (path = '/', more = ''): string => get(path, `Connection: close\r\n${more}`);
const echoHead = () => serveHttp((head) => ok(head));

test('a request flows, and nothing of it can be read on the wire', async () => {
  let wire = () => Buffer.alloc(0);
  const pair = await start(await serveHttp(() => ok('the secret answer')), {
    via: async (inboundPort) => {
      const relay = await record(inboundPort);
      toClose.push(relay.close);
      wire = relay.bytes;
      return relay.port;
    },
  });
  const answer = await talk(pair.port, last('/secret-path'));
  assert.match(answer, /^HTTP\/1.1 200 OK\r\n/);
  assert.match(answer, /the secret answer$/);
  const seen = wire().toString('latin1');
  assert.ok(seen.length > 1_000);
  assert.doesNotMatch(seen, /secret|HTTP\/1\.1/);
});

test('requests of one connection are answered in order, pipelined or not, over one upstream connection', async () => {
  const app = await echoHead();
  const pair = await start(app);
  const answer = await talk(pair.port, get('/1') + get('/2') + last('/3'));
  assert.deepEqual(answer.match(/GET \/\d/g), ['GET /1', 'GET /2', 'GET /3']);
  assert.equal(app.accepted.length, 1);
});

test('the app sees the normal form', async () => {
  const pair = await start(await echoHead());
  const answer = await talk(
    pair.port,
    'GET /a/%2e%2e//b?x=1 HTTP/1.1\r\nHost: API.shop.:80\r\nConnection: close\r\n\r\n',
  );
  assert.match(answer, /\r\n\r\nGET \/b\?x=1 HTTP\/1.1\r\nHost: api.shop\r\n/);
});

test('the app is told who calls, and nobody else can tell it', async () => {
  const pair = await start(await echoHead());
  const forged =
    'weft-caller: spiffe://x\r\nWEFT-Caller-Address: 1.2.3.4\r\nweft_caller: y\r\nweft-anything: z\r\n';
  const meshed = await talk(pair.port, last('/', forged));
  assert.match(meshed, /\r\nweft-caller: spiffe:\/\/cluster.local\/ns\/shop\/sa\/web\r\n/);
  assert.doesNotMatch(meshed, /spiffe:\/\/x|1\.2\.3\.4|weft_caller|weft-anything/);
  const plain = await talk(pair.inboundPort, last('/', forged));
  assert.match(plain, /\r\nweft-caller-address: 127.0.0.1/);
  assert.doesNotMatch(plain, /weft-caller:|spiffe|1\.2\.3\.4|weft_caller|weft-anything/i);
});

test('the app cannot answer in the name of the mesh', async () => {
  const pair = await start(await serveHttp(() => ok('x', 'weft-error: denied\r\nX-Own: 1\r\n')));
  const answer = await talk(pair.port, last());
  assert.match(answer, /X-Own: 1/);
  assert.doesNotMatch(answer, /weft-error/);
});

test('a request that came through a proxy straight to an outbound listener is a loop', async () => {
  const pair = await start(await echoHead());
  assert.match(
    await talk(pair.port, last('/', 'weft-hop: web-proxy\r\n')),
    /^HTTP\/1.1 508 [^]*weft-error: loop/,
  );
});

const DENY_ADMIN = {
  policy: 'shop/api',
  name: 'no-admin',
  action: 'Deny',
  mode: 'Enforce',
  to: [{ paths: ['/admin/**'] }],
} as const;

function inbound(more: object = {}, port: object = {}) {
  return {
    ports: [{ mtls: 'Permissive', authorizationDefault: 'Allow', ...port }],
    rules: [],
    ...more,
  } as PairOptions['inbound'] & {};
}

test('a denied request gets 403 with the error named, the connection lives on, and the app hears nothing', async () => {
  const app = await echoHead();
  const pair = await start(app, { inbound: inbound({ rules: [DENY_ADMIN] }) });
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
    inbound: inbound({ rules: [{ ...DENY_ADMIN, mode: 'Audit' }] }),
  });
  assert.match(await talk(pair.port, last('/admin/x')), /^HTTP\/1.1 200/);
  assert.match(
    pair.api.path.renderMetrics(),
    /verdict="denied",policy="shop\/api",rule="no-admin",mode="Audit"\} 1/,
  );
  assert.equal(JSON.parse(pair.api.log[0]!).wouldDeny, true);
});

test('an ambiguous path is refused where rules look at paths, and passes where none does', async () => {
  const guarded = await start(await echoHead(), { inbound: inbound({ rules: [DENY_ADMIN] }) });
  assert.match(
    await talk(guarded.port, last('/x%2f..%2fadmin')),
    /^HTTP\/1.1 400 [^]*weft-error: bad-request/,
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
  pair.api.state.setConfig({ ...config, inbound: inbound({ rules: [DENY_ADMIN] }) });
  socket.write(get('/admin/2'));
  assert.match(await readUntil(socket, 'denied'), /^HTTP\/1.1 403/);
  socket.destroy();
});

test('plaintext under Strict is closed without a word and counted, and never reaches the app', async () => {
  const app = await echoHead();
  const pair = await start(app, { inbound: inbound({}, { mtls: 'Strict' }) });
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

test('a large body passes both ways unchanged, with a length and in chunks', async () => {
  const app = await serve((socket) => socket.pipe(socket));
  const body = randomBytes(3_000_000);
  const pair = await start(app);
  // the app echoes the request; read as a response it would be none, so it is told to answer as one
  app.accepted.length = 0;
  const http = await serveBodyDigest();
  const digests = await start(http);
  const socket = await connect(digests.port);
  const answer = readAll(socket);
  socket.write(`POST / HTTP/1.1\r\nHost: a\r\nContent-Length: ${body.length}\r\nConnection: close\r\n\r\n`);
  socket.write(body);
  assert.match(await answer, new RegExp(`${digestOf(body)}$`));
  void pair;
});

const digestOf = (bytes: Buffer) => createHash('sha256').update(bytes).digest('hex');

/** Answers a request with the digest of its body, of known length. */
function serveBodyDigest(): Promise<TestServer> {
  return serve((socket) => {
    let seen = Buffer.alloc(0);
    socket.on('data', (bytes: Buffer) => {
      seen = Buffer.concat([seen, bytes]);
      const end = seen.indexOf('\r\n\r\n');
      const length = Number(/content-length: (\d+)/i.exec(seen.toString('latin1', 0, end))?.[1]);
      if (seen.length === end + 4 + length) socket.write(ok(digestOf(seen.subarray(end + 4))));
    });
  });
}

test('a chunked response of unknown length arrives whole, with its trailers', async () => {
  const chunk = 'x'.repeat(50_000);
  const body = `${chunk.length.toString(16)}\r\n${chunk}\r\n`.repeat(40);
  const app = await serveHttp(
    () => `HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n${body}0\r\nX-Sum: 7\r\n\r\n`,
  );
  const pair = await start(app);
  const answer = await talk(pair.port, last());
  assert.equal((answer.match(/x/g) ?? []).length, 2_000_000);
  assert.match(answer, /0\r\nX-Sum: 7\r\n\r\n$/);
});

test('a response that ends with its connection arrives whole, chunked to HTTP/1.1 and as it is to HTTP/1.0', async () => {
  const app = await serveHttp((_head, socket) => void socket.end('HTTP/1.1 200 OK\r\n\r\nuntil the end'));
  const pair = await start(app);
  assert.match(
    await talk(pair.port, last()),
    /Transfer-Encoding: chunked[^]*\r\nd\r\nuntil the end\r\n0\r\n\r\n$/,
  );
  assert.match(await talk(pair.port, 'GET / HTTP/1.0\r\n\r\n'), /Connection: close\r\n\r\nuntil the end$/);
});

test('interim responses pass, and Expect: 100-continue works end to end', async () => {
  const app = await serve((socket) => {
    socket.on('data', (bytes) => {
      if (bytes.includes('Expect: 100-continue')) socket.write('HTTP/1.1 100 Continue\r\n\r\n');
      if (bytes.includes('hello')) socket.write(ok('got it'));
    });
  });
  const pair = await start(app);
  const socket = await connect(pair.port);
  socket.write('POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\n');
  await readUntil(socket, 'HTTP/1.1 100 Continue\r\n\r\n');
  socket.write('hello');
  assert.match(await readUntil(socket, 'got it'), /^HTTP\/1.1 200/);
  socket.destroy();
});

test('HEAD and 304 have no body, and the connection goes on', async () => {
  const app = await serveHttp((head) =>
    head.startsWith('HEAD')
      ? 'HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n'
      : 'HTTP/1.1 304 Not Modified\r\n\r\n',
  );
  const pair = await start(app);
  const answer = await talk(pair.port, `HEAD / HTTP/1.1\r\nHost: a\r\n\r\n${last()}`);
  assert.match(answer, /^HTTP\/1.1 200 OK\r\nContent-Length: 5\r\n\r\nHTTP\/1.1 304 Not Modified\r\n/);
});

test('Upgrade becomes a tunnel, in both directions and to its end', async () => {
  const app = await serve((socket) => {
    socket.once('data', () => {
      socket.write('HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\nfirst');
      socket.pipe(socket);
    });
  });
  const pair = await start(app);
  const socket = await connect(pair.port);
  socket.write(get('/', 'Connection: Upgrade\r\nUpgrade: echo\r\n'));
  assert.match(await readUntil(socket, 'first'), /^HTTP\/1.1 101 [^]*Upgrade: echo/);
  const rest = readAll(socket);
  socket.end('ping');
  assert.equal(await rest, 'ping');
});

test('a switch of protocols nobody asked for is an error', async () => {
  const app = await serveHttp(
    () => 'HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\n',
  );
  const pair = await start(app);
  assert.match(await talk(pair.port, last()), /^HTTP\/1.1 502 [^]*weft-error: upstream-protocol/);
});

test('an app that answers nonsense gives 502', async () => {
  const pair = await start(await serveHttp(() => 'nonsense\r\n\r\n'));
  assert.match(await talk(pair.port, last()), /^HTTP\/1.1 502 [^]*weft-error: upstream-protocol/);
});

test('an app that closes without an answer gives 502, and the request is not sent twice', async () => {
  const app = await serve((socket) => socket.once('data', () => socket.destroy()));
  const pair = await start(app);
  assert.match(await talk(pair.port, last()), /^HTTP\/1.1 502 [^]*weft-error: upstream-reset/);
  assert.equal(app.accepted.length, 1);
});

test('an app that dies within a response cuts the client off, and its connection is not used again', async () => {
  const app = await serveHttp((head, socket) => {
    if (!head.includes('/dies')) return ok('alive');
    socket.write('HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\npart');
    setTimeout(() => socket.destroy(), 20);
    return undefined;
  });
  const pair = await start(app);
  const cut = await talk(pair.port, get('/dies'));
  assert.match(cut, /part$/);
  assert.match(await talk(pair.port, last('/')), /alive$/);
  assert.equal(app.accepted.length, 2);
});

test('bytes after a response are never taken for the next one', async () => {
  let asked = 0;
  const app = await serveHttp(() => {
    asked += 1;
    return asked === 1 ? `${ok('one')}HTTP/1.1 200 OK\r\nContent-Length: 8\r\n\r\nsmuggled` : ok('two');
  });
  const pair = await start(app);
  const socket = await connect(pair.port);
  socket.write(get('/1'));
  await readUntil(socket, 'one');
  socket.write(last('/2'));
  const second = await readAll(socket);
  assert.match(second, /two$/);
  assert.doesNotMatch(second, /smuggled/);
});

test('an idle connection that the app has closed is not used; a safe request that meets the close is sent once more', async () => {
  const app = await serveHttp((_head, socket) => {
    // closes when the next request comes: the proxy cannot know before
    socket.once('data', () => socket.destroy());
    return ok('fresh');
  });
  const pair = await start(app);
  const socket = await connect(pair.port);
  socket.write(get());
  await readUntil(socket, 'fresh');
  socket.write(get());
  assert.match(await readUntil(socket, 'fresh'), /^HTTP\/1.1 200/);
  socket.write('POST / HTTP/1.1\r\nHost: a\r\n\r\n');
  assert.match(await readUntil(socket, 'upstream-reset'), /^HTTP\/1.1 502/);
  assert.equal(app.accepted.length, 2);
  socket.destroy();
});

test('an app that is not there gives 502', async () => {
  const gone = await serve(() => {});
  await gone.close();
  const pair = await start({ ...gone, close: async () => {} });
  assert.match(await talk(pair.port, last()), /^HTTP\/1.1 502 [^]*weft-error: connect-failure/);
});

test('an endpoint that cannot be connected is skipped, and without any the answer says so', async () => {
  const pair = await start(await echoHead(), { destination: { protocol: 'HTTP' } });
  const known = await new Promise<unknown>((resolve) =>
    pair.web.state.destinations.resolve('shop/api:80', resolve),
  );
  const good = known as { endpoints: { address: string; port: number; spiffeId: string }[] };
  const gone = await serve(() => {});
  await gone.close();
  const dead = { ...good.endpoints[0]!, port: gone.port };
  pair.web.state.destinations.set('shop/api:80', {
    ...(known as object),
    endpoints: [dead, ...good.endpoints],
  } as never);
  assert.match(await talk(pair.port, last()), /^HTTP\/1.1 200/);
  assert.match(await talk(pair.port, last()), /^HTTP\/1.1 200/);
  assert.match(
    pair.web.path.renderMetrics(),
    /weft_retries_total\{direction="outbound",service="api",reason="connect"\} 1\n/,
  );
  pair.web.state.destinations.set('shop/api:80', { ...(known as object), endpoints: [] } as never);
  assert.match(await talk(pair.port, last()), /^HTTP\/1.1 503 [^]*weft-error: no-endpoints/);
});

test('an endpoint with another identity is not spoken to, and there is no way back to plaintext', async () => {
  const app = await echoHead();
  const pair = await start(app);
  pair.api.state.setIdentity(await pair.authority.workload('spiffe://cluster.local/ns/shop/sa/other'));
  assert.match(await talk(pair.port, last()), /^HTTP\/1.1 502 [^]*weft-error: identity-mismatch/);
  assert.equal(app.accepted.length, 0);
});

test('with nobody to ask, a Strict workload gets a named error', async () => {
  const pair = await start(await echoHead());
  pair.web.state.destinations.set('shop/api:80', 'unreachable');
  const config = pair.web.state.config!;
  pair.web.state.setConfig({ ...config, inbound: inbound({}, { mtls: 'Strict' }) });
  assert.match(await talk(pair.port, last()), /^HTTP\/1.1 503 [^]*weft-error: control-plane-unreachable/);
});

test('a client that never reads stops the app from being read, and memory stays bounded', async () => {
  let written = 0;
  const app = await serve((socket) => {
    socket.once('data', () => {
      socket.write('HTTP/1.1 200 OK\r\nContent-Length: 1000000000\r\n\r\n');
      const chunk = Buffer.alloc(65_536);
      const more = () => {
        while (!socket.destroyed && socket.write(chunk)) written += chunk.length;
        written += chunk.length;
      };
      socket.on('drain', more);
      more();
    });
  });
  const pair = await start(app);
  const socket = await connect(pair.port);
  socket.pause();
  socket.write(get());
  let before = -1;
  for (let round = 0; round < 40 && written !== before; round += 1) {
    before = written;
    await new Promise((resolve) => setTimeout(resolve, 150));
  }
  assert.equal(written, before);
  assert.ok(written < 60_000_000, `${written} bytes were taken`);
  socket.destroy();
});

test('a client that sends a header too slowly, or nothing at all, is let go', async () => {
  const pair = await start(await echoHead(), {
    destination: { protocol: 'HTTP' },
    limits: { headerTimeoutMs: 150, idleTimeoutMs: 300 },
  });
  assert.equal(await talk(pair.port, 'GET / HTTP/1.1\r\nHost: a\r\nX'), '');
  assert.equal(await talk(pair.port, ''), '');
  assert.match(pair.web.path.renderMetrics(), /weft_errors_total\{direction="outbound",code="timeout"\} 1\n/);
});

test('an app that does not answer in time gives 504', async () => {
  const pair = await start(await serve(() => {}), { limits: { idleTimeoutMs: 200 } });
  assert.match(await talk(pair.port, last()), /^HTTP\/1.1 504 [^]*weft-error: timeout/);
});

test('draining accepts nothing new, finishes what is in flight and says close', async () => {
  let answer = () => {};
  const app = await serveHttp((_head, socket) => {
    answer = () => void socket.write(ok('late'));
    return undefined;
  });
  const pair = await start(app);
  const idle = await connect(pair.port);
  const busy = await connect(pair.port);
  const { port } = pair;
  busy.write(get());
  while (app.accepted.length === 0) await new Promise((resolve) => setTimeout(resolve, 10));
  await new Promise((resolve) => setTimeout(resolve, 50));
  const whole = readAll(busy);
  const drained = pair.web.path.drain();
  await assert.rejects(connect(port));
  answer();
  assert.match(await whole, /Connection: close\r\n\r\nlate$/);
  idle.destroy();
  busy.destroy();
  await drained;
  assert.equal(pair.web.path.connections().open, 0);
});

test('edges say who called whom, with what result', async () => {
  const pair = await start(await echoHead(), { inbound: inbound({ rules: [DENY_ADMIN] }) });
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
