import assert from 'node:assert/strict';
import type { Socket } from 'node:net';
import { Duplex } from 'node:stream';
import { test } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import { DEFAULT_LIMITS } from '../limits.ts';
import { TimerWheel } from '../transport/timers.ts';
import type { HttpHandler } from './exchange.ts';
import { ServerConnection } from './server-connection.ts';

const REQUEST = 'GET / HTTP/1.1\r\nHost: a\r\n\r\n';

/** A socket whose other end takes what is written only when it is told to. */
class StalledSocket extends Duplex {
  #taken: (() => void) | undefined;
  reading = false;

  override _read(): void {}
  override _write(_chunk: Buffer, _encoding: string, done: () => void): void {
    if (this.reading) done();
    else this.#taken = done;
  }
  override _writev(_chunks: unknown, done: () => void): void {
    this._write(EMPTY, '', done);
  }
  takeAll(): void {
    this.reading = true;
    this.#taken?.();
  }
}
const EMPTY = Buffer.alloc(0);

function serve(handler: HttpHandler): StalledSocket {
  const socket = new StalledSocket();
  const connection = new ServerConnection(socket as unknown as Socket, {
    limits: DEFAULT_LIMITS,
    timers: new TimerWheel(),
    isDraining: () => false,
    handler,
    onRefused: () => {},
  });
  connection.start(EMPTY);
  return socket;
}

test('pipelined requests wait while the client does not read, and are answered once it does', async () => {
  let asked = 0;
  const socket = serve((exchange) => {
    asked += 1;
    exchange.answer('denied');
  });
  const count = 5_000;
  socket.push(Buffer.from(REQUEST.repeat(count)));
  for (let round = 0; round < 50; round += 1) await turn();
  assert.ok(asked > 0 && asked < count, `${asked} were handled`);
  assert.ok(socket.writableLength < 256 * 1024, `${socket.writableLength} bytes are held`);
  socket.takeAll();
  for (let round = 0; round < 20_000 && asked < count; round += 1) await turn();
  assert.equal(asked, count);
  socket.destroy();
});

test('an interim response says whether the client keeps up', async () => {
  const kept: boolean[] = [];
  const socket = serve((exchange) => {
    const { head } = exchange;
    const hint = { status: 103, reason: 'Early Hints', fields: head.fields, framing: head.framing };
    const response = { ...hint, describedLength: undefined, keepAlive: true };
    for (let count = 0; count < 5_000; count += 1) {
      kept.push(exchange.interim({ ...response, keepAliveSeconds: undefined, upgrade: undefined }));
    }
  });
  socket.push(Buffer.from(REQUEST));
  await turn();
  assert.deepEqual([kept[0], kept.at(-1)], [true, false]);
  socket.destroy();
});
