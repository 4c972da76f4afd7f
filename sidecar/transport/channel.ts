import type { Socket } from 'node:net';
import { dirty, enter, leave } from './flush.ts';
import {
  handleOf,
  kLastWriteWasAsync,
  kReadBytesOrError,
  type ShutdownRequest,
  ShutdownWrap,
  type StreamHandle,
  state,
  UV_ENOTCONN,
  UV_EOF,
  type WriteRequest,
  WriteWrap,
} from './runtime.ts';
import { ownAddress, peerAddress, type SocketAddress } from './socket-address.ts';
import { BLOCK_BYTES, giveBlock, takeBlock } from './write-buffers.ts';

/** Who is told what happens on a channel. */
export interface ChannelOwner {
  /** `bytes` are valid during the call only: what is kept must be copied. */
  onData(bytes: Buffer): void;
  /** The peer has ended its side; ours may go on. */
  onEnd(): void;
  /** What was written has left: after `write` returned false, it may go on. */
  onDrain(): void;
  /** Once, never within a call of the owner's own, whoever closed it. */
  onClose(): void;
}

const READ = Buffer.allocUnsafeSlow(BLOCK_BYTES);
/** So much not taken by the peer, and `write` says stop. */
const HIGH_WATER_BYTES = 64 * 1024;
/** From here on a write leaves at once: coalescing has nothing to win. */
const WRITE_NOW_BYTES = 16 * 1024;

const NOBODY: ChannelOwner = { onData: () => {}, onEnd: () => {}, onDrain: () => {}, onClose: () => {} };

/**
 * One connection as a stream of bytes, plaintext or TLS, straight on the runtime's handle. It begins paused.
 * Small writes of one turn of the event loop leave in one system call and, on TLS, in one record.
 */
export class Channel {
  /** undefined after close, or when the connection was given away */
  #handle: StreamHandle | undefined;
  /** what owns the handle, when it is not this */
  #socket: Socket | undefined;
  /** under TLS: where a reset can be asked for */
  readonly #raw: Socket | undefined;
  readonly isTls: boolean;
  #owner: ChannelOwner = NOBODY;
  #reading = false;
  #held: Buffer | undefined;
  #heldEnd = false;
  #scheduled = false;
  /** the peer has ended and the owner knows */
  ended = false;
  #ending: 'no' | 'asked' | 'sent' | 'done' = 'no';
  #closeSoon = false;
  /** a write failed: nothing more is sent */
  #isBroken = false;
  destroyed = false;
  closed = false;
  #parts: (Buffer | string)[] = [];
  #partBytes = 0;
  #inFlight = 0;
  #needsDrain = false;
  #closeListeners: (() => void)[] | undefined;

  private constructor(handle: StreamHandle, socket: Socket | undefined, raw: Socket | undefined) {
    this.#handle = handle;
    this.#socket = socket;
    this.#raw = raw;
    this.isTls = raw !== undefined;
    handle.channel = this;
    handle.onread = onRead;
    handle.useUserBuffer(READ);
  }

  /** Of a handle that was accepted. */
  static accepted(handle: StreamHandle): Channel {
    handle.setNoDelay?.(true);
    return new Channel(handle, undefined, undefined);
  }

  /**
   * Takes over a connected socket; `raw` is the one under it if it is TLS. Events of the socket other than
   * `close` are not emitted any more. Undefined when it is closed already.
   */
  static over(socket: Socket, raw?: Socket): Channel | undefined {
    const handle = handleOf(socket);
    if (handle === undefined || socket.destroyed) return undefined;
    const channel = new Channel(handle, socket, raw);
    channel.#adopt(socket);
    socket.on('error', () => {});
    socket.once('close', () => channel.#onClosed());
    return channel;
  }

  /** What the stream has read before it was taken over. */
  #adopt(socket: Socket): void {
    for (let bytes = socket.read() as Buffer | null; bytes !== null; bytes = socket.read() as Buffer | null) {
      this.#hold(bytes);
    }
    if (socket.readableEnded) this.#heldEnd = true;
    this.#handle?.readStop();
  }

  get owner(): ChannelOwner {
    return this.#owner;
  }
  set owner(owner: ChannelOwner) {
    this.#owner = owner;
  }
  /** From now on nobody is told anything. */
  disown(): void {
    this.#owner = NOBODY;
  }

