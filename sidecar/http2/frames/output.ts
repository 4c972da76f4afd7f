import type { Channel } from '../../transport/channel.ts';
import { dirty } from '../../transport/flush.ts';
import { BLOCK_BYTES, giveBlock, takeBlock } from '../../transport/write-buffers.ts';
import { FLAG, FRAME, FRAME_HEADER_BYTES } from './frame-types.ts';

const LENGTH_AND_TYPE_BYTES = 4;

/**
 * Frames on their way out: those of one turn of the event loop, of all streams, are put together where they leave
 * from, and leave in one write. Nothing is kept of a connection that has nothing to write.
 */
export class FrameOutput {
  readonly #channel: Channel;
  #block: Buffer | undefined;
  #at = 0;
  /** of the frame written last, if END_STREAM can still be put on it; -1: it cannot */
  #endableAt = -1;
  #endableStreamId = 0;

  constructor(channel: Channel) {
    this.#channel = channel;
  }

  /** Room for `bytes` after what `at` returns, in what this returns. */
  reserve(bytes: number): Buffer {
    const block = this.#block;
    if (block !== undefined && block.length - this.#at >= bytes) return block;
    if (block === undefined) dirty(this);
    else this.flush();
    this.#block = takeBlock(bytes > BLOCK_BYTES ? bytes : BLOCK_BYTES);
    return this.#block;
  }
  /** Where the next frame begins; after `reserve`. */
  get at(): number {
    return this.#at;
  }

  /** A frame with its payload was written up to `end`, all but its first nine bytes, which follow from this. */
  close(end: number, type: number, flags: number, streamId: number): void {
    writeFrameHeader(this.#block!, this.#at, end - this.#at - FRAME_HEADER_BYTES, type, flags, streamId);
    this.#endableAt = this.#at;
    this.#endableStreamId = streamId;
    this.#at = end;
  }

  /** `end - start` is within the frame size and windows of the peer. */
  data(streamId: number, bytes: Buffer, start: number, end: number, endsStream: boolean): void {
    const block = this.reserve(FRAME_HEADER_BYTES + end - start);
    const payloadAt = this.#at + FRAME_HEADER_BYTES;
    if (end > start) bytes.copy(block, payloadAt, start, end);
    this.close(payloadAt + end - start, FRAME.data, endsStream ? FLAG.endStream : 0, streamId);
  }

  /** Puts END_STREAM on the stream's last frame, if it is the last of all and has not left. */
  endLast(streamId: number): boolean {
    if (this.#endableAt === -1 || this.#endableStreamId !== streamId) return false;
    this.#block![this.#endableAt + LENGTH_AND_TYPE_BYTES]! |= FLAG.endStream;
    this.#endableAt = -1;
    return true;
  }

  windowUpdate(streamId: number, increment: number): void {
    this.#word(FRAME.windowUpdate, streamId, increment);
  }
  reset(streamId: number, code: number): void {
    this.#word(FRAME.rstStream, streamId, code);
  }
  settingsAck(): void {
    this.reserve(FRAME_HEADER_BYTES);
    this.#closePlain(this.#at + FRAME_HEADER_BYTES, FRAME.settings, FLAG.ack, 0);
  }
  settings(settings: readonly (readonly [setting: number, value: number])[]): void {
    const block = this.reserve(FRAME_HEADER_BYTES + settings.length * 6);
    let end = this.#at + FRAME_HEADER_BYTES;
    for (const [setting, value] of settings)
      end = block.writeUInt32BE(value, block.writeUInt16BE(setting, end));
    this.#closePlain(end, FRAME.settings, 0, 0);
  }
  /** Eight bytes from `start` on. */
  ping(bytes: Buffer, start: number, isAck: boolean): void {
    const block = this.reserve(FRAME_HEADER_BYTES + 8);
    const payloadAt = this.#at + FRAME_HEADER_BYTES;
    bytes.copy(block, payloadAt, start, start + 8);
    this.#closePlain(payloadAt + 8, FRAME.ping, isAck ? FLAG.ack : 0, 0);
  }
  goaway(lastStreamId: number, code: number): void {
    const block = this.reserve(FRAME_HEADER_BYTES + 8);
    const end = block.writeUInt32BE(code, block.writeUInt32BE(lastStreamId, this.#at + FRAME_HEADER_BYTES));
    this.#closePlain(end, FRAME.goaway, 0, 0);
  }
  /** What stands before the frames of a client. */
  raw(bytes: Buffer): void {
    const block = this.reserve(bytes.length);
    this.#at += bytes.copy(block, this.#at);
    this.#endableAt = -1;
  }

  #word(type: number, streamId: number, value: number): void {
    const block = this.reserve(FRAME_HEADER_BYTES + 4);
    const end = writeWord(block, this.#at + FRAME_HEADER_BYTES, value);
    this.#closePlain(end, type, 0, streamId);
  }
  #closePlain(end: number, type: number, flags: number, streamId: number): void {
    this.close(end, type, flags, streamId);
    this.#endableAt = -1;
  }

  /**
   * All of this turn leaves now. The channel has copied or written everything when its `flush` returns, so the block
   * is free again. It may call back before that (a TLS write that fails at once does), and so come here again: by then
   * nothing may be left to flush.
   */
  flush(): void {
    const block = this.#block;
    const bytes = this.#at;
    if (block === undefined) return;
    this.#block = undefined;
    this.#at = 0;
    this.#endableAt = -1;
    if (bytes > 0) {
      this.#channel.write(bytes === block.length ? block : block.subarray(0, bytes));
      this.#channel.flush();
    }
    giveBlock(block);
  }
}

export function writeFrameHeader(
  into: Buffer,
  at: number,
  length: number,
  type: number,
  flags: number,
  streamId: number,
): void {
  into[at] = length >>> 16;
  into[at + 1] = length >>> 8;
  into[at + 2] = length;
  into[at + 3] = type;
  into[at + 4] = flags;
  writeWord(into, at + 5, streamId);
}

function writeWord(into: Buffer, at: number, value: number): number {
  into[at] = value >>> 24;
  into[at + 1] = value >>> 16;
  into[at + 2] = value >>> 8;
  into[at + 3] = value;
  return at + 4;
}
