import type { Socket } from 'node:net';
import type { TLSSocket } from 'node:tls';

/**
 * The inside of node:net that this data path stands on: stream handles, and the requests that write to them.
 * What streams and events add on top costs as much again as the system calls do (docs/decisions/0008).
 * `process.binding` is how Node exposes them; the image pins the runtime.
 */

/** tcp_wrap's TCP or tls_wrap's TLSWrap (node: src/stream_base.h). Negative results are libuv errors. */
export interface StreamHandle {
  readonly fd: number;
  onread: (this: StreamHandle) => void;
  /** reads go into this buffer, whose beginning is valid during `onread` only */
  useUserBuffer(buffer: Uint8Array): void;
  readStart(): number;
  readStop(): number;
  writeLatin1String(request: WriteRequest, text: string): number;
  writeBuffer(request: WriteRequest, bytes: Uint8Array): number;
  shutdown(request: ShutdownRequest): number;
  close(done?: () => void): void;
  /** TCP only: closes with RST */
  reset?(done?: () => void): number;
  setNoDelay?(on: boolean): number;
  /** TCP only; then the kernel asks every second, ten times */
  setKeepAlive?(on: boolean, afterSeconds: number): number;
  readonly bytesRead: number;
  readonly bytesWritten: number;
  getpeername?(into: Partial<AddressInfo>): number;
  getsockname?(into: Partial<AddressInfo>): number;
  /** ours */
  channel?: unknown;
}

interface AddressInfo {
  address: string;
  port: number;
  family: string;
}

export interface WriteRequest {
  handle: StreamHandle | undefined;
  oncomplete: (this: WriteRequest, status: number) => void;
  /** what is being written, if it is memory of ours */
  buffer: Buffer | undefined;
  /** ours */
  channel: unknown;
}

export interface ShutdownRequest {
  handle: StreamHandle | undefined;
  oncomplete: (this: ShutdownRequest, status: number) => void;
  channel: unknown;
}

interface StreamWrapBinding {
  readonly WriteWrap: new () => WriteRequest;
  readonly ShutdownWrap: new () => ShutdownRequest;
  readonly streamBaseState: Int32Array;
  readonly kReadBytesOrError: number;
  readonly kLastWriteWasAsync: number;
}

const binding = (process as unknown as { binding(name: string): unknown }).binding(
  'stream_wrap',
) as StreamWrapBinding;

/** Fails at start, not under traffic, on a runtime that is shaped differently. */
const NEEDED = ['WriteWrap', 'ShutdownWrap', 'streamBaseState', 'kReadBytesOrError', 'kLastWriteWasAsync'];
const missing = NEEDED.filter((name) => (binding as unknown as Record<string, unknown>)[name] === undefined);
if (missing.length > 0) {
  throw new Error(
    `this Node (${process.version}) has no ${missing.join(', ')}: use the version of the image`,
  );
}

export const {
  WriteWrap,
  ShutdownWrap,
  streamBaseState: state,
  kReadBytesOrError,
  kLastWriteWasAsync,
} = binding;

export const UV_EOF = -4095;
export const UV_ENOTCONN = -107;

/** The handle of a net.Socket or TLSSocket; undefined once it is closed. */
export function handleOf(socket: object): StreamHandle | undefined {
  return (socket as { _handle?: StreamHandle | null })._handle ?? undefined;
}

/** The socket that one of TLS was made over. */
export function rawOf(socket: TLSSocket): Socket {
  return (socket as unknown as { readonly _parent: Socket })._parent;
}