  get fd(): number {
    return this.#handle?.fd ?? -1;
  }
  get remoteAddress(): SocketAddress {
    return peerAddress(this.#handle);
  }
  get localAddress(): SocketAddress {
    return ownAddress(this.#handle);
  }
  get writable(): boolean {
    return !this.destroyed && this.#ending === 'no' && !this.#closeSoon && !this.#isBroken;
  }
  /** After a write that returned false, until `onDrain`. */
  get needsDrain(): boolean {
    return this.#needsDrain;
  }
  /** Accepted by `write` and not yet by the system. */
  get bufferedBytes(): number {
    return this.#partBytes + this.#inFlight;
  }

  onClosed(listener: () => void): void {
    if (this.closed) return void queueMicrotask(listener);
    this.#closeListeners ??= [];
    this.#closeListeners.push(listener);
  }

  // === reading ===

  resume(): void {
    if (this.#reading || this.destroyed) return;
    this.#reading = true;
    if (this.#held !== undefined || this.#heldEnd) return void this.#deliverSoon();
    if (!this.ended) this.#handle?.readStart();
  }

  pause(): void {
    if (!this.#reading) return;
    this.#reading = false;
    if (!this.ended) this.#handle?.readStop();
  }

  /** Called by the handle: a count of bytes in the read buffer, or an error. */
  received(count: number): void {
    if (count > 0) {
      const bytes = READ.subarray(0, count);
      if (this.#reading && this.#held === undefined) this.#owner.onData(bytes);
      // TLS gives out all it has decrypted, paused or not
      else this.#hold(bytes);
    } else if (count === UV_EOF && !this.#isBroken) {
      if (this.#reading && this.#held === undefined) this.#end();
      else this.#heldEnd = true;
    } else if (count < 0) this.destroy();
  }

  #hold(bytes: Buffer): void {
    this.#held = this.#held === undefined ? Buffer.from(bytes) : Buffer.concat([this.#held, bytes]);
  }

  #deliverSoon(): void {
    if (this.#scheduled) return;
    this.#scheduled = true;
    setImmediate(() => this.#deliver());
  }

  #deliver(): void {
    this.#scheduled = false;
    if (this.destroyed || !this.#reading) return;
    enter();
    try {
      const bytes = this.#held;
      this.#held = undefined;
      if (bytes !== undefined) this.#owner.onData(bytes);
      if (!this.#reading || this.destroyed) return;
      if (this.#heldEnd) this.#end();
      else this.#handle?.readStart();
    } finally {
      leave();
    }
  }

  #end(): void {
    this.#heldEnd = false;
    this.ended = true;
    this.#handle?.readStop();
    this.#owner.onEnd();
    this.#closeIfOver();
  }

  // === writing ===

  /** `data`: bytes, or text as latin1. False: wait for `onDrain`. Bytes may be reused after this turn. */
  write(data: Buffer | string): boolean {
    if (!this.writable || data.length === 0) return true;
    const isBusy = this.#inFlight > 0;
    this.#parts.push(isBusy && typeof data !== 'string' ? Buffer.from(data) : data);
    this.#partBytes += data.length;
    if (!isBusy) {
      if (this.#partBytes >= WRITE_NOW_BYTES) this.flush();
      else if (this.#parts.length === 1) dirty(this);
    }
    if (this.bufferedBytes >= HIGH_WATER_BYTES) this.#needsDrain = true;
    return !this.#needsDrain;
  }

  /** What was written in this turn leaves now. */
  flush(): void {
    const handle = this.#handle;
    if (this.#inFlight > 0 || this.#partBytes === 0 || handle === undefined || this.destroyed) return;
    const parts = this.#parts;
    const bytes = this.#partBytes;
    this.#parts = [];
    this.#partBytes = 0;
    const request = spare ?? new WriteWrap();
    spare = undefined;
    request.handle = handle;
    request.channel = this;
    request.oncomplete = onWritten;
    this.#inFlight = bytes;
    const status = writeParts(handle, request, parts, bytes, this.isTls);
    // completed within the call already: TLS does that when it fails at once
    if (request.channel === undefined) return;
    if (status === 0 && state[kLastWriteWasAsync] !== 0) return;
    this.#inFlight = 0;
    releaseBlock(request);
    spare = request;
    if (status !== 0) this.#break();
  }

  /**
   * The peer takes nothing any more; what it said before, which may be why, is read first. What ends it is no end that
   * the peer has told: the error is given to the write, and a read of a connection that was reset then finds its end.
   */
  #break(): void {
    if (this.isTls || !this.#reading || this.ended) return void this.destroy();
    this.#isBroken = true;
    this.#parts = [];
    this.#partBytes = 0;
    // between the two the loop polls, and the handle reads
    setImmediate(() => setImmediate(() => this.destroy()));
  }

  /** Called by the request of a write that took its time. */
  written(status: number): void {
    this.#inFlight = 0;
    if (this.destroyed) return;
    if (status < 0) return void this.#break();
    this.flush();
    if (this.#needsDrain && this.bufferedBytes < HIGH_WATER_BYTES) {
      this.#needsDrain = false;
      this.#owner.onDrain();
    }
    this.#endIfAsked();
  }

  /** Ends our side when all is written; the peer's may go on. */
  end(): void {
    if (!this.writable) return;
    this.#ending = 'asked';
    this.flush();
    this.#endIfAsked();
  }

  #endIfAsked(): void {
    if (this.bufferedBytes > 0 || this.destroyed) return;
    if (this.#closeSoon) return void this.destroy();
    if (this.#ending !== 'asked') return;
    this.#ending = 'sent';
    const request = new ShutdownWrap();
    request.handle = this.#handle;
    request.channel = this;
    request.oncomplete = onShutdown;
    const status = this.#handle?.shutdown(request);
    if (status === 1 || status === UV_ENOTCONN) this.shutDown();
    else if (status !== 0) this.destroy();
  }

  shutDown(): void {
    this.#ending = 'done';
    this.#closeIfOver();
  }

  #closeIfOver(): void {
    if (this.ended && this.#ending === 'done') this.destroy();
  }

  // === closing ===

  /** Closes when all is written. */
  destroySoon(): void {
    if (this.destroyed) return;
    this.#closeSoon = true;
    this.flush();
    this.#endIfAsked();
  }

  destroy(): void {
    if (this.destroyed) return;
    this.#forget();
    if (this.#socket !== undefined) return void this.#socket.destroy();
    this.#handle?.close(() => this.#onClosed());
  }

  /**
   * Ends with RST, so that the peer can tell it was cut: after a FIN a truncated body that ends with its
   * connection looks complete, on TLS too, since a missing close_notify is reported as an end.
   */
  abort(): void {
    if (this.destroyed) return;
    // our end is on its way, so all before it was whole; and a reset meanwhile would leave the handle open for good
    if (this.#ending === 'sent') return void this.destroy();
    const owned = this.#raw ?? this.#socket;
    const handle = this.#handle;
    this.#forget();
    if (owned !== undefined) {
      if (!owned.destroyed) owned.resetAndDestroy();
      return void this.#socket?.destroy();
    }
    const onClosed = () => this.#onClosed();
    // refused while a half-close is under way
    if (handle?.reset?.(onClosed) !== 0) handle?.close(onClosed);
  }

  #forget(): void {
    this.destroyed = true;
    this.#reading = false;
    this.#held = undefined;
    this.#parts = [];
    this.#partBytes = 0;
  }

  #onClosed(): void {
    if (this.closed) return;
    this.destroyed = this.closed = true;
    this.#handle = undefined;
    enter();
    try {
      this.#owner.onClose();
      for (const listener of this.#closeListeners ?? []) listener();
    } finally {
      leave();
    }
  }

  /** Gives the connection to a socket, made by `wrap`, that owns it from now on; close is still reported here. */
  detach(wrap: (handle: StreamHandle) => Socket): Socket | undefined {
    if (this.#handle === undefined || this.destroyed) return undefined;
    const socket = wrap(this.#handle);
    this.#handle = undefined;
    this.#socket = socket;
    this.#reading = false;
    this.disown();
    socket.once('close', () => this.#onClosed());
    return socket;
  }
}

/** A request whose write took no time is used again. */
let spare: WriteRequest | undefined;

/** The read buffer is used again at the next read: what may be written later than now is copied first. */
function writeParts(
  handle: StreamHandle,
  request: WriteRequest,
  parts: readonly (Buffer | string)[],
  bytes: number,
  isTls: boolean,
): number {
  // copied by the runtime before it returns
  if (bytes <= WRITE_NOW_BYTES) return handle.writeLatin1String(request, joinText(parts));
  const single = parts.length === 1 ? parts[0]! : undefined;
  if (typeof single === 'string') return handle.writeLatin1String(request, single);
  // encrypted before it returns
  if (isTls && single !== undefined) return handle.writeBuffer(request, single);
  const block = takeBlock(bytes);
  request.buffer = block;
  return handle.writeBuffer(request, joinBytes(parts, block, bytes));
}

function releaseBlock(request: WriteRequest): void {
  if (request.buffer !== undefined) giveBlock(request.buffer);
  request.buffer = undefined;
}

function joinText(parts: readonly (Buffer | string)[]): string {
  let text = '';
  for (const part of parts) text += typeof part === 'string' ? part : part.toString('latin1');
  return text;
}

function joinBytes(parts: readonly (Buffer | string)[], whole: Buffer, bytes: number): Buffer {
  let at = 0;
  for (const part of parts)
    at += typeof part === 'string' ? whole.write(part, at, 'latin1') : part.copy(whole, at);
  return whole.length === bytes ? whole : whole.subarray(0, bytes);
}

function onRead(this: StreamHandle): void {
  enter();
  try {
    (this.channel as Channel).received(state[kReadBytesOrError]!);
  } finally {
    leave();
  }
}

function onWritten(this: WriteRequest, status: number): void {
  const channel = this.channel as Channel;
  this.channel = undefined;
  releaseBlock(this);
  enter();
  try {
    channel.written(status);
  } finally {
    leave();
  }
}

function onShutdown(this: ShutdownRequest, status: number): void {
  const channel = this.channel as Channel;
  if (status < 0) channel.destroy();
  else channel.shutDown();
}
