import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Channel } from '../../transport/channel.ts';
import { enter, leave } from '../../transport/flush.ts';
import { FLAG, FRAME, FRAME_HEADER_BYTES } from './frame-types.ts';
import { framesIn } from './frames.fixture.ts';
import { FrameOutput } from './output.ts';

/** Keeps a copy of what is written, as the real one does when its `flush` returns. */
class Sink {
  readonly writes: Buffer[] = [];
  #pending: Buffer[] = [];
  onWrite = () => {};

  write(data: Buffer): boolean {
    this.#pending.push(data);
    return true;
  }
  flush(): void {
    this.onWrite();
    this.writes.push(...this.#pending.map((data) => Buffer.from(data)));
    this.#pending = [];
  }
}
function create(): { readonly sink: Sink; readonly output: FrameOutput } {
  const sink = new Sink();
  return { sink, output: new FrameOutput(sink as unknown as Channel) };
}
const BODY = Buffer.from('body');

test('frames of one turn leave in one write', () => {
  const { sink, output } = create();
  enter();
  output.settings([[3, 100]]);
  output.settingsAck();
  output.windowUpdate(0, 70_000);
  output.reset(3, 8);
  output.ping(Buffer.from('12345678'), 0, true);
  output.goaway(7, 1);
  output.data(1, BODY, 1, 3, true);
  assert.equal(sink.writes.length, 0);
  leave();
  assert.equal(sink.writes.length, 1);
  assert.deepEqual(
    framesIn(sink.writes[0]!).map(({ type, flags, streamId, payload }) => [
      type,
      flags,
      streamId,
      payload.toString('hex'),
    ]),
    [
      [FRAME.settings, 0, 0, '000300000064'],
      [FRAME.settings, FLAG.ack, 0, ''],
      [FRAME.windowUpdate, 0, 0, '00011170'],
      [FRAME.rstStream, 0, 3, '00000008'],
      [FRAME.ping, FLAG.ack, 0, Buffer.from('12345678').toString('hex')],
      [FRAME.goaway, 0, 0, '0000000700000001'],
      [FRAME.data, FLAG.endStream, 1, Buffer.from('od').toString('hex')],
    ],
  );
});

test('the end of a stream goes onto its last frame while that is the last of all', () => {
  const { sink, output } = create();
  enter();
  output.data(1, BODY, 0, 4, false);
  assert.equal(output.endLast(3), false);
  assert.equal(output.endLast(1), true);
  assert.equal(output.endLast(1), false);
  output.data(5, BODY, 0, 4, false);
  output.windowUpdate(5, 1);
  assert.equal(output.endLast(5), false);
  output.data(7, BODY, 0, 4, false);
  output.flush();
  assert.equal(output.endLast(7), false);
  leave();
  assert.deepEqual(
    framesIn(Buffer.concat(sink.writes)).map(({ streamId, flags }) => [streamId, flags]),
    [
      [1, FLAG.endStream],
      [5, 0],
      [5, 0],
      [7, 0],
    ],
  );
});

test('more than a block leaves in several writes, nothing lost', () => {
  const { sink, output } = create();
  const large = Buffer.alloc(16_384, 'z');
  enter();
  for (let count = 0; count < 20; count += 1) output.data(1, large, 0, large.length, false);
  const room = output.reserve(200_000);
  assert.ok(room.length - output.at >= 200_000);
  output.close(output.at + FRAME_HEADER_BYTES, FRAME.data, FLAG.endStream, 1);
  leave();
  const frames = framesIn(Buffer.concat(sink.writes));
  assert.equal(frames.length, 21);
  assert.ok(sink.writes.length > 1);
});

test('a write that calls back before it is over neither repeats its frames nor shares their memory', () => {
  const { sink, output } = create();
  const other = create();
  sink.onWrite = () => {
    sink.onWrite = () => {};
    // as a TLS write does that fails at once
    enter();
    output.flush();
    leave();
  };
  enter();
  output.data(1, BODY, 0, 4, false);
  leave();
  const third = create();
  enter();
  other.output.data(3, Buffer.from('three'), 0, 5, false);
  third.output.data(5, Buffer.from('fives'), 0, 5, false);
  leave();
  const ids = (from: Sink) => framesIn(Buffer.concat(from.writes)).map(({ streamId }) => streamId);
  assert.deepEqual([ids(sink), ids(other.sink), ids(third.sink)], [[1], [3], [5]]);
});
