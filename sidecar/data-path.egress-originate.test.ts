import assert from 'node:assert/strict';
import { test } from 'node:test';
import tls from 'node:tls';
import type { Egress } from '../api/proxy-config.ts';
import { TestAuthority } from './testing/certificates.ts';
import { ALLOWED, EgressSide, everything, listed, serveHttps } from './testing/egress.ts';
import { toClose, until } from './testing/harness.ts';
import { connect, ok, readAll, readUntil, serve, serveHttp, talk } from './testing/wire.ts';

const authority = await TestAuthority.create();
const trusted = { trustedRoots: authority.bundle };
const API = { host: 'api.example', tls: 'Originate' as const };
const last = (host: string, path = '/p') =>
  `GET ${path} HTTP/1.1\r\nHost: ${host}\r\nConnection: close\r\n\r\n`;

/** Answers whatever comes in plaintext. */
const plainServer = () => serve((socket) => socket.on('data', () => socket.write(ok('plain'))));

const MODES: readonly (readonly [string, Egress])[] = [
  ['AllowListed', listed(API)],
  ['AllowAll', everything(API)],
];
for (const [mode, rules] of MODES) {
  test(`${mode}: the sidecar speaks TLS for the app, to the host it names`, async () => {
    const server = await serveHttps(authority, ['api.example']);
    const side = await EgressSide.start(server, rules, trusted);
    assert.match(await talk(side.port, last('api.example:8443')), /^HTTP\/1.1 200[\s\S]*secured \/p/);
    assert.deepEqual(server.seen, [
      { serverName: 'api.example', alpn: 'http/1.1', host: 'api.example:8443', url: '/p' },
    ]);
    assert.equal(side.metric(ALLOWED), 1);
  });

  test(`${mode}: an app that speaks TLS itself is carried as it is`, async () => {
    const server = await serveHttps(authority, ['api.example']);
    const side = await EgressSide.start(server, rules);
    const socket = tls.connect({
      ...{ host: '127.0.0.1', port: side.port, servername: 'api.example', ca: authority.bundle },
    });
    socket.write(last('api.example', '/own'));
    assert.match(await readAll(socket), /secured \/own/);
  });
}

test('one connection carries several requests over one handshake', async () => {
  const server = await serveHttps(authority, ['api.example']);
  const side = await EgressSide.start(server, listed(API), trusted);
  const socket = await connect(side.port);
  for (const path of ['/1', '/2', '/3']) {
    socket.write(`GET ${path} HTTP/1.1\r\nHost: api.example\r\n\r\n`);
    await readUntil(socket, `secured ${path}`);
  }
  socket.destroy();
  assert.equal(server.accepted.length, 1);
  await until(() => server.accepted.every(({ destroyed }) => destroyed));
});

test('a session is resumed on the next connection, for the same name only', async () => {
  const server = await serveHttps(authority, ['*.shop.example']);
  const resumed: boolean[] = [];
  const side = await EgressSide.start(server, listed({ ...API, host: '*.shop.example' }), trusted);
  server.onSecure((socket) => resumed.push(socket.isSessionReused()));
  for (const host of ['a.shop.example', 'a.shop.example', 'b.shop.example']) {
    assert.match(await talk(side.port, last(host)), /^HTTP\/1.1 200/);
  }
  assert.deepEqual(resumed, [false, true, false]);
});

const HOUR_MS = 3_600_000;
const UNTRUSTED: readonly (readonly [string, Parameters<typeof serveHttps>, string | undefined, RegExp])[] = [
  ['for another host', [authority, ['evil.example']], authority.bundle, /ERR_TLS_CERT_ALTNAME_INVALID/],
  [
    'that has expired',
    [authority, ['api.example'], { notAfterMs: Date.now() - HOUR_MS / 2 }],
    authority.bundle,
    /CERT_HAS_EXPIRED/,
  ],
  [
    'of an authority that is not trusted',
    [await TestAuthority.create('other'), ['api.example']],
    authority.bundle,
    /UNABLE_TO_VERIFY_LEAF_SIGNATURE|SELF_SIGNED_CERT|UNABLE_TO_GET_ISSUER/,
  ],
  ['no public authority has signed', [authority, ['api.example']], undefined, /UNABLE_TO|SELF_SIGNED/],
  [
    'not made for servers',
    [authority, ['api.example'], { usages: ['1.3.6.1.5.5.7.3.2'] }],
    authority.bundle,
    /INVALID_PURPOSE/,
  ],
];
for (const [name, server, trustedRoots, reason] of UNTRUSTED) {
  test(`a certificate ${name} gives 502, and the app's request never leaves`, async () => {
    const https = await serveHttps(...server);
    const side = await EgressSide.start(
      https,
      listed(API),
      trustedRoots === undefined ? {} : { trustedRoots },
    );
    assert.match(await talk(side.port, last('api.example')), /^HTTP\/1.1 502 [\s\S]*connect-failure/);
    assert.equal(https.seen.length, 0);
    assert.match(String(side.log[0]?.reason), reason);
    assert.equal(side.log[0]?.host, 'api.example');
  });
}

