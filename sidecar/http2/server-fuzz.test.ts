import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { Exchange } from '../http1/exchange.ts';
import { DEFAULT_LIMITS } from '../limits.ts';
import { FakeTimers } from '../testing/fake-timers.ts';
import type { Channel, ChannelOwner } from '../transport/channel.ts';
import { enter, leave } from '../transport/flush.ts';
import { FLAG, FRAME, PREFACE } from './frames/frame-types.ts';
import { type Frame, frame, framesIn, word } from './frames/frames.fixture.ts';
import { HpackEncoder } from './hpack/encoder.ts';
import { encodePairs, type Pair } from './hpack/hpack.fixture.ts';
import { DEFAULT_HTTP2_LIMITS } from './limits.ts';
import { response } from './server.fixture.ts';
import { ServerConnection } from './server-connection.ts';

/** Takes what is written, and says it is full now and then. */
class FakeChannel {
  owner: ChannelOwner = { onData: () => {}, onEnd: () => {}, onDrain: () => {}, onClose: () => {} };
  readonly written: Buffer[] = [];
  needsDrain = false;
  ended = false;
  destroyed = false;
  bufferedBytes = 0;
  write(data: Buffer): boolean {
    this.written.push(Buffer.from(data));
    return !this.needsDrain;
  }
  flush(): void {}
  resume(): void {}
  pause(): void {}
  end(): void {
    this.ended = true;
  }
  destroySoon(): void {
    this.destroyed = true;
  }
  destroy(): void {
    this.destroyed = true;
  }
  abort(): void {
    this.destroyed = true;
  }
}

type Step =
  | { readonly kind: 'bytes'; readonly bytes: Buffer }
  | { readonly kind: 'head'; readonly id: number; readonly pairs: readonly Pair[]; readonly flags: number }
  /** on the stream that was begun as the `which`-th; none: nothing */
  | { readonly kind: 'frame'; readonly which: number; readonly bytes: Buffer }
  | { readonly kind: 'new'; readonly flags: number }
  | { readonly kind: 'app'; readonly what: number; readonly which: number }
  | { readonly kind: 'full' | 'drain' | 'time' };

const ID = fc.constantFrom(0, 1, 2, 3, 5, 7, 9, 11);
const FLAGS = fc.constantFrom(
  0,
  FLAG.endStream,
  FLAG.endHeaders,
  FLAG.endStream | FLAG.endHeaders,
  FLAG.padded,
  0xff,
);
const BODY = fc.uint8Array({ maxLength: 40 }).map((bytes) => Buffer.from(bytes));
const PAIR = fc.constantFrom<Pair>(
  [':method', 'GET'],
  [':method', 'CONNECT'],
  [':scheme', 'http'],
  [':authority', 'a:1'],
  [':path', '/'],
  [':protocol', 'websocket'],
  ['content-length', '3'],
  ['cookie', 'a=b'],
  ['te', 'trailers'],
  ['host', 'b'],
  ['connection', 'close'],
);
const GET: readonly Pair[] = [
  [':method', 'GET'],
  [':scheme', 'http'],
  [':path', '/'],
];
const onStream = (all: fc.Arbitrary<Buffer>) =>
  fc.tuple(WHICH, all).map(([which, one]): Step => ({ kind: 'frame', which, bytes: one }));
const bytes = (all: fc.Arbitrary<Buffer>) => all.map((one): Step => ({ kind: 'bytes', bytes: one }));
const WHICH = fc.nat(5);
const ENDS = fc.constantFrom(FLAG.endHeaders, FLAG.endHeaders | FLAG.endStream);
/** Mostly what a client may do, now and then what none may. */
const STEP: fc.Arbitrary<Step> = fc.oneof(
  { weight: 24, arbitrary: fc.record({ kind: fc.constant('new' as const), flags: ENDS }) },
  {
    weight: 60,
    arbitrary: fc.record({ kind: fc.constant('app' as const), what: fc.nat(6), which: fc.nat(5) }),
  },
  {
    weight: 12,
    arbitrary: onStream(
      fc
        .tuple(BODY, fc.constantFrom(0, 0, FLAG.endStream))
        .map(([body, flags]) => frame(FRAME.data, flags, 0, body)),
    ),
  },
  {
    weight: 9,
    arbitrary: onStream(
      fc.integer({ min: 1, max: 90_000 }).map((count) => frame(FRAME.windowUpdate, 0, 0, word(count))),
    ),
  },
  {
    weight: 9,
    arbitrary: bytes(
      fc.integer({ min: 1, max: 90_000 }).map((count) => frame(FRAME.windowUpdate, 0, 0, word(count))),
    ),
  },
  {
    weight: 6,
    arbitrary: onStream(fc.nat(13).map((code) => frame(FRAME.rstStream, 0, 0, word(code)))),
  },
  {
    weight: 6,
    arbitrary: bytes(
      fc
        .nat(70_000)
        .map((size) => frame(FRAME.settings, 0, 0, Buffer.concat([Buffer.from([0, 4]), word(size)]))),
    ),
  },
  { weight: 12, arbitrary: fc.constantFrom<Step>({ kind: 'full' }, { kind: 'drain' }, { kind: 'time' }) },
  {
    weight: 3,
    arbitrary: fc.record({
      kind: fc.constant('head' as const),
      id: ID,
      pairs: fc.array(PAIR, { maxLength: 6 }),
      flags: FLAGS,
    }),
  },
  {
    weight: 1,
    arbitrary: bytes(
      fc.tuple(fc.nat(10), FLAGS, ID, BODY).map(([type, flags, id, body]) => frame(type, flags, id, body)),
    ),
  },
);
class Run {
  readonly channel = new FakeChannel();
  readonly timers = new FakeTimers();
  readonly exchanges: Exchange[] = [];
  readonly finished = new Set<Exchange>();
  readonly connection: ServerConnection;
  readonly #encoder = new HpackEncoder(4096);
  #nextId = 1;

