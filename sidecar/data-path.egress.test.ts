import assert from 'node:assert/strict';
import type { Socket } from 'node:net';
import { test } from 'node:test';
import tls from 'node:tls';
import { TestAuthority } from './testing/certificates.ts';
import {
  ALLOWED,
  clientHello,
  DENIED,
  EgressSide,
  everything,
  listed,
  POLICY,
  serveHttps,
} from './testing/egress.ts';
import { destination } from './testing/fake-state.ts';
import { sleep, toClose, until } from './testing/harness.ts';
import { connect, ok, readAll, readUntil, serve, serveHttp, talk } from './testing/wire.ts';

const request = (host: string, more = '') => `GET /p HTTP/1.1\r\nHost: ${host}\r\n${more}\r\n`;
const last = (host: string) => request(host, 'Connection: close\r\n');
const echo = () => serveHttp((head) => ok(head));
const authority = await TestAuthority.create();

function secure(port: number, servername: string): Promise<{ socket: tls.TLSSocket; text: Promise<string> }> {
  return new Promise((resolve, reject) => {
    const socket = tls.connect({ host: '127.0.0.1', port, servername, ca: authority.bundle });
    socket.once('error', reject);
    socket.once('secureConnect', () => {
      socket.write(`GET /tls HTTP/1.1\r\nHost: ${servername}\r\nConnection: close\r\n\r\n`);
      resolve({ socket, text: readAll(socket as Socket) });
    });
  });
}

test('a request to a listed host goes where it was dialled, and carries nothing of the mesh', async () => {
  const side = await EgressSide.start(await echo(), listed('api.example'));
  const answer = await talk(
    side.port,
    `GET / HTTP/1.1\r\nHost: API.example\r\nweft-caller: me\r\nConnection: close\r\n\r\n`,
  );
  assert.match(answer, /^HTTP\/1.1 200[\s\S]*Host: api\.example/);
  assert.doesNotMatch(answer, /weft-|x-request-id/i);
  assert.equal(side.metric(ALLOWED), 1);
  assert.equal(side.metric(DENIED), 0);
});

test('a request to another host gets 403, counted and logged with the host and the policy', async () => {
  const server = await echo();
  const side = await EgressSide.start(server, listed('api.example'));
  const answer = await talk(side.port, last('evil.example'));
  assert.match(answer, /^HTTP\/1.1 403 [\s\S]*weft-error: denied/);
  assert.equal(server.accepted.length, 0);
  assert.equal(side.metric(DENIED), 1);
  assert.equal(side.metric('weft_errors_total{direction="outbound",code="denied"}'), 1);
  const [entry] = side.log;
  assert.equal(entry?.host, 'evil.example');
  assert.ok(entry?.requestId);
  assert.equal(/x-request-id: (\S+)/i.exec(answer)?.[1], entry.requestId);
  assert.equal(entry?.policy, POLICY);
  assert.equal(entry?.rule, 'egress');
  assert.equal(entry?.reason, `not listed: evil.example:${server.port}`);
});

test('each request on a connection is judged by its own host', async () => {
  const server = await echo();
  const side = await EgressSide.start(server, listed('api.example'));
  const socket = await connect(side.port);
  socket.write(request('api.example'));
  await readUntil(socket, 'Host: api.example');
  socket.write(request('evil.example'));
  assert.match(await readUntil(socket, 'denied"'), /^HTTP\/1.1 403/);
  socket.write(last('api.example'));
  assert.match(await readAll(socket), /^HTTP\/1.1 200/);
  assert.equal(server.accepted.length, 1);
  socket.destroy();
});

test('pipelined requests are judged one by one, in their order', async () => {
  const side = await EgressSide.start(await echo(), listed('api.example'));
  const answer = await talk(
    side.port,
    request('api.example') + request('evil.example') + last('api.example'),
  );
  assert.deepEqual(answer.match(/HTTP\/1.1 \d+/g), ['HTTP/1.1 200', 'HTTP/1.1 403', 'HTTP/1.1 200']);
});

test('the target in absolute form counts, not the Host beside it', async () => {
  const side = await EgressSide.start(await echo(), listed('api.example'));
  const absolute = `GET http://evil.example/ HTTP/1.1\r\nHost: api.example\r\nConnection: close\r\n\r\n`;
  assert.match(await talk(side.port, absolute), /^HTTP\/1.1 403/);
});

test('wildcards and ports of the original destination decide', async () => {
  const server = await echo();
  const side = await EgressSide.start(server, listed({ host: '*.example', ports: [server.port] }));
  assert.match(await talk(side.port, last('a.b.example:8080')), /^HTTP\/1.1 200/);
  assert.match(await talk(side.port, last('example')), /^HTTP\/1.1 403/);
  side.setEgress(listed({ host: '*.example', ports: [1] }));
  assert.match(await talk(side.port, last('a.b.example')), /^HTTP\/1.1 403/);
});

