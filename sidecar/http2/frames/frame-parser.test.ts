import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { ConnectionError, H2_ERROR } from '../error-codes.ts';
import { FrameParser } from './frame-parser.ts';
import type { FrameSink } from './frame-sink.ts';
import { FLAG, FRAME } from './frame-types.ts';
import { frame, word } from './frames.fixture.ts';

const MAX_BLOCK = 1_000;
const SETTINGS = frame(FRAME.settings, 0, 0);
const BAR = Buffer.from('|');

/** What a parser says, pieces of DATA of one frame joined. */
class Heard implements FrameSink {
  readonly calls: string[] = [];
  #data = '';
  #flow = 0;
  #parts = 0;

  data(
    streamId: number,
    bytes: Buffer,
    start: number,
    end: number,
    flowBytes: number,
    endsStream: boolean,
  ): void {
    this.#data += bytes.toString('hex', start, end);
    this.#flow += flowBytes;
    this.#parts += 1;
    const text = `data ${streamId} ${this.#data} flow ${this.#flow}${endsStream ? ' end' : ''}`;
    if (this.#parts > 1) this.calls.pop();
    this.calls.push(text);
  }
  #other(text: string): void {
    this.#data = '';
    this.#flow = this.#parts = 0;
    this.calls.push(text);
  }
  headers(
    id: number,
    bytes: Buffer,
    start: number,
    end: number,
    endsStream: boolean,
    dependsOn: number,
  ): void {
    this.#other(`headers ${id} ${bytes.toString('hex', start, end)} ${dependsOn}${endsStream ? ' end' : ''}`);
  }
  priority(streamId: number, dependsOn: number): void {
    this.#other(`priority ${streamId} ${dependsOn}`);
  }
  reset(streamId: number, code: number): void {
    this.#other(`reset ${streamId} ${code}`);
  }
  settings(bytes: Buffer, start: number, end: number): void {
    this.#other(`settings ${bytes.toString('hex', start, end)}`);
  }
  settingsAck(): void {
    this.#other('settings ack');
  }
  ping(bytes: Buffer, start: number, isAck: boolean): void {
    this.#other(`ping ${bytes.toString('hex', start, start + 8)}${isAck ? ' ack' : ''}`);
  }
  goaway(lastStreamId: number, code: number): void {
    this.#other(`goaway ${lastStreamId} ${code}`);
  }
  windowUpdate(streamId: number, increment: number): void {
    this.#other(`window ${streamId} ${increment}`);
  }
  unknown(): void {
    this.#other('unknown');
  }
  streamError(streamId: number, code: number): void {
    this.#other(`stream error ${streamId} ${code}`);
  }
}

function heard(...pieces: Buffer[]): string[] {
  const sink = new Heard();
  const parser = new FrameParser(sink, MAX_BLOCK);
  parser.push(SETTINGS);
  for (const piece of pieces) {
    // what was given is not ours any more
    const own = Buffer.from(piece);
    parser.push(own);
    own.fill(0xee);
  }
  return sink.calls.slice(1);
}

const PAYLOAD = fc.uint8Array({ maxLength: 60 }).map((bytes) => Buffer.from(bytes));
const ID = fc.integer({ min: 1, max: 0x7fff_ffff });
const UINT32 = fc.integer({ min: 0, max: 0xffff_ffff }).map(word);
const padded = (type: number, flags: number, id: number, payload: Buffer, padding: number) =>
  frame(
    type,
    flags | FLAG.padded,
    id,
    Buffer.concat([Buffer.from([padding]), payload, Buffer.alloc(padding)]),
  );
const BLOCK = fc
  .tuple(ID, fc.array(PAYLOAD, { minLength: 1, maxLength: 4 }), fc.boolean())
  .map(([id, parts, ends]) =>
    Buffer.concat(
      parts.map((part, index) =>
        frame(
          index === 0 ? FRAME.headers : FRAME.continuation,
          (index === 0 && ends ? FLAG.endStream : 0) | (index === parts.length - 1 ? FLAG.endHeaders : 0),
          id,
          part,
        ),
      ),
    ),
  );
