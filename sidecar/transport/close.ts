import { Socket } from 'node:net';
import { TLSSocket } from 'node:tls';
import type { Timers } from './timers.ts';

/**
 * Ends a connection so that the other side can tell it was cut: RST on plain TCP, and no close_notify on TLS.
 * A plain FIN would make a truncated close-delimited body look complete.
 */
export function abortSocket(socket: Socket): void {
  if (socket instanceof TLSSocket || socket.destroyed) socket.destroy();
  else socket.resetAndDestroy();
}

/**
 * Sends what is written and the end, and reads and drops input for a while: closing with unread input would
 * send RST, which may destroy a response the client has not read yet (RFC 9112 9.6).
 */
export function lingeringClose(socket: Socket, timers: Timers, lingerMs: number): void {
  if (socket.destroyed) return;
  socket.end();
  if (socket.readableEnded) return socket.destroySoon();
  socket.on('data', () => {});
  socket.once('end', () => socket.destroySoon());
  socket.resume();
  const timer = timers.after(lingerMs, () => socket.destroy());
  socket.once('close', () => timer.cancel());
}
