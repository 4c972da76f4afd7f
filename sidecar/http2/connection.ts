import type { HeldBudget } from '../held-budget.ts';
import type { Fields } from '../http1/fields.ts';
import type { Limits } from '../limits.ts';
import type { Channel, ChannelOwner } from '../transport/channel.ts';
import { lingeringClose } from '../transport/close.ts';
import type { Timers } from '../transport/timers.ts';
import { Dispatcher } from './dispatcher.ts';
import { ConnectionError, H2_ERROR } from './error-codes.ts';
import { FloodGuard, NUISANCE } from './flood-guard.ts';
import { FrameParser } from './frames/frame-parser.ts';
import { MAX_FRAME_BYTES, PREFACE } from './frames/frame-types.ts';
import { FrameOutput } from './frames/output.ts';
import { HeadWriter } from './head-writer.ts';
import { HpackDecoder } from './hpack/decoder.ts';
import { HpackEncoder, INITIAL_TABLE_BYTES } from './hpack/encoder.ts';
import type { HeaderField } from './hpack/header-field.ts';
import type { Http2Limits } from './limits.ts';
import { ReceiveWindow } from './receive-window.ts';
import { RecentIds } from './recent-ids.ts';
import { SendQueue } from './send-queue.ts';
import { INITIAL_WINDOW_BYTES, PeerSettings, SETTING } from './settings.ts';
import type { Stream } from './stream.ts';
import { Watch } from './watch.ts';

export interface ConnectionOptions {
  readonly limits: Limits;
  readonly http2: Http2Limits;
  readonly timers: Timers;
}

/** A block may be this much larger than the fields it may hold: what is only a little too large is refused by itself. */
const BLOCK_PER_LIST = 2;
/** So much that windows do not bound (heads, acknowledgements) waits for a peer that does not read: then it is not read from. */
const MAX_WAITING_BYTES = 256 * 1024;

/**
 * One HTTP/2 connection (RFC 9113), either end: what all its streams share.
 *
 * Bytes come from a `transport/channel.ts` and go through `frames/frame-parser.ts` to `dispatcher.ts`, which knows what
 * each frame does in each state; a `Stream` takes its part by its inbox and sends by its outbox. Everything that leaves
 * is put into `output`, and leaves with the turn of the event loop in one write. Heads are read by
 * `request-reader.ts` and `response-reader.ts` into http1's `RequestHead` and `ResponseHead`, whose fields are
 * `HeaderFields` here, and written by `head-writer.ts` from heads of either protocol.
 *
 * The seam to the data path is the one of http1: `ServerConnection` hands `Exchange`s to a handler; a `ClientStream`
 * is a `RequestCarrier`, by which http1/forward.ts sends one request, so layers, `Forward` and tcp/copy.ts work on any
 * combination of the two protocols. `pool.ts` makes connections, and another when none has room.
 *
 * What a peer can make us hold: a window of each stream and of the connection, a header block of twice
 * `maxHeaderBytes`, two tables of 4 KiB, what `MAX_WAITING_BYTES` allows of our answers. What it can make us do for
 * nothing is bounded by `flood-guard.ts`.
 */
export abstract class Connection implements ChannelOwner {
  readonly channel: Channel;
  readonly timers: Timers;
  readonly limits: Http2Limits;
  readonly sharedLimits: Limits;
  readonly peer = new PeerSettings();
  readonly output: FrameOutput;
  readonly heads: HeadWriter;
  readonly decoder: HpackDecoder;
  readonly encoder = new HpackEncoder(INITIAL_TABLE_BYTES);
  readonly flood: FloodGuard;
  readonly streams = new Map<number, Stream>();
  /** those that we reset: what is still on its way for them means nothing */
  readonly recentlyReset = new RecentIds();
  readonly watch: Watch;
  protected readonly parser: FrameParser;
  readonly #queue = new SendQueue();
  readonly #mayPump = () => !this.isClogged;
  sendWindowBytes = INITIAL_WINDOW_BYTES;
  readonly #receiveWindow: ReceiveWindow;
  #held = false;
  /** the peer has acknowledged our SETTINGS */
  areSettingsKnown = false;
  /** GOAWAY was sent with an error, or the channel is gone: nothing is read or written any more */
  isOver = false;
  /** why */
  failure = '';

