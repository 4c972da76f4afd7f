import assert from 'node:assert/strict';
import type { Socket } from 'node:net';
import { describe, test } from 'node:test';
import { start } from '../../sidecar/testing/harness.ts';
import { connect, serveHttp, talk } from '../../sidecar/testing/wire.ts';
import { endingOf, eventually } from './client.fixture.ts';
import { readAnswer } from './told.fixture.ts';

const LAST = 'GET /bad HTTP/1.1\r\nHost: api\r\nConnection: close\r\n\r\n';
const OK = 'HTTP/1.1 200 OK\r\n';
const IDLE_MS = 400;
const WITHIN_MS = 5_000;

/** What an app that cannot count says, and what its caller may take of it. */
const LIES: readonly (readonly [what: string, response: string, takes: 'body' | 'error' | 'cut'])[] = [
  ['more bytes than its length', `${OK}Content-Length: 5\r\n\r\nhello, and more`, 'body'],
  ['a whole second response', `${OK}Content-Length: 5\r\n\r\nhello${OK}Content-Length: 0\r\n\r\n`, 'body'],
  ['a body though its status has none', 'HTTP/1.1 204 No Content\r\n\r\nhello', 'body'],
  [
    'bytes after its last chunk',
    `${OK}Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\nmore`,
    'body',
  ],
  ['fewer bytes than its length, and then nothing', `${OK}Content-Length: 9\r\n\r\nhello`, 'cut'],
  ['half a chunk, and then nothing', `${OK}Transfer-Encoding: chunked\r\n\r\n9\r\nhello`, 'cut'],
  [
    'a chunk that is longer than it says',
    `${OK}Transfer-Encoding: chunked\r\n\r\n3\r\nhello\r\n0\r\n\r\n`,
    'cut',
  ],
  ['two lengths', `${OK}Content-Length: 5\r\nContent-Length: 6\r\n\r\nhello!`, 'error'],
  ['a negative length', `${OK}Content-Length: -5\r\n\r\nhello`, 'error'],
  ['a length and chunks', `${OK}Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n`, 'error'],
];

describe('an app that says', { concurrency: true }, () => {
  for (const [what, response, takes] of LIES) {
    test(`${what} gives ${takes === 'body' ? 'the response that was promised' : takes === 'cut' ? 'a response that is visibly cut, or an error' : 'an error'}, and harms nobody after it`, async () => {
      const app = await serveHttp((head) =>
        head.includes('/bad') ? response : `${OK}Content-Length: 4\r\n\r\nfine`,
      );
      const pair = await start(app, { limits: { idleTimeoutMs: IDLE_MS } });
      const socket = await connect(pair.port);
      const ending = endingOf(socket, WITHIN_MS);
      socket.write(LAST);
      const told = readAnswer(await ending);
      const said = JSON.stringify(told);
      if (takes === 'error') {
        assert.deepEqual([told.status, told.error, told.isComplete], [502, 'upstream-protocol', true], said);
      } else if (takes === 'cut' && told.status === 502) {
        // the head was still held back when the rest of it turned out to be wrong
        assert.ok(told.isComplete && told.error?.startsWith('upstream-'), said);
      } else {
        assert.equal(told.isComplete, takes === 'body', said);
        assert.ok(told.status === 200 || told.status === 204, said);
        if (takes === 'body') assert.equal(told.body, told.status === 204 ? '' : 'hello', said);
      }
      // whatever was left over is the answer to nothing
      const next = LAST.replace('/bad', '/next');
      assert.match(await talk(pair.port, next), /^HTTP\/1\.1 200 [\s\S]*fine$/);
    });
  }
});

/** As fast as the other side takes it, for as long as it does. */
function flood(socket: Socket, piece: string): void {
  const chunk = Buffer.from(piece.repeat(50), 'latin1');
  const more = () => {
    while (!socket.destroyed && socket.write(chunk));
  };
  socket.on('drain', more);
  more();
}

test('an app that sends interim responses without end, as fast as it can, is given up by the time of the request', async () => {
  const app = await serveHttp((_head, socket) => {
    flood(socket, 'HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n');
    return undefined;
  });
  const pair = await start(app, {
    destination: { protocol: 'HTTP', traffic: { timeout: { requestMs: 300 } } },
  });
  const socket = await connect(pair.port);
  const ending = endingOf(socket, WITHIN_MS);
  socket.write(LAST);
  const told = readAnswer(await ending);
  assert.ok(told.status === 504 ? told.error === 'timeout' : !told.isComplete, JSON.stringify(told));
  await eventually('the app is let go', () => app.accepted.every(({ destroyed }) => destroyed));
});

test('an app that sends a body without end ends with the client that goes away', async () => {
  const app = await serveHttp((_head, socket) => {
    socket.write(`${OK}Transfer-Encoding: chunked\r\n\r\n`);
    flood(socket, '5\r\nhello\r\n');
    return undefined;
  });
  const pair = await start(app);
  const socket = await connect(pair.port);
  let bytes = 0;
  socket.on('data', (data: Buffer) => {
    bytes += data.length;
  });
  socket.write(LAST);
  await eventually('much has come', () => bytes > 1_000_000);
  socket.resetAndDestroy();
  await eventually('the app is let go', () => app.accepted.every(({ destroyed }) => destroyed));
  await eventually('nothing is left', () => pair.api.path.connections().open === 0);
});
