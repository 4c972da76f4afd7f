import assert from 'node:assert/strict';
import type { Socket } from 'node:net';
import { describe, test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import type { Destination } from '../../api/destination.ts';
import { get, start, toClose } from '../../sidecar/testing/harness.ts';
import { connect, ok, serve, serveHttp } from '../../sidecar/testing/wire.ts';
import { endingOf, eventually } from './client.fixture.ts';
import { SideProcess } from './side-process.ts';

const MEBI = 1024 * 1024;
const GIBI = 1024 * MEBI;
/** Three hops of what Linux holds for a socket pair on loopback, and what two sidecars hold. */
const TAKEN_BOUND = 60 * MEBI;
const IDLE_MS = 700;
const LIMITS = { idleTimeoutMs: IDLE_MS };
/** Longer than a busy machine takes to copy what all of them are sent at once. */
const SILENT_MS = 10_000;
/** What nobody takes for HTTP. */
const BINARY = '\x01\x02';
const CHUNK = Buffer.alloc(65_536, 'x');
const HTTP_CHUNK = Buffer.concat([Buffer.from('10000\r\n'), CHUNK, Buffer.from('\r\n')]);

/** Writes the same piece as long as it is taken. */
function pour(socket: Socket, piece: Buffer): void {
  const more = () => {
    while (socket.writable && socket.bytesWritten < GIBI && socket.write(piece));
  };
  socket.on('drain', more);
  more();
}

const taken = (socket: Socket): number => socket.bytesWritten - socket.writableLength;

/** Waits until nothing more is taken of a writer, and checks that it was little. */
async function stalls(writer: () => Socket | undefined): Promise<void> {
  let before = -1;
  await eventually('nothing more is taken', async () => {
    const now = writer() === undefined ? -1 : taken(writer()!);
    await delay(60);
    const isStill = now > 0 && now === before;
    before = now;
    return isStill;
  });
  assert.ok(before < TAKEN_BOUND, `${before} bytes were taken`);
}

const hasEnded = (socket: Socket): boolean => socket.destroyed || socket.readableEnded;

interface Case {
  readonly what: string;
  readonly head: string;
  readonly piece: Buffer;
  readonly protocol: Destination['protocol'];
}

const RESPONSES: readonly Case[] = [
  {
    what: 'with a length',
    head: `HTTP/1.1 200 OK\r\nContent-Length: ${GIBI}\r\n\r\n`,
    piece: CHUNK,
    protocol: 'HTTP',
  },
  {
    what: 'in chunks',
    head: 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n',
    piece: HTTP_CHUNK,
    protocol: 'HTTP',
  },
  { what: 'that ends with its connection', head: 'HTTP/1.1 200 OK\r\n\r\n', piece: CHUNK, protocol: 'HTTP' },
  { what: 'of opaque bytes', head: BINARY, piece: CHUNK, protocol: 'TCP' },
];

describe('a client that never reads', { concurrency: true }, () => {
  for (const { what, head, piece, protocol } of RESPONSES) {
    test(`a response of 1 GiB ${what} stops the app from being read, and is let go when idle`, async () => {
      const app = await serve((socket) => {
        socket.once('data', () => {
          socket.write(head);
          pour(socket, piece);
        });
      });
      const pair = await start(app, { limits: LIMITS, destination: { protocol: protocol! } });
      const socket = await connect(pair.port);
      socket.pause();
      socket.write(protocol === 'TCP' ? BINARY : get());
      await stalls(() => app.accepted[0]);
      await eventually('the app is let go', () => hasEnded(app.accepted[0]!));
      await eventually(
        'nothing is open',
        () => pair.web.path.connections().open + pair.api.path.connections().open === 0,
      );
      // what came is not taken for all
      const { how } = await endingOf(socket, 5_000);
      assert.equal(how, 'reset');
    });
  }
});

describe('an app that never reads', { concurrency: true }, () => {
  const uploads: readonly Case[] = [
    {
      what: 'with a length',
      head: `POST / HTTP/1.1\r\nHost: a\r\nContent-Length: ${GIBI}\r\n\r\n`,
      piece: CHUNK,
      protocol: 'HTTP',
    },
    {
      what: 'in chunks',
      head: 'POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n',
      piece: HTTP_CHUNK,
      protocol: 'HTTP',
    },
    { what: 'of opaque bytes', head: BINARY, piece: CHUNK, protocol: 'TCP' },
  ];
  for (const { what, head, piece, protocol } of uploads) {
    test(`an upload of 1 GiB ${what} stops the client from being read, and is given up when idle`, async () => {
      const app = await serve((socket) => void socket.pause());
      const pair = await start(app, { limits: LIMITS, destination: { protocol: protocol! } });
      const socket = await connect(pair.port);
      socket.write(head);
      pour(socket, piece);
      await stalls(() => socket);
      const { text } = await endingOf(socket, 5_000);
      assert.match(text, /^(?:HTTP\/1\.1 504 [\s\S]*weft-error: timeout[\s\S]*)?$/);
      await eventually(
        'nothing is open',
        () => pair.web.path.connections().open + pair.api.path.connections().open === 0,
      );
    });
  }
});

describe('many that never read at once', () => {
  const COUNT = 40;
  const BOUND_BYTES = 24 * MEBI;

  async function grownBy(side: SideProcess, work: () => Promise<unknown>): Promise<number> {
    const before = await side.settledBytes();
    await work();
    await delay(300);
    return (await side.settledBytes()) - before;
  }

  test(`${COUNT} clients cost a bounded memory each`, async () => {
    const app = await serve((socket) => {
      socket.once('data', () => {
        socket.write(`HTTP/1.1 200 OK\r\nContent-Length: ${GIBI}\r\n\r\n`);
        pour(socket, CHUNK);
      });
    });
    const side = await SideProcess.start({ appPort: app.port }, { collectable: true });
    toClose.push(app.close, () => side.stop());
    const clients: Socket[] = [];
    const grownBytes = await grownBy(side, async () => {
      for (let count = 0; count < COUNT; count += 1) {
        const socket = await connect(side.inboundPort);
        socket.pause();
        socket.write(get());
        clients.push(socket);
      }
      await stalls(() => app.accepted[COUNT - 1]);
    });
    assert.ok(grownBytes < BOUND_BYTES, `${grownBytes} bytes more`);
    for (const socket of clients) socket.destroy();
  });

  test(`${COUNT} uploads to an app that does not read cost a bounded memory each`, async () => {
    const app = await serve((socket) => void socket.pause());
    const side = await SideProcess.start({ appPort: app.port }, { collectable: true });
    toClose.push(app.close, () => side.stop());
    const clients: Socket[] = [];
    const grownBytes = await grownBy(side, async () => {
      for (let count = 0; count < COUNT; count += 1) {
        const socket = await connect(side.inboundPort);
        socket.write(`POST / HTTP/1.1\r\nHost: a\r\nContent-Length: ${GIBI}\r\n\r\n`);
        pour(socket, CHUNK);
        clients.push(socket);
      }
      await stalls(() => clients[COUNT - 1]);
    });
    assert.ok(grownBytes < BOUND_BYTES, `${grownBytes} bytes more`);
    for (const socket of clients) socket.destroy();
  });
});

/** What Linux takes on a loopback connection whose other side does not read. */
async function kernelCapacity(): Promise<number> {
  const server = await serve((socket) => pour(socket, CHUNK));
  const socket = await connect(server.port);
  socket.pause();
  await stalls(() => server.accepted[0]);
  const bytes = taken(server.accepted[0]!);
  socket.destroy();
  await server.close();
  return bytes;
}

describe('a client that begins to read late gets all of a response, however much of it the proxy holds', () => {
  const LINGER_MS = 100;
  const STEP = 12 * 1024;
  const fields: Readonly<Record<string, string>> = {
    'on a connection that goes on': '',
    'with which the connection ends': 'Connection: close\r\n',
  };
  for (const [what, field] of Object.entries(fields)) {
    test(what, async () => {
      const capacity = await kernelCapacity();
      const app = await serveHttp((head) => ok('x'.repeat(Number(/size=(\d+)/.exec(head)![1]))));
      // for how long input is dropped after a response says nothing of how long it takes to be read
      const pair = await start(app, { limits: { lingerMs: LINGER_MS } });
      const read = async (step: number) => {
        const size = capacity + step * STEP;
        const socket = await connect(pair.inboundPort);
        socket.pause();
        socket.write(get(`/?size=${size}`, field));
        await delay(5 * LINGER_MS);
        const text = await readBody(socket, size);
        assert.equal(text, size, `of ${size} bytes, ${step * STEP} more than the kernel takes`);
      };
      await Promise.all(Array.from({ length: 48 }, (_, index) => read(index - 8)));
    });
  }
});

/** How much of a body of this size comes before the other side ends or says nothing for long. */
async function readBody(socket: Socket, size: number): Promise<number> {
  let got = 0;
  let headEnd = 0;
  const over = new Promise<void>((resolve) => {
    socket.on('end', resolve).on('close', resolve);
    socket.setTimeout(SILENT_MS, resolve);
    socket.on('data', (bytes: Buffer) => {
      headEnd ||= bytes.indexOf('\r\n\r\n') + 4;
      got += bytes.length;
      if (got - headEnd >= size) resolve();
    });
  });
  socket.resume();
  await over;
  socket.destroy();
  return got - headEnd;
}