  /** `lending`: for what streams hold that are not read; without it the others of the connection wait for them. */
  constructor(channel: Channel, { limits, http2, timers }: ConnectionOptions, lending?: HeldBudget) {
    this.channel = channel;
    this.timers = timers;
    this.limits = http2;
    this.sharedLimits = limits;
    this.output = new FrameOutput(channel);
    this.heads = new HeadWriter(this.output, this.encoder);
    this.decoder = new HpackDecoder(INITIAL_TABLE_BYTES, limits.maxHeaderBytes);
    this.flood = new FloodGuard(() => timers.nowMs());
    this.#receiveWindow = new ReceiveWindow(http2.connectionWindowBytes, this.output, lending);
    this.parser = new FrameParser(new Dispatcher(this), limits.maxHeaderBytes * BLOCK_PER_LIST);
    this.watch = new Watch(this);
  }

  /** Our first frames (RFC 9113 3.4). */
  protected introduce(
    settings: readonly (readonly [setting: number, value: number])[],
    isClient: boolean,
  ): void {
    if (isClient) this.output.raw(PREFACE);
    this.output.settings([
      ...settings,
      [SETTING.initialWindowSize, this.streamWindowBytes],
      [SETTING.maxHeaderListSize, this.sharedLimits.maxHeaderBytes],
    ]);
    const { moreBytes } = this.#receiveWindow;
    if (moreBytes > 0) this.output.windowUpdate(0, moreBytes);
    this.watch.start();
  }

  // === from the channel ===