const ANY_FRAME = fc.oneof(
  fc
    .tuple(ID, PAYLOAD, fc.constantFrom(0, FLAG.endStream))
    .map(([id, body, flag]) => frame(FRAME.data, flag, id, body)),
  fc.tuple(ID, PAYLOAD, fc.nat(40)).map(([id, body, padding]) => padded(FRAME.data, 0, id, body, padding)),
  fc
    .tuple(ID, PAYLOAD, fc.nat(40))
    .map(([id, body, pad]) => padded(FRAME.headers, FLAG.endHeaders, id, body, pad)),
  BLOCK,
  fc.tuple(ID, UINT32).map(([id, value]) => frame(FRAME.rstStream, 0, id, value)),
  fc.tuple(ID, UINT32).map(([id, value]) => frame(FRAME.windowUpdate, 0, id, value)),
  fc.tuple(UINT32, UINT32).map((words) => frame(FRAME.ping, 0, 0, Buffer.concat(words))),
  fc.tuple(UINT32, UINT32, PAYLOAD).map((parts) => frame(FRAME.goaway, 0, 0, Buffer.concat(parts))),
  fc.constant(frame(FRAME.settings, FLAG.ack, 0)),
  fc
    .tuple(ID, UINT32)
    .map(([id, value]) => frame(FRAME.priority, 0, id, Buffer.concat([value, Buffer.from([1])]))),
  fc.tuple(fc.integer({ min: 10, max: 255 }), PAYLOAD).map(([type, body]) => frame(type, 0, 3, body)),
);

test('any split of the same bytes says the same', () => {
  fc.assert(
    fc.property(
      fc.array(ANY_FRAME, { maxLength: 8 }),
      fc.array(fc.nat(40), { maxLength: 40 }),
      (frames, cuts) => {
        const whole = Buffer.concat(frames);
        const pieces: Buffer[] = [];
        let at = 0;
        for (const cut of cuts) {
          pieces.push(whole.subarray(at, at + cut));
          at += cut;
        }
        pieces.push(whole.subarray(at));
        // frames of DATA are told apart by what stands between them
        const apart = Buffer.concat(frames.flatMap((bytes) => [bytes, frame(FRAME.settings, FLAG.ack, 0)]));
        assert.deepEqual(heard(...pieces), heard(whole));
        assert.deepEqual(
          heard(...Array.from(apart, (_, index) => apart.subarray(index, index + 1))),
          heard(apart),
        );
      },
    ),
    { numRuns: 200 },
  );
});

test('padding counts for flow control and is not part of the body', () => {
  assert.deepEqual(heard(padded(FRAME.data, FLAG.endStream, 1, BAR, 5)), ['data 1 7c flow 7 end']);
  assert.deepEqual(heard(padded(FRAME.data, FLAG.endStream, 1, Buffer.alloc(0), 0)), ['data 1  flow 1 end']);
});

test('a header block in several frames is one, with the priority and the end of its first', () => {
  const first = Buffer.concat([word(7), Buffer.from([3]), Buffer.from('82', 'hex')]);
  assert.deepEqual(
    heard(
      frame(FRAME.headers, FLAG.endStream | FLAG.priority, 5, first),
      frame(FRAME.continuation, 0, 5, ''),
      frame(FRAME.continuation, FLAG.endHeaders, 5, '86'),
    ),
    ['headers 5 8286 7 end'],
  );
});

test('PRIORITY of a wrong size breaks its stream only', () => {
  assert.deepEqual(heard(frame(FRAME.priority, 0, 3, '00')), [`stream error 3 ${H2_ERROR.frameSize}`]);
});

