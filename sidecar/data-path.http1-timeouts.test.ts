import assert from 'node:assert/strict';
import { afterEach, test } from 'node:test';
import { Caller } from './testing/caller.ts';
import { get, last, sleep } from './testing/harness.ts';
import { assertUnused } from './testing/usage.ts';
import { connect, ok, readUntil, serve, talk } from './testing/wire.ts';

afterEach(assertUnused);

test('a pipelined request has its idle time from when its turn has come', async () => {
  let turn = 0;
  const server = await serve((socket) => {
    socket.on('data', () => {
      turn += 1;
      // the first has a response without a body, the second takes a moment
      if (turn === 1) setTimeout(() => socket.write('HTTP/1.1 204 No Content\r\n\r\n'), 250);
      else setTimeout(() => socket.write(ok('second')), 60);
    });
  });
  const caller = await Caller.start([server], {
    traffic: {
      routes: [
        { name: 'slow', match: [{ path: { type: 'Exact', value: '/1' } }] },
        { name: 'quick', timeout: { idleMs: 200 } },
      ],
    },
  });
  assert.match(await talk(caller.port, get('/1') + last('/2')), /^HTTP\/1.1 204 [\s\S]*second$/);
});

test('a tunnel has the idle timeout of its route', async () => {
  const server = await serve((socket) => {
    socket.once('data', () => {
      socket.write('HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\n');
      socket.pipe(socket);
    });
  });
  const upgrade = get('/', 'Connection: Upgrade\r\nUpgrade: x\r\n');
  const short = await Caller.start([server], { traffic: { timeout: { idleMs: 100 } } });
  assert.match(await talk(short.port, upgrade), /^HTTP\/1.1 101 [\s\S]*\r\n\r\n$/);
  const none = await Caller.start([server], {
    traffic: { timeout: { idleMs: 0 } },
    limits: { idleTimeoutMs: 100 },
  });
  const socket = await connect(none.port);
  socket.write(upgrade);
  await readUntil(socket, '101');
  await sleep(300);
  socket.write('still');
  await readUntil(socket, 'still');
  socket.resetAndDestroy();
});
