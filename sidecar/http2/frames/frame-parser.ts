import { Accumulator } from '../../transport/accumulator.ts';
import { broken, H2_ERROR } from '../error-codes.ts';
import { refuse, tooShort } from './frame-error.ts';
import type { FrameSink } from './frame-sink.ts';
import { FLAG, FRAME, FRAME_HEADER_BYTES, MAX_FRAME_BYTES, readUint31, readUint32 } from './frame-types.ts';
import { HeaderBlock } from './header-block.ts';

const EMPTY = Buffer.alloc(0);

/**
 * Incremental parser of frames (RFC 9113 sections 4 and 6): any split of the same bytes gives the same calls, pieces
 * of DATA joined. What is whole in the bytes given is read where it lies; of DATA nothing is ever copied. Throws
 * ConnectionError, after which it must not be used.
 */
export class FrameParser {
  readonly #sink: FrameSink;
  readonly #block: HeaderBlock;
  /** of a header or payload that is not all here yet */
  readonly #partial = new Accumulator();
  #hasHeader = false;
  #length = 0;
  #type = 0;
  #flags = 0;
  #streamId = 0;
  /** of the DATA frame under way */
  #dataLeft = 0;
  #paddingLeft = 0;
  #needsPadLength = false;
  #isFirst = true;
  /** header blocks so far */
  #blocks = 0;
  #stopped = false;
  #paused = false;
  /** not looked at yet, because of a pause */
  #rest: Buffer = EMPTY;

  constructor(sink: FrameSink, maxBlockBytes: number) {
    this.#sink = sink;
    this.#block = new HeaderBlock(maxBlockBytes);
  }

  set maxBlockBytes(maxBlockBytes: number) {
    this.#block.maxBytes = maxBlockBytes;
  }

  /** The number of the header block that has begun and not ended; 0: none. */
  get blockUnderWay(): number {
    const isUnderWay = this.#block.streamId !== 0 || (this.#hasHeader && this.#type === FRAME.headers);
    return isUnderWay ? this.#blocks : 0;
  }

  /** Nothing more is read, not even of the bytes given already. */
  stop(): void {
    this.#stopped = true;
  }

  /** What follows is kept until `resume`: the owner does not read meanwhile. */
  pause(): void {
    this.#paused = true;
  }
  resume(): void {
    this.#paused = false;
    const rest = this.#rest;
    this.#rest = EMPTY;
    if (rest.length > 0) this.push(rest);
  }

  /** `bytes` may be reused by the caller afterwards. */
  push(bytes: Buffer): void {
    const at = this.#paused ? 0 : this.#read(bytes);
    if (at < bytes.length && !this.#stopped) this.#rest = Buffer.concat([this.#rest, bytes.subarray(at)]);
  }

  /** Returns how far it came. */
  #read(bytes: Buffer): number {
    let at = 0;
    while (at < bytes.length && !this.#stopped && !this.#paused) {
      if (!this.#hasHeader) at = this.#readHeader(bytes, at);
      else if (this.#type === FRAME.data) at = this.#readData(bytes, at);
      else at = this.#readPayload(bytes, at);
    }
    return at;
  }

  #readHeader(bytes: Buffer, at: number): number {
    const held = this.#partial.length;
    if (held === 0 && bytes.length - at >= FRAME_HEADER_BYTES) {
      this.#beginFrame(bytes, at);
      return at + FRAME_HEADER_BYTES;
    }
    const end = Math.min(bytes.length, at + FRAME_HEADER_BYTES - held);
    const header = this.#partial.append(bytes.subarray(at, end));
    if (header.length === FRAME_HEADER_BYTES) {
      this.#partial.clear();
      this.#beginFrame(header, 0);
    }
    return end;
  }

  #beginFrame(bytes: Buffer, at: number): void {
    const length = (bytes[at]! << 16) | (bytes[at + 1]! << 8) | bytes[at + 2]!;
    const type = bytes[at + 3]!;
    const streamId = readUint31(bytes, at + 5);
    this.#length = length;
    this.#type = type;
    this.#flags = bytes[at + 4]!;
    this.#streamId = streamId;
    if (length > MAX_FRAME_BYTES) broken(H2_ERROR.frameSize, 'RFC 9113 4.2', 'frame larger than allowed');
    if (this.#isFirst) this.#needSettings();
    const continued = this.#block.streamId;
    if (continued !== 0 && (type !== FRAME.continuation || streamId !== continued)) {
      refuse('RFC 9113 6.10', 'a header block is interrupted');
    }
    this.#hasHeader = true;
    if (type === FRAME.headers) this.#blocks += 1;
    if (type === FRAME.data) this.#beginData();
    else if (length === 0) this.#frame(EMPTY, 0);
  }

  /** All of a payload, where it lies or put together. */
  #readPayload(bytes: Buffer, at: number): number {
    const held = this.#partial.length;
    const end = at + this.#length - held;
    if (end > bytes.length) {
      this.#partial.append(bytes.subarray(at));
      return bytes.length;
    }
    if (held === 0) {
      this.#frame(bytes, at);
      return end;
    }
    const payload = this.#partial.append(bytes.subarray(at, end));
    this.#partial.clear();
    this.#frame(payload, 0);
    return end;
  }

