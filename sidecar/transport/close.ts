import type { Socket } from 'node:net';
import { TLSSocket } from 'node:tls';
import type { Timers } from './timers.ts';

/** The TCP sockets under TLS sockets: only there can a reset be asked for. */
const underlying = new WeakMap<TLSSocket, Socket>();

export function rememberUnderlying(secure: TLSSocket, raw: Socket): void {
  underlying.set(secure, raw);
}

/**
 * Ends a connection with RST, so that the other side can tell it was cut: after a plain FIN a truncated body
 * that ends with its connection looks complete, on TLS too, since Node reports a missing close_notify as an end.
 */
export function abortSocket(socket: Socket): void {
  const raw = socket instanceof TLSSocket ? underlying.get(socket) : socket;
  if (raw !== undefined && !raw.destroyed) raw.resetAndDestroy();
  socket.destroy();
}

/**
 * Sends what is written and the end, and reads and drops input for a while: closing with unread input would
 * send RST, which may destroy a response the client has not read yet (RFC 9112 9.6).
 */
export function lingeringClose(socket: Socket, timers: Timers, lingerMs: number): void {
  if (socket.destroyed) return;
  socket.end();
  if (socket.readableEnded) return void socket.destroySoon();
  socket.on('data', () => {});
  socket.once('end', () => socket.destroySoon());
  socket.resume();
  const timer = timers.after(lingerMs, () => socket.destroy());
  socket.once('close', () => timer.cancel());
}
