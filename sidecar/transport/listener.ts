import net, { type Server } from 'node:net';
import { Channel } from './channel.ts';
import { enter, leave } from './flush.ts';
import { handleOf, type StreamHandle } from './runtime.ts';

export interface ListenerOptions {
  readonly address: string;
  readonly port: number;
  /** false: there are too many; the connection is closed */
  readonly mayAccept: () => boolean;
  /** The channel comes paused. */
  readonly onConnection: (channel: Channel) => void;
  /** accept failed, e.g. no file descriptors */
  readonly onError: (error: Error) => void;
}

export interface Listener {
  readonly address: string;
  readonly port: number;
  /** Accepts nothing more; connections live on. */
  close(): void;
}

/** What net.Server does with an accepted connection is replaced: no stream is made of it. */
interface ServerHandle {
  onconnection: (error: number, handle: StreamHandle | undefined) => void;
}

/** Rejects when the address cannot be bound. */
export function listen(options: ListenerOptions): Promise<Listener> {
  const server = net.createServer();
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(
      {
        host: options.address,
        port: options.port,
        ipv6Only: options.address.includes(':'),
        backlog: BACKLOG,
      },
      () => {
        server.off('error', reject);
        server.on('error', options.onError);
        (handleOf(server) as unknown as ServerHandle).onconnection = accept(options);
        resolve({ address: options.address, port: portOf(server), close: () => void server.close() });
      },
    );
  });
}

/** The kernel's own limit (net.core.somaxconn) counts when it is lower. */
const BACKLOG = 4_096;

function accept({ mayAccept, onConnection, onError }: ListenerOptions): ServerHandle['onconnection'] {
  return (error, handle) => {
    if (handle === undefined) return onError(new Error(`accept failed: error ${error}`));
    if (!mayAccept()) return handle.close();
    enter();
    try {
      onConnection(Channel.accepted(handle));
    } finally {
      leave();
    }
  };
}

function portOf(server: Server): number {
  const address = server.address();
  return address === null || typeof address === 'string' ? 0 : address.port;
}
