import assert from 'node:assert/strict';
import { once } from 'node:events';
import { after, before, describe, it } from 'node:test';
import tls from 'node:tls';
import { ALPN } from '../../api/names.ts';
import { sleep } from '../../sidecar/testing/harness.ts';
import { Pair, WEB } from '../../sidecar/testing/pair.ts';
import {
  connect,
  ok,
  readAll,
  readUntil,
  serve,
  serveHttp,
  type TestServer,
  talk,
} from '../../sidecar/testing/wire.ts';
import { LIMITS, openedBy, type Undeclared, undeclared } from './undeclared.fixture.ts';

/** Who speaks first decides, not a timer: apps that are slow, late or silent, through two sidecars. */

const BANNER = '220 ready\r\n';
/** Beyond every wait that has to do with first words. */
const LONG_MS = LIMITS.serverFirstWaitMs + 500;
const REQUEST = 'GET / HTTP/1.1\r\nHost: api\r\nweft-caller: spiffe://forged\r\nConnection: close\r\n\r\n';
const ROUNDS = 20;

describe('first words, nothing declared', () => {
  const running: (() => Promise<void>)[] = [];
  async function behind(server: TestServer): Promise<Undeclared> {
    const mesh = await undeclared(server.port);
    running.push(mesh.stop, server.close);
    return mesh;
  }
  after(async () => {
    for (const stop of running) await stop();
  });

  it('a server that greets after long is heard by a client that says nothing, each time', async () => {
    const mesh = await behind(await serve((socket) => void setTimeout(() => socket.write(BANNER), LONG_MS)));
    for (let turn = 0; turn < 2; turn += 1) {
      const socket = await connect(mesh.port);
      assert.equal(await readUntil(socket, BANNER), BANNER);
      socket.destroy();
    }
  });

  it('silence decides nothing: who speaks HTTP after long is served as HTTP, and forges no caller', async () => {
    const mesh = await behind(await serveHttp((head) => ok(head)));
    for (let turn = 0; turn < 2; turn += 1) {
      const socket = await connect(mesh.port);
      await sleep(LONG_MS);
      socket.write(REQUEST);
      const answer = await readAll(socket);
      assert.match(
        answer,
        /^HTTP\/1\.1 200 [\s\S]*weft-caller: spiffe:\/\/cluster\.local\/ns\/shop\/sa\/web/,
      );
      assert.doesNotMatch(answer, /forged/);
    }
  });

  it('HTTP in segments of one byte is served as HTTP', async () => {
    const mesh = await behind(await serveHttp((head) => ok(head)));
    const socket = (await connect(mesh.port)).setNoDelay();
    const answer = readAll(socket);
    for (const byte of REQUEST) {
      socket.write(byte);
      await sleep(1);
    }
    assert.match(await answer, /^HTTP\/1\.1 200 [\s\S]*weft-caller: spiffe:\/\/cluster\.local/);
  });

  it('bytes of no protocol that is known pass in segments of one byte, both ways', async () => {
    const mesh = await behind(
      await serve((socket) => {
        socket.setNoDelay().on('data', (bytes) => {
          for (const byte of bytes) socket.write(Buffer.from([byte]));
        });
        socket.on('end', () => socket.end());
      }),
    );
    const said = '*2\r\n$3\r\nGET\r\n$4\r\nyarn\r\n';
    const socket = (await connect(mesh.port)).setNoDelay();
    const answer = readAll(socket);
    for (const byte of said) {
      socket.write(byte);
      await sleep(1);
    }
    socket.end();
    assert.equal(await answer, said);
  });

  it('a client goes on after the server has said its last, and the server after the client has', async () => {
    const heard: string[] = [];
    const ended: Promise<unknown>[] = [];
    const mesh = await behind(
      await serve((socket) => {
        socket.end(BANNER);
        socket.on('data', (bytes) => heard.push(bytes.toString()));
        ended.push(once(socket, 'end'));
      }),
    );
    const socket = await connect(mesh.port);
    assert.equal(await readAll(socket), BANNER);
    socket.write('and ');
    await sleep(50);
    socket.end('more');
    await ended[0];
    assert.equal(heard.join(''), 'and more');
  });

  it('no request makes a connection more at the server once it is learned that clients speak first', async () => {
    const mesh = await behind(await serveHttp((head) => ok(head)));
    await talk(mesh.port, REQUEST);
    await talk(mesh.port, REQUEST);
    const { byClients, atServer } = await openedBy(mesh, async () => {
      for (let turn = 0; turn < ROUNDS; turn += 1)
        assert.match(await talk(mesh.port, REQUEST), /^HTTP\/1\.1 200 /);
    });
    assert.equal(byClients, ROUNDS);
    // those of the pool, which end when a busy machine lets them idle: far from one more for each client
    assert.ok(atServer <= ROUNDS / 4, `${atServer} connections`);
  });

  it('what it costs not to know', async (t) => {
    for (const [what, server, first] of [
      ['a server that speaks first', await serve((socket) => void socket.write(BANNER)), ''],
      ['a client that speaks first', await serve((socket) => socket.pipe(socket)), BANNER],
      ['HTTP', await serveHttp(() => ok(BANNER)), REQUEST],
    ] as const) {
      const mesh = await behind(server);
      const times: number[] = [];
      for (let turn = 0; turn <= ROUNDS; turn += 1) {
        const startMs = performance.now();
        const socket = await connect(mesh.port);
        if (first !== '') socket.write(first);
        assert.match(await readUntil(socket, BANNER), /220 ready/);
        times.push(performance.now() - startMs);
        socket.destroy();
      }
      const [unknown = 0, ...learned] = times;
      const median = learned.sort((a, b) => a - b)[ROUNDS / 2]!;
      const ratio = (unknown / median).toFixed(1);
      t.diagnostic(
        `${what}: first connection ${unknown.toFixed(1)} ms, learned ${median.toFixed(1)} ms: ${ratio}`,
      );
    }
  });
});