  onData(bytes: Buffer): void {
    this.watch.heard();
    try {
      this.parser.push(bytes);
    } catch (error) {
      this.#failBy(error);
    }
    this.holdIfStuffed();
  }
  #failBy(error: unknown): void {
    if (!(error instanceof ConnectionError)) throw error;
    this.fail(error);
  }
  onEnd(): void {
    this.lose('the peer ended the connection');
    this.channel.destroySoon();
  }
  onDrain(): void {
    this.pump();
    if (this.#held && this.channel.bufferedBytes < MAX_WAITING_BYTES) this.#hearAgain();
  }
  onClose(): void {
    this.lose('the connection was closed');
  }

  /** A peer that asks and does not read the answers is not listened to until it does. */
  protected holdIfStuffed(): void {
    if (this.#held || this.channel.bufferedBytes < MAX_WAITING_BYTES || this.isOver) return;
    this.#held = true;
    this.parser.pause();
    this.channel.pause();
  }
  #hearAgain(): void {
    this.#held = false;
    try {
      this.parser.resume();
    } catch (error) {
      this.#failBy(error);
    }
    this.holdIfStuffed();
    if (!this.#held && !this.isOver) this.channel.resume();
  }

  // === sending ===

  /** The channel wants no more bodies for now. */
  get isClogged(): boolean {
    return this.channel.needsDrain;
  }
  get maxFrameBytes(): number {
    return MAX_FRAME_BYTES;
  }

  sendData(streamId: number, bytes: Buffer, start: number, end: number): void {
    if (this.isOver) return;
    this.sendWindowBytes -= end - start;
    this.flood.earn(NUISANCE.idle, 4);
    this.output.data(streamId, bytes, start, end, false);
  }
  sendEnd(streamId: number, trailers: Fields | undefined): void {
    if (this.isOver) return;
    if (trailers !== undefined) this.heads.trailers(streamId, trailers);
    else if (!this.output.endLast(streamId)) this.output.data(streamId, NOTHING, 0, 0, true);
  }
  resetStream(streamId: number, code: number): void {
    if (this.isOver) return;
    this.recentlyReset.add(streamId);
    this.output.reset(streamId, code);
  }
  queue(stream: Stream): void {
    this.#queue.add(stream);
  }
  pump(): void {
    if (!this.isOver && !this.#queue.isEmpty) this.#queue.pump(this.#mayPump);
  }

  // === receiving ===

  /** What a peer may send on a stream ahead of its taking. */
  abstract get streamWindowBytes(): number;
  /** False: the peer sent more than it may. */
  take(bytes: number): boolean {
    return this.#receiveWindow.take(bytes);
  }
  /** What came was taken by somebody, or is of no interest. */
  giveBack(bytes: number): void {
    this.#receiveWindow.giveBack(bytes);
  }

  // === streams ===

  /** Until the peer has acknowledged our SETTINGS it may take its window for the initial one (RFC 9113 6.9.2). */
  get #newWindowBytes(): number {
    const { streamWindowBytes } = this;
    return this.areSettingsKnown ? streamWindowBytes : Math.max(streamWindowBytes, INITIAL_WINDOW_BYTES);
  }

  protected addStream(stream: Stream, id: number): void {
    stream.id = id;
    stream.inbox.windowBytes = this.#newWindowBytes;
    stream.outbox.windowBytes = this.peer.initialWindowBytes;
    this.streams.set(id, stream);
    stream.touch();
    this.watch.busy();
  }
  forgetStream(stream: Stream): void {
    if (!this.streams.delete(stream.id)) return;
    this.#queue.remove(stream);
    if (stream.resetCode === -1) this.flood.earn(NUISANCE.reset, 1);
    this.onStreamOver(stream);
  }

  /** Whether a stream of this number was never begun (RFC 9113 5.1). */
  abstract isIdleStream(streamId: number): boolean;
  /** HEADERS of a stream that is idle. */
  abstract onNewStream(
    streamId: number,
    list: readonly HeaderField[],
    count: number,
    endsStream: boolean,
    isSelfDependent: boolean,
  ): void;
  abstract onStreamOver(stream: Stream): void;
  abstract onGoaway(lastStreamId: number, code: number): void;
  abstract onPeerSettings(): void;
  abstract onPingAnswer(bytes: Buffer, start: number): void;
  /** The connection broke, by the peer's fault. */
  abstract onBroken(error: ConnectionError): void;
  abstract onOver(): void;
  /** Without streams or bytes since the given time; returns when to look again, or 0 when it is over. */
  abstract onQuiet(quietMs: number): number;
  /** the highest stream of the peer's that we have looked at */
  abstract get lastPeerStreamId(): number;

  /** Of what must be over soon (first bytes, a header block) the number of the one that has begun; 0: none. */
  get headUnderWay(): number {
    return this.parser.blockUnderWay;
  }

  // === the end ===

  fail(error: ConnectionError): void {
    if (this.isOver) return;
    this.onBroken(error);
    this.output.goaway(this.lastPeerStreamId, error.code);
    this.shut(`${error.message} (${error.rule})`);
  }

  /** Sends what is written and ends the connection; streams that are left are lost. */
  shut(reason: string): void {
    if (this.isOver) return;
    this.lose(reason);
    lingeringClose(this.channel, { timers: this.timers, ...this.sharedLimits });
  }

  /** Without a word: the peer does not listen any more. */
  abandon(reason: string): void {
    this.lose(reason);
    this.channel.abort();
  }

  protected lose(reason: string): void {
    if (this.isOver) return;
    this.output.flush();
    this.isOver = true;
    this.#receiveWindow.close();
    this.failure = reason;
    this.parser.stop();
    this.watch.stop();
    const lost = [...this.streams.values()];
    this.streams.clear();
    for (const stream of lost) {
      stream.close(H2_ERROR.internal);
      stream.onLost();
    }
    this.onOver();
  }
}

const NOTHING = Buffer.alloc(0);
