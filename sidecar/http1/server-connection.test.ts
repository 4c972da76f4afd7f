import assert from 'node:assert/strict';
import { test } from 'node:test';
import { DEFAULT_LIMITS } from '../limits.ts';
import type { Channel, ChannelOwner } from '../transport/channel.ts';
import { TimerWheel } from '../transport/timers.ts';
import type { HttpHandler } from './exchange.ts';
import { ResponseHead } from './response-head.ts';
import { ServerConnection } from './server-connection.ts';

const REQUEST = 'GET / HTTP/1.1\r\nHost: a\r\n\r\n';

/** A channel whose other end takes what is written only when it is told to. */
class StalledChannel {
  owner: ChannelOwner | undefined;
  reading = false;
  taking = false;
  writtenBytes = 0;
  needsDrain = false;
  readonly ended = false;
  readonly destroyed = false;

  write(data: Buffer | string): boolean {
    if (this.taking) return true;
    this.writtenBytes += data.length;
    this.needsDrain = this.writtenBytes >= 64 * 1024;
    return !this.needsDrain;
  }
  resume(): void {
    this.reading = true;
  }
  pause(): void {
    this.reading = false;
  }
  takeAll(): void {
    this.taking = true;
    this.needsDrain = false;
    this.owner?.onDrain();
  }
}
const EMPTY = Buffer.alloc(0);

function serve(handler: HttpHandler): StalledChannel {
  const channel = new StalledChannel();
  const connection = new ServerConnection(channel as unknown as Channel, {
    limits: DEFAULT_LIMITS,
    timers: new TimerWheel(),
    isDraining: () => false,
    handler,
    onRefused: () => {},
  });
  connection.start(EMPTY);
  return channel;
}

test('pipelined requests wait while the client does not read, and are answered once it does', () => {
  let asked = 0;
  const channel = serve((exchange) => {
    asked += 1;
    exchange.answer('denied');
  });
  const count = 5_000;
  channel.owner?.onData(Buffer.from(REQUEST.repeat(count)));
  assert.ok(asked > 0 && asked < count, `${asked} were handled`);
  assert.ok(channel.writtenBytes < 256 * 1024, `${channel.writtenBytes} bytes are held`);
  assert.equal(channel.reading, false);
  channel.takeAll();
  assert.equal(asked, count);
  assert.equal(channel.reading, true);
});

test('an interim response says whether the client keeps up', () => {
  const kept: boolean[] = [];
  const channel = serve((exchange) => {
    const { head } = exchange;
    const hint = new ResponseHead(103, 'Early Hints', head.fields, head.framing, {});
    for (let count = 0; count < 5_000; count += 1) {
      kept.push(exchange.interim(hint));
    }
  });
  channel.owner?.onData(Buffer.from(REQUEST));
  assert.deepEqual([kept[0], kept.at(-1)], [true, false]);
});
