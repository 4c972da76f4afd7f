import type { Socket } from 'node:net';
import { abortSocket } from '../transport/close.ts';
import { IdleWatch, type Timers } from '../transport/timers.ts';

export interface CopyOptions {
  readonly timers: Timers;
  readonly idleTimeoutMs: number;
  /** bytes read of each side before the copy began; they are sent first */
  readonly fromClient?: Buffer | undefined;
  readonly fromServer?: Buffer | undefined;
  /** looks at what the client sends before the server gets it; false cuts the connection */
  readonly mayForward?: ((bytes: Buffer) => boolean) | undefined;
  readonly onBytes?: (direction: 'sent' | 'received', count: number) => void;
  /** called once, when both sockets are closed */
  readonly onDone: () => void;
}

/**
 * Opaque bytes both ways: an end of one side is passed on as a half-close, an error as an abort, and a side
 * that does not take bytes stops the reading of the other.
 */
export function copy(client: Socket, server: Socket, options: CopyOptions): void {
  const watch = new IdleWatch(options.timers, options.idleTimeoutMs, () => {
    client.destroy();
    server.destroy();
  });
  let open = 2;
  const closed = () => {
    open -= 1;
    if (open > 0) return;
    watch.cancel();
    options.onDone();
  };
  const count = options.onBytes ?? (() => {});
  flow(client, server, options.fromClient, (bytes) => {
    watch.touch();
    count('sent', bytes.length);
    return options.mayForward?.(bytes) ?? true;
  });
  flow(server, client, options.fromServer, (bytes) => {
    watch.touch();
    count('received', bytes.length);
    return true;
  });
  onClosed(client, closed);
  onClosed(server, closed);
  client.resume();
  server.resume();
}

function flow(
  source: Socket,
  sink: Socket,
  first: Buffer | undefined,
  onBytes: (bytes: Buffer) => boolean,
): void {
  const give = (bytes: Buffer) => {
    if (!onBytes(bytes)) {
      abortSocket(source);
      return abortSocket(sink);
    }
    if (sink.writable && !sink.write(bytes)) source.pause();
  };
  if (first !== undefined && first.length > 0) give(first);
  source.on('data', give);
  sink.on('drain', () => source.resume());
  if (source.readableEnded) sink.end();
  else source.once('end', () => sink.end());
  source.on('error', () => abortSocket(sink));
  // a close without an end: the other side must not take it for one
  source.once('close', () => {
    if (!source.readableEnded) abortSocket(sink);
  });
  if (source.destroyed && !source.readableEnded) abortSocket(sink);
}

function onClosed(socket: Socket, closed: () => void): void {
  if (socket.closed) closed();
  else socket.once('close', closed);
}
