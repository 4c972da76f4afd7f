import assert from 'node:assert/strict';
import type { Socket } from 'node:net';
import { after, before, describe, test } from 'node:test';
import { get, start, toClose } from '../../sidecar/testing/harness.ts';
import { type Pair, WEB } from '../../sidecar/testing/pair.ts';
import { connect, ok, readUntil, serve, serveHttp, type TestServer } from '../../sidecar/testing/wire.ts';
import { connectMesh, type Ending, endingOf, Witness } from './client.fixture.ts';
import { SideProcess } from './side-process.ts';

const MEBI = 1024 * 1024;
const HUGE = 10 * MEBI;
const WITHIN_MS = 5_000;
/** Long enough for a busy client to read its answer. */
const LIMITS = { lingerMs: 1_000 };
const LISTENERS = ['outbound', 'inbound in plaintext', 'inbound over mTLS'] as const;

let app: TestServer;
let pair: Pair;
let witness: Witness;

after(() => witness.stop());
before(async () => {
  app = await serveHttp((head) => (head.startsWith('POST') ? undefined : ok('fine')));
  pair = await start(app, { limits: LIMITS });
  witness = await Witness.start(pair.port, WITHIN_MS);
});

async function dial(listener: (typeof LISTENERS)[number]): Promise<Socket> {
  if (listener === 'outbound') return connect(pair.port);
  if (listener === 'inbound in plaintext') return connect(pair.inboundPort);
  return connectMesh(pair.inboundPort, await pair.authority.workload(WEB));
}

/**
 * Writes `head`, then `piece` again and again, at most so many bytes, until the other side ends: as fast as it is
 * taken until there is an answer, and slowly then, so that the answer can be read.
 */
async function pour(socket: Socket, head: string, piece: Buffer, bytes: number): Promise<Ending> {
  let left = bytes;
  let answered = false;
  const more = () => {
    while (left > 0 && socket.writable) {
      left -= piece.length;
      const isTaken = socket.write(piece);
      if (answered) return void setTimeout(more, 10);
      if (!isTaken) return;
    }
  };
  const ending = endingOf(socket, WITHIN_MS);
  socket.once('data', () => {
    answered = true;
  });
  socket.write(head);
  socket.on('drain', () => answered || more());
  more();
  return ending;
}

const ENDLESS = Number.POSITIVE_INFINITY;
const REQUEST = 'GET / HTTP/1.1\r\nHost: api\r\n';
const CHUNKED = 'POST / HTTP/1.1\r\nHost: api\r\nTransfer-Encoding: chunked\r\n\r\n';
const filler = Buffer.alloc(65_536, 'x');
const lines = Buffer.from('X-Line: value\r\n'.repeat(1_000));

/** What a client sends too much of; `refused`: the statuses that say so. */
const TOO_MUCH: readonly {
  readonly what: string;
  readonly head: string;
  readonly piece: Buffer;
  readonly bytes: number;
  readonly refused: RegExp;
}[] = [
  { what: 'a field of 10 MiB', head: `${REQUEST}X-Huge: `, piece: filler, bytes: HUGE, refused: /431/ },
  { what: 'a field name of 10 MiB', head: REQUEST, piece: filler, bytes: HUGE, refused: /431|400/ },
  { what: 'a request line of 10 MiB', head: 'GET /', piece: filler, bytes: HUGE, refused: /431|414|400/ },
  {
    what: 'a method of 10 MiB after a request',
    head: `${get()}X`,
    piece: filler,
    bytes: HUGE,
    refused: /431|400/,
  },
  {
    what: '100,000 fields',
    head: REQUEST,
    piece: Buffer.from('A: b\r\n'),
    bytes: 600_000,
    refused: /431|400/,
  },
  { what: 'a header without end', head: REQUEST, piece: lines, bytes: ENDLESS, refused: /431|400/ },
  {
    what: 'a line without end',
    head: `${REQUEST}X-Endless: `,
    piece: filler,
    bytes: ENDLESS,
    refused: /431/,
  },
  {
    what: 'empty lines without end',
    head: '',
    piece: Buffer.alloc(8_192, '\r\n'),
    bytes: ENDLESS,
    refused: /431|400/,
  },
  {
    what: 'a chunk extension without end',
    head: `${CHUNKED}5;x=`,
    piece: filler,
    bytes: ENDLESS,
    refused: /400|431/,
  },
  {
    what: 'chunks with extensions without end',
    head: CHUNKED,
    piece: Buffer.from(`1;${'x'.repeat(200)}\r\na\r\n`.repeat(100)),
    bytes: ENDLESS,
    refused: /400|431/,
  },
  {
    what: 'a chunk size without end',
    head: CHUNKED,
    piece: Buffer.alloc(8_192, '0'),
    bytes: ENDLESS,
    refused: /400/,
  },
  { what: 'trailers without end', head: `${CHUNKED}0\r\n`, piece: lines, bytes: ENDLESS, refused: /431|400/ },
  {
    what: 'a trailer of 10 MiB',
    head: `${CHUNKED}0\r\nX-T: `,
    piece: filler,
    bytes: HUGE,
    refused: /431|400/,
  },
];

for (const listener of LISTENERS) {
  describe(`${listener} refuses and closes, and others are served meanwhile`, { concurrency: true }, () => {
    for (const { what, head, piece, bytes, refused } of TOO_MUCH) {
      // what no HTTP server reads as a request does not come to the codec on a port that may speak anything
      const mayBeOpaque = what.startsWith('empty lines') || what.startsWith('a method');
      test(what, async () => {
        const socket = await dial(listener);
        const { text } = await witness.during(pour(socket, head, piece, bytes));
        const answer = text.replace(/^HTTP\/1\.1 200 [\s\S]*?fine/, '');
        if (mayBeOpaque && answer === '') return;
        assert.match(answer, /^HTTP\/1\.1 4\d\d .*\r\n[\s\S]*weft-error: (?:header-too-large|bad-request)/);
        assert.match(answer.slice(9, 12), refused);
      });
    }
  });
}