describe('a banner', () => {
  let server: TestServer;
  let pair: Pair;
  before(async () => {
    server = await serve((socket) => void socket.write(BANNER));
    pair = await Pair.start({
      appPort: server.port,
      inbound: { ports: [{ mtls: 'Strict', authorizationDefault: 'Deny' }], rules: [] },
      limits: { ...LIMITS, handshakeTimeoutMs: 2_000 },
    });
  });
  after(async () => {
    await pair.stop();
    await server.close();
  });
  const assertUnheard = () => assert.equal(server.accepted.length, 0, 'the server was dialled');

  it('is not sent to a caller of the mesh that is denied, through its sidecar', async () => {
    assert.equal(await talk(pair.port, ''), '');
    assertUnheard();
  });

  it('is not sent to a caller of the mesh that is denied, whatever it speaks mTLS with', async () => {
    const { certificate, privateKey } = await pair.authority.leaf({ uris: [WEB] });
    const socket = tls.connect({
      ...{ port: pair.inboundPort, host: '127.0.0.1', ALPNProtocols: [ALPN.tcp] },
      ...{ cert: certificate, key: privateKey, rejectUnauthorized: false },
    });
    socket.on('error', () => {});
    const all = readAll(socket);
    await once(socket, 'secureConnect');
    assert.equal(await all, '');
    assertUnheard();
  });

  for (const [who, said] of [
    ['a silent client in plain text, under Strict', ''],
    ['a client in plain text that speaks, under Strict', 'EHLO shop\r\n'],
    ['a client of HTTP in plain text, under Strict', REQUEST],
  ] as const) {
    it(`is not sent to ${who}`, async () => {
      assert.equal(await talk(pair.inboundPort, said), '');
      assertUnheard();
    });
  }
});
