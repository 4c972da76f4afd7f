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
  /** Accepts nothing more; connections live on, but those that wait to be accepted are reset by the kernel. */
  close(): void;
  /** Accepts those that wait, then closes. */
  drain(): Promise<void>;
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
        const accepting = new Accepting(options);
        (handleOf(server) as unknown as ServerHandle).onconnection = accepting.onconnection;
        const close = () => void server.close();
        const drain = async () => {
          await accepting.untilQuiet();
          close();
        };
        resolve({ address: options.address, port: portOf(server), close, drain });
      },
    );
  });
}

/** The kernel's own limit (net.core.somaxconn) counts when it is lower. */
const BACKLOG = 4_096;

/** What waits is accepted one by one, each in a turn of the event loop; what comes faster than that is left. */
const MAX_LAST_TURNS = 1_000;
/** The first may end before the kernel was asked. */
const QUIET_TURNS = 2;

class Accepting {
  readonly #options: ListenerOptions;
  #count = 0;

  constructor(options: ListenerOptions) {
    this.#options = options;
  }

  readonly onconnection: ServerHandle['onconnection'] = (error, handle) => {
    const { mayAccept, onConnection, onError } = this.#options;
    if (handle === undefined) return onError(new Error(`accept failed: error ${error}`));
    this.#count += 1;
    if (!mayAccept()) return handle.close();
    enter();
    try {
      onConnection(Channel.accepted(handle));
    } finally {
      leave();
    }
  };

  /** Resolves within the turn that found nobody waiting. */
  async untilQuiet(): Promise<void> {
    for (let turn = 0, quiet = 0; turn < MAX_LAST_TURNS && quiet < QUIET_TURNS; turn += 1) {
      const before = this.#count;
      await new Promise(setImmediate);
      quiet = this.#count === before ? quiet + 1 : 0;
    }
  }
}

function portOf(server: Server): number {
  const address = server.address();
  return address === null || typeof address === 'string' ? 0 : address.port;
}
