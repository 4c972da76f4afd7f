import assert from 'node:assert/strict';
import type { Socket } from 'node:net';
import { test } from 'node:test';
import { Caller } from '../../sidecar/testing/caller.ts';
import { get, last } from '../../sidecar/testing/harness.ts';
import { serveRequests } from '../../sidecar/testing/http-server.ts';
import {
  connect,
  ok,
  readUntil,
  serve,
  serveHttp,
  type TestServer,
  talk,
} from '../../sidecar/testing/wire.ts';
import { eventually } from './client.fixture.ts';

/** Copies under way at most; more are not made. */
const MOST_COPIES = 256;
const HEAD = 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n';

async function mirroredTo(mirror: TestServer): Promise<Caller> {
  const routes = [{ name: 'route', mirror: { backend: 0, percent: 100 } }];
  const own = await serveRequests(({ answer }) => answer(200, 'done'));
  return Caller.start([own], {
    traffic: { routes },
    backends: [{ name: 'shop/shadow:80', servers: [mirror] }],
  });
}
const results = (caller: Caller, result: string) =>
  caller.metric('weft_mirrored_total', `result="${result}"`);
const isGone = ({ destroyed, readableEnded }: Socket) => destroyed || readableEnded;

/** As fast as the other side takes it, for as long as it does. */
function flood(socket: Socket, begin: string, piece: string): void {
  socket.write(begin);
  const chunk = Buffer.from(piece.repeat(100), 'latin1');
  const more = () => {
    while (!socket.destroyed && socket.write(chunk));
  };
  socket.on('drain', more);
  more();
}

/** So many requests on one connection, each of which has its answer before the next is sent. */
async function ask(caller: Caller, count: number): Promise<void> {
  const socket = await connect(caller.port);
  for (let request = 0; request < count; request += 1) {
    socket.write(get(`/${request}`));
    assert.match(await readUntil(socket, 'done'), /^HTTP\/1\.1 200 /);
  }
  socket.destroy();
}

test('a mirror that answers byte by byte holds nobody up, and its answer is read to its end', async () => {
  const answer = ok('slow');
  let said = 0;
  const slow = await serveHttp((_head, socket) => {
    const timer = setInterval(() => {
      socket.write(answer[said]!);
      said += 1;
      if (said === answer.length) clearInterval(timer);
    }, 5);
    return undefined;
  });
  const caller = await mirroredTo(slow);
  assert.match(await talk(caller.port, last()), /^HTTP\/1\.1 200 [\s\S]*done$/);
  assert.ok(said < answer.length, 'the request waited for its copy');
  await eventually('the copy is answered', () => results(caller, 'answered') === 1);
});

for (const [what, begin, piece, result] of [
  ['an answer', HEAD, '5\r\nhello\r\n', 'answered'],
  ['interim responses', '', 'HTTP/1.1 103 Early Hints\r\n\r\n', 'failed'],
] as const) {
  test(`a mirror that sends ${what} without end is cut off, and its request is not`, async () => {
    const endless = await serveHttp((_head, socket) => void flood(socket, begin, piece));
    const caller = await mirroredTo(endless);
    for (let request = 1; request <= 3; request += 1) {
      assert.match(await talk(caller.port, last()), /^HTTP\/1\.1 200 [\s\S]*done$/);
      await eventually('the copy is over', () => results(caller, result) === request);
    }
    await eventually('the mirror is let go', () => endless.accepted.every(isGone));
    assert.equal(caller.metric('weft_errors_total'), 0);
  });
}

test('copies that hang are so many and no more, and when they are over copies are made again', async () => {
  let isSilent = true;
  const hanging = await serve((socket) => {
    socket.on('data', () => void (isSilent || socket.write(ok(''))));
  });
  const caller = await mirroredTo(hanging);
  await ask(caller, MOST_COPIES + 50);
  assert.equal(results(caller, 'dropped'), 50);
  await eventually('the copies have come', () => hanging.accepted.length === MOST_COPIES);
  isSilent = false;
  for (const socket of hanging.accepted) socket.destroy();
  await eventually('the copies are over', () => results(caller, 'failed') === MOST_COPIES);
  // an endpoint that failed so often is left alone for a while, unless it is the only one
  await ask(caller, 5);
  await eventually('the next ones are answered', () => results(caller, 'answered') === 5);
  assert.equal(caller.metric('weft_errors_total'), 0);
});