  constructor() {
    this.connection = new ServerConnection(this.channel as unknown as Channel, {
      limits: DEFAULT_LIMITS,
      http2: { ...DEFAULT_HTTP2_LIMITS, maxConcurrentStreams: 3 },
      timers: this.timers,
      isDraining: () => false,
      onRefused: () => {},
      handler: (exchange) => {
        this.exchanges.push(exchange);
        exchange.onFinish({ onExchangeFinished: () => void this.finished.add(exchange) });
      },
    });
    this.connection.start(
      Buffer.concat([PREFACE, frame(FRAME.settings, 0, 0), frame(FRAME.settings, FLAG.ack, 0)]),
    );
  }

  step(step: Step): void {
    enter();
    try {
      if (step.kind === 'bytes') this.channel.owner.onData(step.bytes);
      else if (step.kind === 'head')
        this.#head(step.id, step.pairs, step.flags & ~(FLAG.padded | FLAG.priority));
      else if (step.kind === 'frame') this.#onStream(step.which, step.bytes);
      else if (step.kind === 'new') {
        this.#head(this.#nextId, GET, step.flags);
        this.#nextId += 2;
      } else if (step.kind === 'app') this.#app(step.what, step.which);
      else if (step.kind === 'full') this.channel.needsDrain = true;
      else if (step.kind === 'time') this.timers.advance(1_500);
      else {
        this.channel.needsDrain = false;
        this.channel.owner.onDrain();
      }
    } finally {
      leave();
    }
  }

  #head(id: number, pairs: readonly Pair[], flags: number): void {
    this.channel.owner.onData(frame(FRAME.headers, flags, id, encodePairs(this.#encoder, pairs)));
  }

  #onStream(which: number, bytes: Buffer): void {
    const id = which * 2 + 1;
    if (id >= this.#nextId) return;
    const own = Buffer.from(bytes);
    own.writeUInt32BE(id, 5);
    this.channel.owner.onData(own);
  }

  #app(what: number, which: number): void {
    const exchange = this.exchanges[which];
    if (exchange === undefined) return;
    if (what === 0) exchange.answer('denied');
    else if (what === 1 && !exchange.responseStarted) exchange.respond(response(200));
    else if (what === 2 && exchange.responseStarted && !exchange.responseEnded)
      exchange.respondBody(Buffer.alloc(50_000));
    else if (what === 3 && exchange.responseStarted && !exchange.responseEnded)
      exchange.respondEnd(undefined);
    else if (what === 4) exchange.abort();
    else if (what === 5) exchange.resumeRequest();
    else exchange.pauseRequest();
  }

  get frames(): Frame[] {
    return framesIn(Buffer.concat(this.channel.written));
  }
}

test('whatever a client and an app do, the rest of the protocol is kept', () => {
  fc.assert(
    fc.property(fc.array(STEP, { maxLength: 60, size: 'max' }), (steps) => {
      const run = new Run();
      for (const step of steps) run.step(step);
      assert.ok(run.connection.streams.size <= 3);
      const ended = new Set<number>();
      for (const { type, flags, streamId, payload } of run.frames) {
        assert.ok(payload.length <= 16_384);
        const carriesContent = type === FRAME.data || type === FRAME.headers;
        if (carriesContent) assert.ok(!ended.has(streamId), `content on stream ${streamId} after its end`);
        if (type === FRAME.rstStream || (carriesContent && (flags & FLAG.endStream) !== 0))
          ended.add(streamId);
      }
      run.step({ kind: 'drain' });
      run.channel.owner.onClose();
      for (const exchange of run.exchanges) assert.ok(run.finished.has(exchange), 'an exchange is left');
      assert.equal(run.connection.streams.size, 0);
    }),
    { numRuns: 3_000 },
  );
});
