import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import tls from 'node:tls';
import { ALPN } from '../../api/names.ts';
import type { Identity } from '../proxy-state.ts';
import { CLIENT_AUTH, type LeafOptions, SERVER_AUTH, TestAuthority } from '../testing/certificates.ts';
import { type ChannelServer, serveChannels } from '../testing/channels.ts';
import { connect } from '../testing/wire.ts';
import type { Channel } from './channel.ts';
import type { DialResult } from './dial.ts';
import { MtlsClient } from './mtls-client.ts';
import { type Handshake, MtlsServer } from './mtls-server.ts';
import { peek } from './peek.ts';
import { uriNames } from './peer-certificate.ts';
import { TimerWheel } from './timers.ts';

const WEB = 'spiffe://cluster.local/ns/shop/sa/web';
const API = 'spiffe://cluster.local/ns/shop/sa/api';
const HOUR_MS = 3_600_000;
const timers = new TimerWheel();

let authority: TestAuthority;
let stranger: TestAuthority;
let web: Identity;
let api: Identity;

before(async () => {
  authority = await TestAuthority.create();
  stranger = await TestAuthority.create();
  web = await authority.workload(WEB);
  api = await authority.workload(API);
});

/** A listening MtlsServer, with what became of each handshake. */
interface Acceptor extends ChannelServer {
  readonly next: () => Promise<Handshake>;
  readonly mtls: MtlsServer;
}

const open: ChannelServer[] = [];
after(async () => {
  await Promise.all(open.map((server) => server.close()));
});

async function accept(identity: Identity): Promise<Acceptor> {
  const mtls = new MtlsServer(timers);
  mtls.setIdentity(identity);
  const results: Handshake[] = [];
  const waiting: ((result: Handshake) => void)[] = [];
  const server = await serveChannels((channel) => {
    firstBytes(channel, (bytes) => {
      mtls.handshake(channel, bytes, 2_000, (result) => {
        if (result.ok) result.channel.resume();
        const waiter = waiting.shift();
        if (waiter) waiter(result);
        else results.push(result);
      });
    });
  });
  open.push(server);
  const next = () =>
    new Promise<Handshake>((resolve) => {
      const result = results.shift();
      if (result) resolve(result);
      else waiting.push(resolve);
    });
  return { ...server, next, mtls };
}

function firstBytes(channel: Channel, done: (bytes: Buffer) => void): void {
  peek(
    channel,
    () => true,
    ({ bytes }) => done(bytes),
  );
}

function dial(port: number, identity: Identity, spiffeId = API): Promise<DialResult> {
  const client = new MtlsClient();
  client.setIdentity(identity);
  const to = { host: '127.0.0.1', port, timeoutMs: 2_000, timers, alpn: ALPN.http1, spiffeId };
  return new Promise((resolve) => client.dial(to)(resolve));
}

function close(result: DialResult | Handshake): void {
  if (result.ok) result.channel.destroy();
}

test('a good pair: both know who the other is', async () => {
  const server = await accept(api);
  const [dialled, accepted] = await Promise.all([dial(server.port, web), server.next()]);
  assert.equal(dialled.ok, true);
  assert.ok(accepted.ok && accepted.spiffeId === WEB && accepted.peer.namespace === 'shop');
  assert.ok(accepted.ok && accepted.alpn === ALPN.http1 && accepted.channel.isTls);
  close(dialled);
  close(accepted);
});

const BAD_LEAVES: readonly (readonly [
  name: string,
  leaf: () => Partial<LeafOptions>,
  server: RegExp,
  client: RegExp,
])[] = [
  [
    'expired',
    () => ({ notBeforeMs: Date.now() - 2 * HOUR_MS, notAfterMs: Date.now() - HOUR_MS }),
    /CERT_HAS_EXPIRED/,
    /CERT_HAS_EXPIRED/,
  ],
  [
    'not yet valid',
    () => ({ notBeforeMs: Date.now() + HOUR_MS / 2 }),
    /CERT_NOT_YET_VALID/,
    /CERT_NOT_YET_VALID/,
  ],
  [
    'of another trust domain',
    () => ({ uris: ['spiffe://other.example/ns/shop/sa/api'] }),
    /another trust domain/,
    /expected/,
  ],
  ['with two URI names', () => ({ uris: [WEB, API] }), /2 URI names/, /2 URI names/],
  ['with the same URI name twice', () => ({ uris: [API, API] }), /2 URI names/, /2 URI names/],
  ['without a URI name', () => ({ uris: [], dnsNames: ['api.shop'] }), /0 URI names/, /0 URI names/],
  [
    'with a URI that is no SPIFFE ID',
    () => ({ uris: ['https://api.shop/'] }),
    /not a SPIFFE ID/,
    /not a SPIFFE ID/,
  ],
  [
    'with a SPIFFE ID of no workload',
    () => ({ uris: ['spiffe://cluster.local'] }),
    /not a SPIFFE ID/,
    /not a SPIFFE ID/,
  ],
  ['that is a CA', () => ({ isCa: true }), /CA certificate|INVALID/, /CA certificate|INVALID/],
  ['without an extended key usage', () => ({ usages: null }), /extended key usage/, /extended key usage/],
];