const { protocol, frameSize, enhanceYourCalm } = H2_ERROR;
const LONG = Buffer.alloc(600);
const BROKEN: Record<string, readonly [code: number, ...frames: Buffer[]]> = {
  'a frame larger than allowed': [frameSize, frame(FRAME.data, 0, 1, Buffer.alloc(16_385))],
  'DATA on stream 0': [protocol, frame(FRAME.data, 0, 0, '00')],
  'DATA with padding larger than itself': [protocol, frame(FRAME.data, FLAG.padded, 1, '02 00')],
  'padded DATA without its pad length': [frameSize, frame(FRAME.data, FLAG.padded, 1)],
  'HEADERS on stream 0': [protocol, frame(FRAME.headers, FLAG.endHeaders, 0, '82')],
  'HEADERS with padding larger than itself': [
    protocol,
    frame(FRAME.headers, FLAG.padded | FLAG.endHeaders, 1, '02 82'),
  ],
  'padded HEADERS without a pad length': [frameSize, frame(FRAME.headers, FLAG.padded | FLAG.endHeaders, 1)],
  'HEADERS shorter than their priority': [frameSize, frame(FRAME.headers, FLAG.priority, 1, '00 00')],
  'CONTINUATION without HEADERS': [protocol, frame(FRAME.continuation, FLAG.endHeaders, 1, '82')],
  'CONTINUATION of another stream': [
    protocol,
    frame(FRAME.headers, 0, 1, '82'),
    frame(FRAME.continuation, FLAG.endHeaders, 3, '86'),
  ],
  'another frame within a header block': [
    protocol,
    frame(FRAME.headers, 0, 1, '82'),
    frame(FRAME.data, 0, 1, '00'),
  ],
  'an unknown frame within a header block': [
    protocol,
    frame(FRAME.headers, 0, 1, '82'),
    frame(0x16, 0, 0, '00'),
  ],
  'a header block beyond the bound': [
    enhanceYourCalm,
    frame(FRAME.headers, 0, 1, LONG),
    frame(FRAME.continuation, 0, 1, LONG),
  ],
  'CONTINUATION without end': [
    enhanceYourCalm,
    frame(FRAME.headers, 0, 1, '82'),
    ...Array.from({ length: 100 }, () => frame(FRAME.continuation, 0, 1)),
  ],
  'RST_STREAM on stream 0': [protocol, frame(FRAME.rstStream, 0, 0, word(0))],
  'RST_STREAM of a wrong size': [frameSize, frame(FRAME.rstStream, 0, 1, '00')],
  'WINDOW_UPDATE of a wrong size': [frameSize, frame(FRAME.windowUpdate, 0, 1, '00')],
  'SETTINGS on a stream': [protocol, frame(FRAME.settings, 0, 1)],
  'SETTINGS of a wrong size': [frameSize, frame(FRAME.settings, 0, 0, '00')],
  'an acknowledgement with settings': [frameSize, frame(FRAME.settings, FLAG.ack, 0, '000300000001')],
  'PING on a stream': [protocol, frame(FRAME.ping, 0, 1, '0000000000000000')],
  'PING of a wrong size': [frameSize, frame(FRAME.ping, 0, 0, '00')],
  'GOAWAY on a stream': [protocol, frame(FRAME.goaway, 0, 1, '0000000000000000')],
  'GOAWAY that is too short': [frameSize, frame(FRAME.goaway, 0, 0, '00000000')],
  'PRIORITY on stream 0': [protocol, frame(FRAME.priority, 0, 0, '0000000000')],
  PUSH_PROMISE: [protocol, frame(FRAME.pushPromise, FLAG.endHeaders, 1, '00000002')],
};
for (const [what, [code, ...frames]] of Object.entries(BROKEN)) {
  test(`${what} breaks the connection`, () => {
    const isIt = (error: unknown) => error instanceof ConnectionError && error.code === code;
    assert.throws(() => heard(...frames), isIt);
    const whole = Buffer.concat(frames);
    assert.throws(() => heard(...Array.from(whole, (_, index) => whole.subarray(index, index + 1))), isIt);
  });
}

test('the first frame is SETTINGS, and no acknowledgement', () => {
  for (const first of [frame(FRAME.ping, 0, 0, '0000000000000000'), frame(FRAME.settings, FLAG.ack, 0)]) {
    const parser = new FrameParser(new Heard(), MAX_BLOCK);
    assert.throws(() => parser.push(first), ConnectionError);
  }
});

test('a parser that was stopped reads nothing more, not even what it has', () => {
  const sink = new Heard();
  const parser = new FrameParser(sink, MAX_BLOCK);
  sink.settingsAck = () => parser.stop();
  parser.push(
    Buffer.concat([SETTINGS, frame(FRAME.settings, FLAG.ack, 0), frame(FRAME.rstStream, 0, 1, word(0))]),
  );
  assert.deepEqual(sink.calls, ['settings ']);
});

test('any bytes are read or refused, never anything else', () => {
  fc.assert(
    fc.property(fc.array(fc.uint8Array({ maxLength: 64 }), { maxLength: 6 }), (pieces) => {
      try {
        heard(...pieces.map((piece) => Buffer.from(piece)));
      } catch (error) {
        assert.ok(error instanceof ConnectionError);
      }
    }),
    { numRuns: 1_000 },
  );
});
