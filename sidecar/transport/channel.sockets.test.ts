import assert from 'node:assert/strict';
import { createHash, randomBytes } from 'node:crypto';
import net, { type AddressInfo, type Socket } from 'node:net';
import { after, test } from 'node:test';
import tls from 'node:tls';
import fc from 'fast-check';
import { TestAuthority } from '../testing/certificates.ts';
import { until } from '../testing/harness.ts';
import { Channel } from './channel.ts';

interface Connected {
  readonly channel: Channel;
  readonly peer: Socket;
  /** the peer resets */
  reset(): void;
  close(): void;
}

const QUIET = { onData: () => {}, onEnd: () => {}, onDrain: () => {}, onClose: () => {} };
const authority = await TestAuthority.create();
const leaf = await authority.leaf({ uris: ['spiffe://cluster.local/ns/shop/sa/api'] });
const credentials = { key: leaf.privateKey, cert: leaf.certificate };

/** A channel over a connection to a peer that is a socket as Node makes it. */
async function connected(kind: 'plaintext' | 'TLS'): Promise<Connected> {
  const accepted = Promise.withResolvers<Socket>();
  const server =
    kind === 'TLS'
      ? tls.createServer({ ...credentials, allowHalfOpen: true }, accepted.resolve)
      : net.createServer({ allowHalfOpen: true, noDelay: true }, accepted.resolve);
  let under: Socket | undefined;
  server.on('connection', (socket: Socket) => {
    under = socket;
    socket.on('error', () => {});
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  const raw = net.connect({ port, host: '127.0.0.1', allowHalfOpen: true, noDelay: true });
  const socket = kind === 'TLS' ? tls.connect({ socket: raw, rejectUnauthorized: false }) : raw;
  raw.on('error', () => {});
  await new Promise<void>((resolve) =>
    socket.once(kind === 'TLS' ? 'secureConnect' : 'connect', () => resolve()),
  );
  socket.pause();
  const channel = Channel.over(socket, kind === 'TLS' ? raw : undefined)!;
  const peer = await accepted.promise;
  peer.on('error', () => {});
  const close = () => {
    open.delete(close);
    server.close();
    peer.destroy();
    channel.destroy();
  };
  open.add(close);
  return { channel, peer, reset: () => void under?.resetAndDestroy(), close };
}

/** what a failed test has left */
const open = new Set<() => void>();
after(() => {
  for (const close of open) close();
});

const digest = (bytes: Buffer) => createHash('sha256').update(bytes).digest('hex');

for (const kind of ['plaintext', 'TLS'] as const) {
  test(`${kind}: small writes of one turn arrive at once`, async () => {
    const { channel, peer, close } = await connected(kind);
    const events: string[] = [];
    peer.on('data', (bytes: Buffer) => events.push(bytes.toString()));
    channel.write('HTTP/1.1 200 OK\r\n');
    channel.write(Buffer.from('Content-Length: 4\r\n\r\n'));
    channel.write('body');
    await until(() => events.join('').endsWith('body'));
    assert.equal(events.length, 1);
    assert.equal(channel.isTls, kind === 'TLS');
    close();
  });

  test(`${kind}: ten megabytes come back byte for byte from a reader that takes its time`, async () => {
    const { channel, peer, close } = await connected(kind);
    const body = randomBytes(10_000_000);
    let at = 0;
    let stops = 0;
    const pump = () => {
      // sizes around what is coalesced, what leaves at once, and what is stopped at
      for (let size = 1; at < body.length; at += size) {
        size = [7, 1_000, 16_383, 16_384, 65_535, 65_536, 200_000][at % 7]!;
        if (!channel.write(Buffer.from(body.subarray(at, at + size)))) {
          at += size;
          stops += 1;
          return;
        }
      }
      channel.end();
    };
    const back: Buffer[] = [];
    let ended = false;
    channel.owner = {
      ...QUIET,
      onData: (bytes) => back.push(Buffer.from(bytes)),
      onDrain: pump,
      onEnd: () => {
        ended = true;
      },
    };
    channel.resume();
    const pauses = setInterval(() => {
      peer.pause();
      setTimeout(() => peer.resume(), 3);
    }, 10);
    peer.pipe(peer);
    pump();
    await until(() => ended);
    clearInterval(pauses);
    assert.equal(digest(Buffer.concat(back)), digest(body));
    assert.ok(stops > 0);
    close();
  });

  test(`${kind}: any mixture of text and buffers of any size arrives in order`, async () => {
    const piece = fc.record({
      isText: fc.boolean(),
      size: fc.oneof(fc.integer({ min: 0, max: 50 }), fc.integer({ min: 0, max: 100_000 })),
      waits: fc.boolean(),
    });
    await fc.assert(
      fc.asyncProperty(fc.array(piece, { maxLength: 12 }), async (pieces) => {
        const { channel, peer, close } = await connected(kind);
        let seen = '';
        let ended = false;
        peer.setEncoding('latin1');
        peer.on('data', (text: string) => {
          seen += text;
        });
        peer.on('end', () => {
          ended = true;
        });
        let expected = '';
        for (const [index, { isText, size, waits }] of pieces.entries()) {
          const text = String.fromCharCode(0xc0 + (index % 26)).repeat(size);
          expected += text;
          channel.write(isText ? text : Buffer.from(text, 'latin1'));
          if (waits) await new Promise((resolve) => setImmediate(resolve));
        }
        channel.end();
        await until(() => ended);
        assert.equal(seen === expected, true);
        close();
      }),
      { numRuns: 15 },
    );
  });

  test(`${kind}: a peer that does not read makes write say stop, and is given all later`, async () => {
    const { channel, peer, close } = await connected(kind);
    peer.pause();
    let drains = 0;
    channel.owner = { ...QUIET, onDrain: () => (drains += 1) };
    const block = Buffer.alloc(60_000, 'x');
    let written = 0;
    while (channel.write(block)) {
      written += block.length;
      assert.ok(written < 50_000_000, 'write never says stop');
      await new Promise((resolve) => setImmediate(resolve));
    }
    written += block.length;
    assert.ok(channel.bufferedBytes < 2 * 64 * 1024);
    let seen = 0;
    peer.on('data', (bytes: Buffer) => {
      seen += bytes.length;
    });
    peer.resume();
    await until(() => seen === written && drains > 0);
    assert.equal(drains, 1);
    close();
  });

  test(`${kind}: a paused channel gives nothing out, and all of it when resumed`, async () => {
    const { channel, peer, close } = await connected(kind);
    let seen = '';
    channel.owner = {
      ...QUIET,
      onData: (bytes) => {
        seen += bytes.toString();
        if (seen === 'first') channel.pause();
      },
    };
    channel.resume();
    peer.write('first');
    await until(() => seen === 'first');
    for (let part = 0; part < 100; part += 1) peer.write('0123456789');
    await new Promise((resolve) => setTimeout(resolve, 20));
    assert.equal(seen, 'first');
    channel.resume();
    await until(() => seen.length === 5 + 1_000);
    assert.equal(seen, `first${'0123456789'.repeat(100)}`);
    close();
  });

  test(`${kind}: each side may end before the other`, async () => {
    for (const first of ['channel', 'peer']) {
      const { channel, peer, close } = await connected(kind);
      const seen = { channel: '', peer: '' };
      let closed = 0;
      channel.owner = {
        onData: (bytes) => (seen.channel += bytes.toString()),
        onEnd: () => (seen.channel += '.'),
        onDrain: () => {},
        onClose: () => (closed += 1),
      };
      peer.on('data', (bytes: Buffer) => (seen.peer += bytes.toString()));
      peer.on('end', () => (seen.peer += '.'));
      channel.resume();
      if (first === 'channel') {
        channel.end();
        await until(() => seen.peer === '.');
        peer.end('after');
      } else {
        peer.end();
        await until(() => seen.channel === '.');
        channel.write('after');
        channel.end();
      }
      await until(() => closed === 1);
      assert.deepEqual(
        seen,
        first === 'channel' ? { channel: 'after.', peer: '.' } : { channel: '.', peer: 'after.' },
      );
      close();
    }
  });

  test(`${kind}: an abort is a reset for the peer, a destroy an end`, async () => {
    for (const way of ['abort', 'destroy'] as const) {
      const { channel, peer, close } = await connected(kind);
      const seen: string[] = [];
      let closed = 0;
      channel.onClosed(() => (closed += 1));
      // TLS has more to say after the handshake, and a close with bytes unread is a reset
      let greeted = false;
      channel.owner = { ...QUIET, onData: () => (greeted = true) };
      channel.resume();
      peer.write('hello');
      await until(() => greeted);
      peer.resume();
      peer.on('end', () => seen.push('end'));
      peer.on('error', (error: NodeJS.ErrnoException) => seen.push(error.code ?? ''));
      channel[way]();
      await until(() => seen.length > 0 && closed === 1);
      assert.deepEqual(seen, way === 'abort' ? ['ECONNRESET'] : ['end']);
      close();
    }
  });

  test(`${kind}: a peer that resets closes the channel`, async () => {
    const { channel, reset, close } = await connected(kind);
    const events: string[] = [];
    channel.owner = { ...QUIET, onEnd: () => events.push('end'), onClose: () => events.push('close') };
    channel.resume();
    reset();
    await until(() => channel.closed);
    assert.equal(events.at(-1), 'close');
    close();
  });
}

test('what a peer said before it reset the connection is read, and not taken for whole, though a write fails first', async () => {
  const { channel, peer, reset, close } = await connected('plaintext');
  const heard: string[] = [];
  channel.owner = {
    ...QUIET,
    onData: (bytes) => heard.push(bytes.toString()),
    onEnd: () => heard.push('end'),
    onClose: () => heard.push('closed'),
  };
  await new Promise<void>((resolve) => peer.write('why', () => resolve()));
  reset();
  await new Promise((resolve) => setTimeout(resolve, 50));
  channel.resume();
  channel.write('more');
  channel.flush();
  assert.equal(channel.writable, false);
  await until(() => channel.closed);
  assert.deepEqual(heard, ['why', 'closed']);
  close();
});