for (const [name, leaf, refusal] of BAD_LEAVES) {
  test(`a client certificate ${name} is refused by the server`, async () => {
    const server = await accept(api);
    const bad = await authority.workload(WEB, leaf());
    const [dialled, accepted] = await Promise.all([dial(server.port, bad), server.next()]);
    assert.ok(!accepted.ok);
    assert.match(accepted.reason, refusal);
    close(dialled);
  });
}

for (const [name, leaf, , refusal] of BAD_LEAVES) {
  test(`a server certificate ${name} is refused by the client`, async () => {
    const server = await accept(await authority.workload(API, leaf()));
    const dialled = await dial(server.port, web);
    assert.ok(!dialled.ok && dialled.code === 'identity-mismatch', JSON.stringify(dialled.ok || dialled));
    assert.match(dialled.reason, refusal);
  });
}

test('a client certificate for servers only is refused', async () => {
  const server = await accept(api);
  const bad = await authority.workload(WEB, { usages: [SERVER_AUTH] });
  const [dialled, accepted] = await Promise.all([dial(server.port, bad), server.next()]);
  assert.ok(!accepted.ok);
  close(dialled);
});

test('a server certificate for clients only is refused', async () => {
  const server = await accept(await authority.workload(API, { usages: [CLIENT_AUTH] }));
  const dialled = await dial(server.port, web);
  assert.ok(!dialled.ok && dialled.code === 'identity-mismatch');
});

test('a client of another CA is refused by the server', async () => {
  const server = await accept(api);
  const forged = { ...(await stranger.workload(WEB)), trustBundle: authority.bundle };
  const [dialled, accepted] = await Promise.all([dial(server.port, forged), server.next()]);
  assert.ok(!accepted.ok);
  assert.match(accepted.reason, /refused/);
  close(dialled);
});

test('a server of another CA is refused by the client', async () => {
  const server = await accept(await stranger.workload(API));
  const dialled = await dial(server.port, web);
  assert.ok(!dialled.ok && dialled.code === 'identity-mismatch');
});

test('the right chain with the wrong identity is refused by the client', async () => {
  const server = await accept(await authority.workload('spiffe://cluster.local/ns/shop/sa/other'));
  const dialled = await dial(server.port, web);
  assert.ok(!dialled.ok && dialled.code === 'identity-mismatch');
  assert.match(dialled.reason, /sa\/other, expected .*sa\/api/);
});

test('without an expectation nothing is dialled', async () => {
  const dialled = await dial(1, web, '');
  assert.ok(!dialled.ok && dialled.code === 'identity-mismatch');
});

test('without an identity nothing is dialled and nothing accepted', async () => {
  const to = { host: '127.0.0.1', port: 1, timeoutMs: 1_000, timers, alpn: ALPN.tcp, spiffeId: API };
  const dialled = await new Promise<DialResult>((resolve) => new MtlsClient().dial(to)(resolve));
  assert.ok(!dialled.ok && dialled.code === 'identity-mismatch');
  const server = await serveChannels((channel) => {
    new MtlsServer(timers).handshake(channel, Buffer.from('x'), 1_000, (result) => assert.ok(!result.ok));
  });
  open.push(server);
  const plain = await dial(server.port, web);
  assert.ok(!plain.ok);
});

/** A TLS client that is not ours. */
function foreign(port: number, options: tls.ConnectionOptions): tls.TLSSocket {
  const socket = tls.connect({ port, host: '127.0.0.1', rejectUnauthorized: false, ...options });
  socket.on('error', () => {});
  return socket;
}

test('a client without a certificate is refused', async () => {
  const server = await accept(api);
  const socket = foreign(server.port, { ALPNProtocols: [ALPN.http1] });
  const accepted = await server.next();
  assert.ok(!accepted.ok);
  assert.match(accepted.reason, /no client certificate/);
  socket.destroy();
});

const REFUSED_CLIENTS: readonly (readonly [string, tls.ConnectionOptions])[] = [
  ['of TLS 1.2', { ALPNProtocols: [ALPN.http1], maxVersion: 'TLSv1.2' }],
  ['of another ALPN protocol', { ALPNProtocols: ['h2'] }],
  ['of no ALPN protocol', {}],
];
for (const [name, options] of REFUSED_CLIENTS) {
  test(`a client ${name} is refused`, async () => {
    const server = await accept(api);
    const socket = foreign(server.port, { cert: web.certificate, key: web.privateKey, ...options });
    const accepted = await server.next();
    assert.equal(accepted.ok, false);
    socket.destroy();
  });
}