test('a server that speaks no TLS gives 502', async () => {
  const plain = await plainServer();
  const side = await EgressSide.start(plain, listed(API), trusted);
  assert.match(await talk(side.port, last('api.example')), /^HTTP\/1.1 502 [\s\S]*connect-failure/);
  assert.match(String(side.log[0]?.reason), /^TLS: /);
});

test('a handshake that does not end gives 502 in time', async () => {
  const silent = await serve(() => {});
  const side = await EgressSide.start(silent, listed(API), {
    ...trusted,
    limits: { handshakeTimeoutMs: 40 },
  });
  assert.match(await talk(side.port, last('api.example')), /^HTTP\/1.1 502 [\s\S]*connect-failure/);
  assert.match(String(side.log[0]?.reason), /timed out/);
});

test('a client that goes away during the handshake ends it', async () => {
  const silent = await serve((socket) => socket.resume());
  const side = await EgressSide.start(silent, listed(API), trusted);
  const socket = await connect(side.port);
  socket.write(last('api.example'));
  await until(() => silent.accepted.length === 1);
  socket.resetAndDestroy();
  await until(() => silent.accepted[0]!.destroyed || silent.accepted[0]!.readableEnded);
});

test('AllowAll with a host to originate for: other hosts go in plaintext to where they were dialled', async () => {
  const plain = await serveHttp((head) => ok(head));
  const side = await EgressSide.start(plain, everything(API), trusted);
  assert.match(await talk(side.port, last('other.example')), /^HTTP\/1.1 200[\s\S]*Host: other\.example/);
});

test('one connection may carry requests with and without TLS, each on its own', async () => {
  const plain = await plainServer();
  const side = await EgressSide.start(plain, everything(API), trusted);
  const socket = await connect(side.port);
  socket.write('GET / HTTP/1.1\r\nHost: other.example\r\n\r\n');
  await readUntil(socket, 'plain');
  socket.write(last('api.example'));
  assert.match(await readAll(socket), /^HTTP\/1.1 502/);
  socket.destroy();
});

test('AllowAll with a host to originate for: a server may speak first, and opaque bytes pass', async () => {
  const server = await serve((socket) => {
    socket.write('220 mail');
    socket.once('data', (bytes) => socket.end(`got ${bytes.toString('latin1')}`));
  });
  const side = await EgressSide.start(server, everything(API), trusted);
  const socket = await connect(side.port);
  await readUntil(socket, '220 mail');
  socket.write('EHLO');
  assert.equal(await readAll(socket), 'got EHLO');
  socket.destroy();
  assert.equal((await talk(side.port, '\x01\x02')).slice(-6), 'got \x01\x02');
});

test('AllowAll: a port for which nothing is to be originated is not looked at', async () => {
  const plain = await serve((socket) => socket.once('data', (bytes) => socket.end(bytes)));
  const side = await EgressSide.start(plain, everything({ ...API, ports: [1] }), trusted);
  const text = 'GET / HTTP/1.1\r\nhost:api.example\r\n\r\n';
  assert.equal(await talk(side.port, text), text);
});

test('CONNECT for a host to originate for is said to the proxy in plaintext', async () => {
  const proxy = await serve((socket) => socket.once('data', () => socket.write('HTTP/1.1 200 OK\r\n\r\n')));
  const side = await EgressSide.start(proxy, listed(API), trusted);
  const socket = await connect(side.port);
  socket.write('CONNECT api.example:443 HTTP/1.1\r\nHost: api.example:443\r\n\r\n');
  assert.match(await readUntil(socket, '\r\n\r\n'), /^HTTP\/1.1 200/);
  socket.destroy();
});

test('a host that is an address is verified as one', async () => {
  const server = await serveHttps(authority, ['127.0.0.1']);
  toClose.push(server.close);
  const side = await EgressSide.start(server, listed({ ...API, host: '127.0.0.1' }), trusted);
  // the certificate has the address as a DNS name, which does not count
  assert.match(await talk(side.port, last('127.0.0.1')), /^HTTP\/1.1 502/);
  assert.match(String(side.log[0]?.reason), /ERR_TLS_CERT_ALTNAME_INVALID/);
});
