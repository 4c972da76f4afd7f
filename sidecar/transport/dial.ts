import net, { type Socket } from 'node:net';
import type { ErrorCode } from '../../api/errors.ts';
import { Channel } from './channel.ts';
import { enter, leave } from './flush.ts';
import { handleOf, type StreamHandle } from './runtime.ts';
import type { Timers } from './timers.ts';

export type DialFailure = { readonly ok: false; readonly code: ErrorCode; readonly reason: string };
export type DialResult =
  | { readonly ok: true; readonly channel: Channel; readonly alpn?: string }
  | DialFailure;
/** Calls `done` exactly once unless cancelled; returns the cancel. The channel comes paused. */
export type Dial = (done: (result: DialResult) => void) => () => void;

export interface DialOptions {
  readonly host: string;
  readonly port: number;
  readonly localAddress?: string | undefined;
  readonly timeoutMs: number;
  readonly timers: Timers;
  /** Before `done`; `handle` is that of the TCP connection. */
  readonly onConnected?: ((handle: StreamHandle, channel: Channel) => void) | undefined;
}

/** Plaintext TCP. */
export function dialPlain(options: DialOptions): Dial {
  return (done) => {
    const socket = net.connect({
      host: options.host,
      port: options.port,
      ...(options.localAddress === undefined ? {} : { localAddress: options.localAddress }),
      allowHalfOpen: true,
      noDelay: true,
    });
    return settleOnce(socket, 'connect', options, done, (error) => error && failed(error.message));
  };
}

/**
 * Waits for `event` on a connecting socket, for its error, or for the deadline. `check` looks at the error or
 * at the connected socket and returns why it is refused. `raw`: the socket under TLS.
 */
export function settleOnce(
  socket: Socket,
  event: 'connect' | 'secureConnect',
  options: Pick<DialOptions, 'timeoutMs' | 'timers' | 'onConnected'>,
  done: (result: DialResult) => void,
  check: (error?: Error) => DialFailure | undefined,
  raw?: Socket,
): () => void {
  let settled = false;
  const settle = (result: DialResult | undefined) => {
    if (settled) return;
    settled = true;
    timer.cancel();
    if (result?.ok !== true) socket.destroy();
    if (result !== undefined) report(done, result);
  };
  const timer = options.timers.after(options.timeoutMs, () => settle(failed('connect timed out')));
  // stays for good: an error after the verdict must not be unhandled
  socket.on('error', (error) => settle(check(error) ?? failed(error.message)));
  socket.once('close', () => settle(failed('closed while connecting')));
  socket.once(event, () => {
    // or the stream would read on its own
    socket.pause();
    const refusal = check();
    const channel = refusal === undefined ? Channel.over(socket, raw) : undefined;
    const handle = handleOf(raw ?? socket);
    if (channel !== undefined && handle !== undefined) options.onConnected?.(handle, channel);
    settle(channel === undefined ? (refusal ?? failed('closed while connecting')) : { ok: true, channel });
  });
  return () => settle(undefined);
}

function report(done: (result: DialResult) => void, result: DialResult): void {
  enter();
  try {
    done(result);
  } finally {
    leave();
  }
}

function failed(reason: string): DialFailure {
  return { ok: false, code: 'connect-failure', reason };
}