test('a server that chooses no ALPN protocol is refused by the client', async () => {
  const plainTls = tls.createServer({
    cert: api.certificate,
    key: api.privateKey,
    ca: api.trustBundle,
    requestCert: true,
  });
  plainTls.on('tlsClientError', () => {});
  await new Promise<void>((resolve) => plainTls.listen(0, '127.0.0.1', resolve));
  const { port } = plainTls.address() as { port: number };
  const dialled = await dial(port, web);
  assert.ok(!dialled.ok && dialled.code === 'identity-mismatch');
  await new Promise((resolve) => plainTls.close(resolve));
});

/** The session of a client that was let in, for its next connection. */
async function sessionOf(server: Acceptor, identity: Identity): Promise<Buffer> {
  const client = foreign(server.port, {
    ALPNProtocols: [ALPN.http1],
    cert: identity.certificate,
    key: identity.privateKey,
  });
  const session = new Promise<Buffer>((resolve) => client.once('session', resolve));
  const accepted = await server.next();
  assert.equal(accepted.ok, true);
  const ticket = await session;
  client.destroy();
  return ticket;
}

/** Without a certificate: only the session can say who it is. */
function resume(server: Acceptor, session: Buffer): Promise<Handshake> {
  const client = foreign(server.port, { ALPNProtocols: [ALPN.http1], session });
  return server.next().finally(() => client.destroy());
}

test('a session that is resumed stands for the identity that was proven when it was made', async () => {
  const server = await accept(api);
  const resumed = await resume(server, await sessionOf(server, web));
  assert.ok(resumed.ok && resumed.spiffeId === WEB);
  close(resumed);
});

test('a session made under another identity of the server, and so another trust bundle, is not resumed', async () => {
  const server = await accept(api);
  const session = await sessionOf(server, web);
  server.mtls.setIdentity(await authority.workload(API));
  const resumed = await resume(server, session);
  assert.ok(!resumed.ok && /no client certificate/.test(resumed.reason));
});

test('a session does not outlive the certificate it was made with', async () => {
  const server = await accept(api);
  const notAfterMs = Math.ceil(Date.now() / 1000) * 1000 + 1_000;
  const brief = await authority.workload(WEB, { notAfterMs });
  const session = await sessionOf(server, brief);
  await new Promise((resolve) => setTimeout(resolve, notAfterMs - Date.now() + 50));
  const resumed = await resume(server, session);
  assert.ok(!resumed.ok && /expired/.test(resumed.reason));
});

test('a caller resumes its session with the same endpoint, and makes a new one after its identity changed', async () => {
  const server = await accept(api);
  const client = new MtlsClient();
  client.setIdentity(web);
  const to = {
    host: '127.0.0.1',
    port: server.port,
    timeoutMs: 2_000,
    timers,
    alpn: ALPN.http1,
    spiffeId: API,
  };
  const connect = async () => {
    const [dialled, accepted] = await Promise.all([
      new Promise<DialResult>((resolve) => client.dial(to)(resolve)),
      server.next(),
    ]);
    assert.ok(dialled.ok && accepted.ok && accepted.spiffeId === WEB);
    // a ticket comes after the handshake
    dialled.channel.resume();
    await new Promise((resolve) => setTimeout(resolve, 50));
    close(dialled);
    close(accepted);
    return accepted.isResumed;
  };
  assert.deepEqual([await connect(), await connect()], [false, true]);
  client.setIdentity(web);
  assert.equal(await connect(), false);
});

test('a new identity is used for new connections, and roots that went are not trusted any more', async () => {
  const server = await accept(api);
  const rotated = await stranger.workload(API);
  server.mtls.setIdentity(rotated);
  const [old, refused] = await Promise.all([dial(server.port, web), server.next()]);
  assert.ok(!old.ok && !refused.ok);
  const [dialled, accepted] = await Promise.all([
    dial(server.port, await stranger.workload(WEB)),
    server.next(),
  ]);
  assert.ok(dialled.ok && accepted.ok);
  close(dialled);
  close(accepted);
});

test('a handshake that stalls ends at its deadline', async () => {
  const mtls = new MtlsServer(timers);
  mtls.setIdentity(api);
  const result = Promise.withResolvers<Handshake>();
  const server = await serveChannels((channel) =>
    firstBytes(channel, (bytes) => mtls.handshake(channel, bytes, 100, result.resolve)),
  );
  open.push(server);
  const socket = await connect(server.port);
  socket.write(Buffer.from([22, 3, 1, 1, 0, 1]));
  const handshake = await result.promise;
  assert.ok(!handshake.ok);
  assert.match(handshake.reason, /timed out/);
  assert.equal(mtls.handshakes, 0);
  socket.destroy();
});

test('names in a subjectAltName text cannot pretend to be others', () => {
  assert.deepEqual(uriNames('URI:spiffe://a/b, DNS:x'), ['spiffe://a/b']);
  assert.deepEqual(uriNames('DNS:"x, URI:spiffe://a/b"'), []);
  assert.deepEqual(uriNames('URI:"spiffe://a/b, URI:c"'), ['"spiffe://a/b, URI:c"']);
  assert.deepEqual(uriNames('IP Address:10.0.0.1, URI:a, URI:b'), ['a', 'b']);
  assert.deepEqual(uriNames(''), []);
});