  #frame(bytes: Buffer, start: number): void {
    this.#hasHeader = false;
    const end = start + this.#length;
    switch (this.#type) {
      case FRAME.headers:
        return void this.#headers(bytes, start, end);
      case FRAME.continuation:
        return void this.#continuation(bytes, start, end);
      case FRAME.rstStream:
        return void this.#reset(bytes, start);
      case FRAME.windowUpdate:
        return void this.#windowUpdate(bytes, start);
      case FRAME.settings:
        return void this.#settings(bytes, start, end);
      case FRAME.ping:
        return void this.#ping(bytes, start);
      case FRAME.goaway:
        return void this.#goaway(bytes, start);
      case FRAME.priority:
        return void this.#priority(bytes, start);
      case FRAME.pushPromise:
        return void refuse('RFC 9113 8.4', 'PUSH_PROMISE, which was turned off or comes from a client');
      default:
        return void this.#sink.unknown();
    }
  }

  // === DATA ===

  #beginData(): void {
    this.#needStream();
    this.#needsPadLength = (this.#flags & FLAG.padded) !== 0;
    if (this.#needsPadLength && this.#length === 0) tooShort();
    this.#dataLeft = this.#length;
    this.#paddingLeft = 0;
    if (this.#length === 0) this.#giveData(EMPTY, 0, 0, 0);
  }

  #readData(bytes: Buffer, at: number): number {
    if (this.#needsPadLength) {
      this.#readPadLength(bytes[at]!);
      this.#giveData(EMPTY, 0, 0, 1);
      return at + 1;
    }
    if (this.#dataLeft > 0) {
      const end = Math.min(bytes.length, at + this.#dataLeft);
      this.#dataLeft -= end - at;
      this.#giveData(bytes, at, end, end - at);
      return end;
    }
    const end = Math.min(bytes.length, at + this.#paddingLeft);
    this.#paddingLeft -= end - at;
    this.#giveData(EMPTY, 0, 0, end - at);
    return end;
  }

  #readPadLength(padding: number): void {
    this.#needsPadLength = false;
    if (padding >= this.#length) refuse('RFC 9113 6.1', 'padding larger than the frame');
    this.#dataLeft = this.#length - 1 - padding;
    this.#paddingLeft = padding;
  }

  #giveData(bytes: Buffer, start: number, end: number, flowBytes: number): void {
    const isLast = this.#dataLeft === 0 && this.#paddingLeft === 0 && !this.#needsPadLength;
    if (isLast) this.#hasHeader = false;
    const endsStream = isLast && (this.#flags & FLAG.endStream) !== 0;
    this.#sink.data(this.#streamId, bytes, start, end, flowBytes, endsStream);
  }

  // === header blocks ===

  #headers(bytes: Buffer, from: number, to: number): void {
    this.#needStream();
    let start = from;
    let end = to;
    if ((this.#flags & FLAG.padded) !== 0) {
      if (start === end) tooShort();
      end -= bytes[start]!;
      start += 1;
    }
    let dependsOn = -1;
    if ((this.#flags & FLAG.priority) !== 0) {
      if (start + 5 > to) tooShort();
      dependsOn = readUint31(bytes, start);
      start += 5;
    }
    if (start > end) refuse('RFC 9113 6.2', 'padding larger than the frame');
    const endsStream = (this.#flags & FLAG.endStream) !== 0;
    if ((this.#flags & FLAG.endHeaders) !== 0) {
      return void this.#sink.headers(this.#streamId, bytes, start, end, endsStream, dependsOn);
    }
    this.#block.begin(this.#streamId, endsStream, dependsOn);
    this.#block.append(bytes, start, end);
  }

  #continuation(bytes: Buffer, start: number, end: number): void {
    const block = this.#block;
    if (block.streamId === 0) refuse('RFC 9113 6.10', 'CONTINUATION without HEADERS');
    block.append(bytes, start, end);
    if ((this.#flags & FLAG.endHeaders) === 0) return;
    const whole = block.take();
    this.#sink.headers(this.#streamId, whole, 0, whole.length, block.endsStream, block.dependsOn);
  }

  // === frames of a fixed shape ===

  #reset(bytes: Buffer, start: number): void {
    this.#needStream();
    if (this.#length !== 4) tooShort();
    this.#sink.reset(this.#streamId, readUint32(bytes, start));
  }

  #windowUpdate(bytes: Buffer, start: number): void {
    if (this.#length !== 4) tooShort();
    this.#sink.windowUpdate(this.#streamId, readUint31(bytes, start));
  }

  #settings(bytes: Buffer, start: number, end: number): void {
    this.#needConnection();
    if ((this.#flags & FLAG.ack) !== 0) {
      if (this.#length !== 0) tooShort();
      return void this.#sink.settingsAck();
    }
    if (this.#length % 6 !== 0) tooShort();
    this.#sink.settings(bytes, start, end);
  }

  #ping(bytes: Buffer, start: number): void {
    this.#needConnection();
    if (this.#length !== 8) tooShort();
    this.#sink.ping(bytes, start, (this.#flags & FLAG.ack) !== 0);
  }

  #goaway(bytes: Buffer, start: number): void {
    this.#needConnection();
    if (this.#length < 8) tooShort();
    this.#sink.goaway(readUint31(bytes, start), readUint32(bytes, start + 4));
  }

  #priority(bytes: Buffer, start: number): void {
    this.#needStream();
    if (this.#length !== 5) {
      return void this.#sink.streamError(this.#streamId, H2_ERROR.frameSize, 'PRIORITY of a wrong size');
    }
    this.#sink.priority(this.#streamId, readUint31(bytes, start));
  }

  /** RFC 9113 3.4: what each side begins with. */
  #needSettings(): void {
    this.#isFirst = false;
    if (this.#type !== FRAME.settings || (this.#flags & FLAG.ack) !== 0) {
      refuse('RFC 9113 3.4', 'the first frame is not SETTINGS');
    }
  }
  #needStream(): void {
    if (this.#streamId === 0) refuse('RFC 9113 5.1.1', 'a frame of streams on stream 0');
  }
  #needConnection(): void {
    if (this.#streamId !== 0) refuse('RFC 9113 5.1.1', 'a frame of the connection on a stream');
  }
}