describe('a response that is too much is cut off, and its caller told', { concurrency: true }, () => {
  const HEAD = 'HTTP/1.1 200 OK\r\n';
  const BODY = `${HEAD}Transfer-Encoding: chunked\r\n\r\n`;
  const answers: readonly [what: string, head: string, piece: Buffer, bytes: number][] = [
    ['a field of 10 MiB', `${HEAD}X-Huge: `, filler, HUGE],
    ['100,000 fields', HEAD, Buffer.from('A: b\r\n'.repeat(100)), 600_000],
    ['a header without end', HEAD, lines, ENDLESS],
    ['a status line without end', 'HTTP/1.1 200 ', filler, ENDLESS],
    ['a chunk extension without end', `${BODY}5;x=`, filler, ENDLESS],
    [
      'chunks with extensions without end',
      BODY,
      Buffer.from(`1;${'x'.repeat(200)}\r\na\r\n`.repeat(100)),
      ENDLESS,
    ],
    ['trailers without end', `${BODY}0\r\n`, lines, ENDLESS],
    ['a trailer of 10 MiB', `${BODY}0\r\nX-T: `, filler, HUGE],
  ];
  for (const [what, head, piece, bytes] of answers) {
    test(what, async () => {
      let cutOff: Promise<Ending> | undefined;
      const excessive = await serve((socket) => {
        socket.once('data', () => {
          cutOff = pour(socket, head, piece, bytes);
          cutOff.catch(() => {});
        });
      });
      const own = await start(excessive);
      const socket = await connect(own.port);
      const ending = endingOf(socket, WITHIN_MS);
      socket.write(get('/', 'Connection: close\r\n'));
      const { text } = await witness.during(ending);
      await cutOff;
      if (head.startsWith(BODY)) assert.doesNotMatch(text, /\r\n0\r\n[\s\S]*\r\n\r\n$/, 'it looks complete');
      else assert.match(text, /^HTTP\/1\.1 502 [\s\S]*weft-error: upstream-protocol/);
    });
  }
});

test('headers up to the limit pass, and as many fields as there may be cost little', async () => {
  let seen = '';
  const whole = await serveHttp((head) => {
    seen = head;
    return ok('fine');
  });
  const own = await start(whole);
  const socket = await connect(own.port);
  const ask = async (more: string) => {
    socket.write(get('/', more));
    assert.match(await readUntil(socket, 'fine'), /^HTTP\/1\.1 200 /);
  };
  await ask(`X-Long: ${'x'.repeat(60_000)}\r\n`);
  assert.equal(/^X-Long: (x*)$/im.exec(seen)?.[1]?.length, 60_000);
  const many = Array.from({ length: 300 }, (_, index) => `X-${index}: y\r\n`).join('');
  for (let round = 0; round < 100; round += 1) await ask(many);
  assert.equal(seen.match(/^X-\d+: y/gm)?.length, 300);
  socket.destroy();
});

describe('memory stays bounded', () => {
  const CLIENTS = 20;
  const BOUND_BYTES = 48 * MEBI;

  async function peakWhile(side: SideProcess, work: () => Promise<unknown>): Promise<number> {
    const before = await side.settledBytes();
    await side.report();
    await work();
    return (await side.report()).peakBytes - before;
  }

  test(`when ${CLIENTS} clients send 10 MiB of header each`, async () => {
    const side = await SideProcess.start({ appPort: app.port, limits: LIMITS }, { collectable: true });
    toClose.push(() => side.stop());
    const send = async () => {
      const { text } = await pour(await connect(side.inboundPort), `${REQUEST}X-Huge: `, filler, HUGE);
      assert.match(text, /^HTTP\/1\.1 431 /);
    };
    const grownBytes = await peakWhile(side, () => Promise.all(Array.from({ length: CLIENTS }, send)));
    assert.ok(grownBytes < BOUND_BYTES, `${grownBytes} bytes more`);
  });

  test(`when an app answers ${CLIENTS} requests with 10 MiB of header each`, async () => {
    const huge = await serve((socket) => {
      socket.once(
        'data',
        () => void pour(socket, 'HTTP/1.1 200 OK\r\nX-Huge: ', filler, HUGE).catch(() => {}),
      );
    });
    const side = await SideProcess.start({ appPort: huge.port }, { collectable: true });
    toClose.push(huge.close, () => side.stop());
    const ask = async () => {
      const socket = await connect(side.inboundPort);
      const ending = endingOf(socket, WITHIN_MS);
      socket.write(get('/', 'Connection: close\r\n'));
      assert.match((await ending).text, /^HTTP\/1\.1 502 /);
    };
    const grownBytes = await peakWhile(side, () => Promise.all(Array.from({ length: CLIENTS }, ask)));
    assert.ok(grownBytes < BOUND_BYTES, `${grownBytes} bytes more`);
  });

  test('when trailers and chunk extensions are split into single bytes', async () => {
    const side = await SideProcess.start({ appPort: app.port, limits: LIMITS }, { collectable: true });
    toClose.push(() => side.stop());
    const send = async () => {
      const { text } = await pour(
        await connect(side.inboundPort),
        `${CHUNKED}0\r\nX-T: `,
        Buffer.from('x'),
        40_000,
      );
      assert.match(text, /^HTTP\/1\.1 4\d\d /);
    };
    const grownBytes = await peakWhile(side, () => Promise.all(Array.from({ length: 5 }, send)));
    assert.ok(grownBytes < BOUND_BYTES, `${grownBytes} bytes more`);
  });
});
