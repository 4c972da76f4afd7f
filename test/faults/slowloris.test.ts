import assert from 'node:assert/strict';
import type { Socket } from 'node:net';
import { after, before, describe, test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import type { Limits } from '../../sidecar/limits.ts';
import { get, inbound, last, start } from '../../sidecar/testing/harness.ts';
import { type Pair, WEB } from '../../sidecar/testing/pair.ts';
import { connect, ok, readUntil, serveHttp, type TestServer, talk } from '../../sidecar/testing/wire.ts';
import {
  ask,
  clientHello,
  connectMesh,
  type Ending,
  endingOf,
  eventually,
  trickle,
  Witness,
} from './client.fixture.ts';

/** Each deadline has a value of its own, so that one cannot be taken for another. */
const LIMITS: Partial<Limits> = {
  serverFirstWaitMs: 100,
  detectTimeoutMs: 400,
  headerTimeoutMs: 800,
  handshakeTimeoutMs: 1_000,
  idleTimeoutMs: 1_500,
  lingerMs: 100,
};
const SLACK_MS = 850; // ticks of the timers and a busy machine
/** More than all the kernel's buffers on the way. */
const LARGE = ok('x'.repeat(24_000_000));
const HEAD = 'POST /upload HTTP/1.1\r\nHost: api\r\n';
const LONG_HEAD = `GET / HTTP/1.1\r\nHost: api\r\nX-Long: ${'x'.repeat(500)}`;

type Listener = 'outbound' | 'inbound in plaintext' | 'inbound over mTLS';

let app: TestServer;
let open: Pair;
let declared: Pair;
let strict: Pair;
let hello: Buffer;
let witness: Witness;

after(() => witness.stop());
before(async () => {
  app = await serveHttp((head) => {
    if (head.startsWith('POST')) return undefined;
    if (head.includes('/large')) return LARGE;
    return ok('fine');
  });
  open = await start(app, { limits: LIMITS });
  declared = await start(app, {
    limits: LIMITS,
    destination: { protocol: 'HTTP' },
    inbound: inbound([], { protocol: 'HTTP' }),
  });
  strict = await start(app, { limits: LIMITS, inbound: inbound([], { mtls: 'Strict' }) });
  hello = await clientHello();
  // so that no time is spent on handshakes between the sides
  await Promise.all(
    [open, declared].flatMap((pair) => Array.from({ length: 10 }, () => talk(pair.port, last()))),
  );
  witness = await Witness.start(open.port, headerTimeoutMs);
});

async function dial(listener: Listener, pair: Pair): Promise<Socket> {
  if (listener === 'outbound') return connect(pair.port);
  if (listener === 'inbound in plaintext') return connect(pair.inboundPort);
  return connectMesh(pair.inboundPort, await pair.authority.workload(WEB));
}

/** What a slow client does, and how long it may take at most until it is let go. */
interface Slow {
  readonly what: string;
  readonly send: (socket: Socket) => void | Promise<void>;
  readonly withinMs: number;
  /** after a request that was answered */
  readonly isSecond?: true;
  /** everything it may be told; nothing unless given */
  readonly told?: RegExp;
}

const { headerTimeoutMs, idleTimeoutMs, detectTimeoutMs, handshakeTimeoutMs } = LIMITS as Limits;
const ERROR_OR_NOTHING = /^(?:HTTP\/1\.1 (?:408|504) [\s\S]*)?$/;
const SERVED_THEN_NOTHING = /^HTTP\/1\.1 200 OK\r\n[\s\S]*?fine(?:HTTP\/1\.1 (?:408|504) [\s\S]*)?$/;

const HTTP_PHASES: readonly Slow[] = [
  { what: 'sends nothing', send: () => {}, withinMs: idleTimeoutMs },
  {
    what: 'sends half a request head',
    send: (socket) => void socket.write(LONG_HEAD),
    withinMs: headerTimeoutMs,
    told: ERROR_OR_NOTHING,
  },
  {
    what: 'sends a request head byte by byte',
    send: (socket) => trickle(socket, LONG_HEAD, 40),
    // a line that has not ended is looked at before it is taken for a request
    withinMs: detectTimeoutMs + headerTimeoutMs,
    told: ERROR_OR_NOTHING,
  },
  {
    what: 'sends the second head byte by byte',
    isSecond: true,
    send: (socket) => trickle(socket, LONG_HEAD, 40),
    withinMs: headerTimeoutMs,
    told: ERROR_OR_NOTHING,
  },
  {
    what: 'pipelines a request and half of the next',
    send: (socket) => void socket.write(get() + LONG_HEAD),
    withinMs: headerTimeoutMs,
    told: SERVED_THEN_NOTHING,
  },
  {
    what: 'keeps its connection and sends nothing more',
    isSecond: true,
    send: () => {},
    withinMs: idleTimeoutMs,
    told: ERROR_OR_NOTHING,
  },
  {
    what: 'sends half a body',
    send: (socket) => void socket.write(`${HEAD}Content-Length: 1000\r\n\r\n${'x'.repeat(500)}`),
    withinMs: idleTimeoutMs,
    told: ERROR_OR_NOTHING,
  },
  {
    what: 'sends a chunked body without an end',
    send: (socket) => void socket.write(`${HEAD}Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n`),
    withinMs: idleTimeoutMs,
    told: ERROR_OR_NOTHING,
  },
  {
    what: 'stops within the size of a chunk',
    send: (socket) => void socket.write(`${HEAD}Transfer-Encoding: chunked\r\n\r\n5;slow`),
    withinMs: idleTimeoutMs,
    told: ERROR_OR_NOTHING,
  },
  {
    what: 'stops within the trailers',
    send: (socket) => void socket.write(`${HEAD}Transfer-Encoding: chunked\r\n\r\n0\r\nX-Late: `),
    withinMs: idleTimeoutMs,
    told: ERROR_OR_NOTHING,
  },
  {
    what: 'waits for a 100 that the app does not send',
    send: (socket) => void socket.write(`${HEAD}Content-Length: 10\r\nExpect: 100-continue\r\n\r\n`),
    withinMs: idleTimeoutMs,
    told: ERROR_OR_NOTHING,
  },
];

async function letGo(socket: Socket, slow: Slow): Promise<Ending> {
  if (slow.isSecond) assert.match(await ask(socket), /^HTTP\/1\.1 200 /);
  const ended = endingOf(socket, slow.withinMs + SLACK_MS);
  const sending = slow.send(socket);
  const ending = await witness.during(ended);
  await sending;
  assert.match(ending.text, slow.told ?? /^$/);
  return ending;
}

describe('a client is let go while others are served', { concurrency: true }, () => {
  for (const listener of ['outbound', 'inbound in plaintext', 'inbound over mTLS'] as const) {
    for (const slow of HTTP_PHASES) {
      const name = `${listener}, when it ${slow.what}`;
      test(name, async () => void (await letGo(await dial(listener, open), slow)));
      test(`${name}, on a port declared HTTP`, async () => {
        await letGo(await dial(listener, declared), slow);
      });
    }
    test(`${listener}, when it never reads its response`, async () => {
      const pair = await start(app, { limits: LIMITS });
      const socket = await dial(listener, pair);
      socket.pause();
      socket.write(get('/large'));
      const side = listener === 'outbound' ? pair.web : pair.api;
      const isGone = () => side.path.connections().open === 0;
      // what the kernel holds moves for a while
      const letGo = eventually('it is let go', isGone, idleTimeoutMs + 2 * SLACK_MS);
      await witness.during(letGo);
      socket.destroy();
    });
  }
});

/** And what follows it; an answer in HTTP it is not. */
const SERVER_HELLO = /^(?!HTTP)[\s\S]{100,}$/;
const MAYBE_SERVER_HELLO = /^(?!HTTP)/;

const HANDSHAKE_PHASES: readonly Slow[] = [
  { what: 'sends nothing', send: () => {}, withinMs: handshakeTimeoutMs },
  {
    what: 'sends half a ClientHello',
    send: (socket) => void socket.write(hello.subarray(0, 150)),
    withinMs: handshakeTimeoutMs,
  },
  {
    what: 'sends its ClientHello byte by byte',
    send: (socket) => trickle(socket, hello.toString('latin1'), 20),
    withinMs: handshakeTimeoutMs,
  },
  {
    what: 'sends the rest of its ClientHello late, and then nothing',
    send: async (socket) => {
      socket.write(hello.subarray(0, 150));
      await delay(handshakeTimeoutMs * 0.95);
      socket.write(hello.subarray(150));
    },
    withinMs: handshakeTimeoutMs,
    told: MAYBE_SERVER_HELLO,
  },
  {
    what: 'stops after its ClientHello',
    send: (socket) => void socket.write(hello),
    withinMs: handshakeTimeoutMs,
    told: SERVER_HELLO,
  },
  {
    what: 'announces a huge ClientHello and sends it byte by byte',
    send: (socket) => trickle(socket, `\x16\x03\x01\x40\x00\x01\x00\x3f\xfc${'\x03'.repeat(500)}`, 20),
    withinMs: handshakeTimeoutMs,
  },
];

describe('in front of a Strict port, a peer is let go within the time of a handshake when it', {
  concurrency: true,
}, () => {
  for (const slow of HANDSHAKE_PHASES) {
    test(slow.what, async () => {
      const ending = await letGo(await connect(strict.inboundPort), slow);
      assert.ok(ending.afterMs >= handshakeTimeoutMs * 0.9, `after ${ending.afterMs} ms`);
    });
  }
});

describe('an app that is slow is given up and its caller told', { concurrency: true }, () => {
  const RESPONSE = `HTTP/1.1 200 OK\r\nX-Slow: ${'x'.repeat(500)}\r\n`;
  const answers: readonly [string, (socket: Socket) => void][] = [
    ['never answers', () => {}],
    ['sends half a response head', (socket) => void socket.write(RESPONSE)],
    ['sends its response head byte by byte', (socket) => void trickle(socket, RESPONSE, 40)],
    [
      'sends interim responses without end',
      (socket) => void trickle(socket, 'HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n'.repeat(20), 10),
    ],
  ];
  for (const [what, answer] of answers) {
    test(`when it ${what}`, async () => {
      const slow = await serveHttp((_head, socket) => void answer(socket));
      const pair = await start(slow, { limits: LIMITS });
      const socket = await connect(pair.port);
      const ending = endingOf(socket, 2 * idleTimeoutMs + SLACK_MS);
      socket.write(get());
      const { text } = await witness.during(ending);
      assert.match(
        text.replaceAll(/HTTP\/1\.1 103 [\s\S]*?\r\n\r\n/g, ''),
        /^HTTP\/1\.1 504 [\s\S]*weft-error: timeout/,
      );
      await delay(200);
      assert.ok(slow.accepted.every(({ destroyed, readableEnded }) => destroyed || readableEnded));
    });
  }
});

test('an opaque connection on which nothing moves is ended at both sides', async () => {
  const echo = await serveHttp(() => undefined);
  const pair = await start(echo, { limits: LIMITS, destination: { protocol: 'TCP' } });
  const socket = await connect(pair.port);
  const ending = endingOf(socket, idleTimeoutMs + SLACK_MS);
  socket.write('\x01\x02');
  await ending;
  await delay(100);
  assert.ok(echo.accepted.every(({ destroyed, readableEnded }) => destroyed || readableEnded));
});

test('a client that is slow and steady is served', async () => {
  const pair = await start(app, { limits: LIMITS });
  const socket = await connect(pair.port);
  const answer = readUntil(socket, 'fine');
  // twice as long in all as a connection may idle, and never idle
  await trickle(socket, get(), (headerTimeoutMs * 0.7) / get().length);
  assert.match(await answer, /^HTTP\/1\.1 200 /);
  const upload = await serveHttp((head, stream) => {
    if (head.endsWith('done')) stream.write(ok('taken'));
    return undefined;
  });
  const slow = await start(upload, { limits: LIMITS });
  const uploading = await connect(slow.port);
  const taken = readUntil(uploading, 'taken');
  const body = `${'x'.repeat(20)}done\r\n\r\n`;
  uploading.write(`${HEAD}Content-Length: ${body.length}\r\n\r\n`);
  await trickle(uploading, body, (2 * idleTimeoutMs) / body.length);
  assert.match(await taken, /^HTTP\/1\.1 200 /);
  uploading.destroy();
  socket.destroy();
});
