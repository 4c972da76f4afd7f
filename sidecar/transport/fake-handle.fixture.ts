import { Channel, type ChannelOwner } from './channel.ts';
import {
  kLastWriteWasAsync,
  kReadBytesOrError,
  type ShutdownRequest,
  type StreamHandle,
  state,
  UV_EOF,
  type WriteRequest,
} from './runtime.ts';

interface Pending {
  readonly request: WriteRequest;
  readonly data: string | Uint8Array;
}

/** A stream handle without a stream: it says when writes end, and shows what was read and written. */
export class FakeHandle implements StreamHandle {
  readonly fd = 3;
  bytesRead = 0;
  bytesWritten = 0;
  /** as it was asked for, in seconds */
  keepAlive: number | undefined;
  channel?: unknown;
  onread: (this: StreamHandle) => void = () => {};
  /** writes take their time: they end with `complete` */
  isSlow = false;
  /** status of further writes */
  status = 0;
  /** the status with which writes end before they return, as TLS ends them that fails at once */
  completesWith: number | undefined;
  isReading = false;
  /** what left, one entry a write; of slow ones as the memory is when they end */
  readonly written: string[] = [];
  readonly shutdowns: ShutdownRequest[] = [];
  closes = 0;
  resets = 0;
  #buffer: Uint8Array = new Uint8Array(0);
  #pending: Pending | undefined;

  get isWriting(): boolean {
    return this.#pending !== undefined;
  }
  get text(): string {
    return this.written.join('');
  }

  setKeepAlive(on: boolean, afterSeconds: number): number {
    this.keepAlive = on ? afterSeconds : undefined;
    return 0;
  }
  useUserBuffer(buffer: Uint8Array): void {
    this.#buffer = buffer;
  }
  readStart(): number {
    this.isReading = true;
    return 0;
  }
  readStop(): number {
    this.isReading = false;
    return 0;
  }
  writeLatin1String(request: WriteRequest, text: string): number {
    return this.#write(request, text);
  }
  writeBuffer(request: WriteRequest, bytes: Uint8Array): number {
    return this.#write(request, bytes);
  }
  #write(request: WriteRequest, data: string | Uint8Array): number {
    if (this.#pending !== undefined) throw new Error('a write while another is under way');
    state[kLastWriteWasAsync] = this.isSlow ? 1 : 0;
    if (this.status !== 0) return this.status;
    if (this.completesWith !== undefined) {
      state[kLastWriteWasAsync] = 1;
      request.oncomplete.call(request, this.completesWith);
      return 0;
    }
    if (this.isSlow) this.#pending = { request, data };
    else this.#left(data);
    return 0;
  }
  #left(data: string | Uint8Array): void {
    this.written.push(typeof data === 'string' ? data : Buffer.from(data).toString('latin1'));
  }

  /** The slow write ends. */
  complete(status = 0): void {
    const pending = this.#pending;
    if (pending === undefined) throw new Error('nothing is being written');
    this.#pending = undefined;
    if (status === 0) this.#left(pending.data);
    pending.request.oncomplete.call(pending.request, status);
  }

  /** And those that follow it. */
  completeAll(most = Number.POSITIVE_INFINITY): void {
    for (let count = 0; this.isWriting && count < most; count += 1) this.complete();
  }

  /** Bytes arrive, in a buffer that is used again for the next ones. */
  give(text: string): void {
    this.#buffer.fill(0x21);
    Buffer.from(text, 'latin1').copy(this.#buffer);
    this.#read(text.length);
  }
  giveEnd(): void {
    this.#read(UV_EOF);
  }
  fail(status: number): void {
    this.#read(status);
  }
  #read(count: number): void {
    state[kReadBytesOrError] = count;
    this.onread.call(this);
  }

  shutdown(request: ShutdownRequest): number {
    this.shutdowns.push(request);
    return 0;
  }
  completeShutdown(status = 0): void {
    const request = this.shutdowns.at(-1)!;
    request.oncomplete.call(request, status);
  }

  close(done?: () => void): void {
    this.closes += 1;
    if (done !== undefined) setImmediate(done);
  }
  reset(done?: () => void): number {
    this.resets += 1;
    if (done !== undefined) setImmediate(done);
    return 0;
  }
}

/** The next turn of the event loop. */
export const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

export interface Told {
  readonly data: string[];
  readonly events: string[];
}

/** A channel on a fake handle, and what its owner is told. */
export function open(
  more: Partial<ChannelOwner> = {},
): { readonly handle: FakeHandle; readonly channel: Channel } & Told {
  const handle = new FakeHandle();
  const channel = Channel.accepted(handle);
  const data: string[] = [];
  const events: string[] = [];
  channel.owner = {
    onData: (bytes) => data.push(bytes.toString('latin1')),
    onEnd: () => events.push('end'),
    onDrain: () => events.push('drain'),
    onClose: () => events.push('close'),
    ...more,
  };
  return { handle, channel, data, events };
}