test('an HTTP/1.0 request without Host is refused', async () => {
  const side = await EgressSide.start(await echo(), listed('api.example'));
  assert.match(await talk(side.port, 'GET / HTTP/1.0\r\n\r\n'), /^HTTP\/1.1 403/);
  assert.equal(side.log[0]?.reason, 'the request names no host');
});

test('what is no HTTP after all gets 400', async () => {
  const server = await echo();
  const side = await EgressSide.start(server, listed('api.example'));
  assert.match(
    await talk(side.port, 'GET / HTTP/1.1\r\nHost: api.example\r\nHost: b\r\n\r\n'),
    /^HTTP\/1.1 400/,
  );
  assert.equal(server.accepted.length, 0);
});

test('a method nobody knows may come in pieces', async () => {
  const side = await EgressSide.start(await echo(), listed('api.example'));
  const socket = await connect(side.port);
  for (const piece of ['PRO', 'PFIND ', '/ HT', 'TP/1.1\r\nHost: api.example\r\nConnection: close\r\n\r\n']) {
    socket.write(piece);
    await sleep(5);
  }
  assert.match(await readAll(socket), /^HTTP\/1.1 200[\s\S]*PROPFIND/);
  socket.destroy();
});

test('a server that does not answer HTTP gives 502, and one that is not there too', async () => {
  const broken = await serve((socket) => socket.end('what?\r\n\r\n'));
  const side = await EgressSide.start(broken, listed('api.example'));
  assert.match(await talk(side.port, last('api.example')), /^HTTP\/1.1 502 [\s\S]*upstream-protocol/);
  await broken.close();
  assert.match(await talk(side.port, last('api.example')), /^HTTP\/1.1 502 [\s\S]*connect-failure/);
});

test('bodies and upgrades pass', async () => {
  const server = await serve((socket) => {
    let text = '';
    socket.on('data', (bytes) => {
      text += bytes.toString('latin1');
      if (text.endsWith('0\r\n\r\n')) socket.write(ok(text.slice(text.indexOf('\r\n\r\n') + 4)));
      if (text.includes('Upgrade: echo')) {
        if (!text.includes('ping'))
          socket.write('HTTP/1.1 101 Switching\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n');
        else socket.end('pong');
      }
    });
  });
  const side = await EgressSide.start(server, listed('api.example'));
  const body =
    'POST / HTTP/1.1\r\nHost: api.example\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n';
  const socket = await connect(side.port);
  socket.write(body);
  assert.match(await readUntil(socket, 'hello'), /^HTTP\/1.1 200/);
  socket.destroy();
  const upgraded = await connect(side.port);
  upgraded.write(request('api.example', 'Connection: Upgrade\r\nUpgrade: echo\r\n'));
  assert.match(await readUntil(upgraded, '\r\n\r\n'), /^HTTP\/1.1 101/);
  upgraded.write('ping');
  assert.equal(await readAll(upgraded), 'pong');
  upgraded.destroy();
});

test('CONNECT to a forward proxy is judged by the host and port of the tunnel', async () => {
  const proxy = await serve((socket) => {
    socket.once('data', () => socket.write('HTTP/1.1 200 OK\r\n\r\n'));
  });
  const side = await EgressSide.start(proxy, listed({ host: 'api.example', ports: [443] }));
  const tunnel = (authority: string) => `CONNECT ${authority} HTTP/1.1\r\nHost: ${authority}\r\n\r\n`;
  const socket = await connect(side.port);
  socket.write(tunnel('api.example:443'));
  assert.match(await readUntil(socket, '\r\n\r\n'), /^HTTP\/1.1 200/);
  socket.destroy();
  for (const refused of ['evil.example:443', 'api.example:22']) {
    const other = await connect(side.port);
    other.write(tunnel(refused));
    assert.match(await readUntil(other, 'denied"'), /^HTTP\/1.1 403/);
    other.destroy();
  }
});

test('TLS to a listed server name passes end to end', async () => {
  const server = await serveHttps(authority, ['api.example']);
  const side = await EgressSide.start(server, listed('api.example'));
  const { text } = await secure(side.port, 'api.example');
  assert.match(await text, /secured \/tls$/);
  assert.equal(server.seen[0]?.serverName, 'api.example');
  assert.equal(side.metric(ALLOWED), 1);
  assert.equal(side.metric('weft_passthrough_total{reason="outside"}'), 1);
});

test('TLS to another server name is closed before anything is dialled, and logged by name', async () => {
  const server = await serveHttps(authority, ['evil.example']);
  const side = await EgressSide.start(server, listed('api.example'));
  await assert.rejects(secure(side.port, 'evil.example'));
  assert.equal(server.accepted.length, 0);
  assert.equal(side.log[0]?.host, 'evil.example');
  assert.equal(side.log[0]?.code, 'denied');
  assert.equal(side.metric(DENIED), 1);
  assert.equal(side.metric('weft_errors_total{direction="outbound",code="denied"}'), 1);
});

test('a ClientHello may come byte by byte', async () => {
  const server = await serve((socket) => socket.once('data', (bytes) => socket.end(`got ${bytes.length}`)));
  const side = await EgressSide.start(server, listed('api.example'));
  const hello = await clientHello({ servername: 'api.example' });
  const socket = await connect(side.port);
  socket.setNoDelay(true);
  const answer = readAll(socket);
  for (const byte of hello) {
    socket.write(Buffer.from([byte]));
    await new Promise((resolve) => setImmediate(resolve));
  }
  assert.equal(await answer, `got ${hello.length}`);
  socket.destroy();
});

const NAMELESS: readonly (readonly [string, () => Promise<Buffer> | Buffer, RegExp])[] = [
  ['TLS without a server name', () => clientHello({}), /without a server name/],
  ['TLS that is no ClientHello', () => Buffer.from([22, 3, 1, 0, 4, 2, 0, 0, 0]), /cannot be read/],
  ['an opaque protocol', () => Buffer.from([0, 1, 2, 3]), /nothing names a host/],
];
for (const [name, bytes, reason] of NAMELESS) {
  test(`${name} is refused, and the log says why`, async () => {
    const server = await echo();
    const side = await EgressSide.start(server, listed('api.example'));
    assert.equal(await talk(side.port, (await bytes()).toString('latin1')), '');
    assert.match(String(side.log[0]?.reason), reason);
    assert.equal(side.log[0]?.policy, POLICY);
    assert.equal(side.metric(DENIED), 1);
    assert.equal(server.accepted.length, 0);
  });
}

const SHORT = { detectTimeoutMs: 30, handshakeTimeoutMs: 60 };
test('a client that waits for the server to speak is closed in time, and the server never dialled', async () => {
  const server = await serve((socket) => socket.write('220 mail'));
  const side = await EgressSide.start(server, listed('api.example'), { limits: SHORT });
  assert.equal(await readAll(await connect(side.port)), '');
  assert.match(String(side.log[0]?.reason), /waits for the server/);
  assert.equal(server.accepted.length, 0);
});

test('a ClientHello and a request line that never end are closed in time', async () => {
  const side = await EgressSide.start(await echo(), listed('api.example'), { limits: SHORT });
  const hello = await clientHello({ servername: 'api.example' });
  assert.equal(await talk(side.port, hello.subarray(0, 100).toString('latin1')), '');
  assert.match(String(side.log[0]?.reason), /did not come in time/);
  assert.equal(await talk(side.port, 'BREW'), '');
  assert.match(String(side.log[1]?.reason), /nothing names a host/);
});

test('a client that goes away without a word is nobody’s denial', async () => {
  const side = await EgressSide.start(await echo(), listed('api.example'));
  assert.equal(await talk(side.port, '', true), '');
  assert.equal(side.metric(DENIED), 0);
});

test('destinations in the mesh are not egress', async () => {
  const app = await echo();
  const server = await echo();
  toClose.push(app.close);
  const side = await EgressSide.start(server, listed('api.example'));
  const key = `127.0.0.1:${server.port}`;
  const endpoint = { address: '127.0.0.1', port: app.port, workload: 'api', namespace: 'shop' };
  side.state.destinations.set(key, destination(key, [endpoint]));
  assert.match(await talk(side.port, last('payments')), /^HTTP\/1.1 200/);
  assert.equal(app.accepted.length, 1);
  assert.equal(side.metric(ALLOWED) + side.metric(DENIED), 0);
});

test('when nobody can be asked, AllowListed answers with an error whatever the host', async () => {
  const server = await echo();
  const side = await EgressSide.start(server, listed('api.example'));
  side.state.destinations.set(`127.0.0.1:${server.port}`, 'unreachable');
  assert.match(await talk(side.port, last('api.example')), /^HTTP\/1.1 503 [\s\S]*control-plane-unreachable/);
  side.setEgress(everything());
  assert.match(await talk(side.port, last('api.example'), true), /^HTTP\/1.1 200/);
  assert.equal(server.accepted.length, 1);
});

for (const rules of [undefined, everything(), everything({ host: 'api.example' })]) {
  test(`AllowAll looks at nothing: a server may speak first (${rules?.hosts.length ?? 'no'} hosts)`, async () => {
    const server = await serve((socket) => socket.write('220 mail'));
    const side = await EgressSide.start(server, rules);
    const socket = await connect(side.port);
    assert.equal(await readUntil(socket, 'mail'), '220 mail');
    socket.destroy();
    await until(() => side.metric('weft_passthrough_total{reason="outside"}') === 1);
  });
}
