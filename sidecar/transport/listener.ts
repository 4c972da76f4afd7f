import net, { type Server, type Socket } from 'node:net';

export interface ListenerOptions {
  readonly address: string;
  readonly port: number;
  readonly maxConnections: number;
  /** The socket comes paused and half-open capable, with its errors handled. */
  readonly onConnection: (socket: Socket) => void;
  readonly onOverload: () => void;
  /** accept failed, e.g. no file descriptors */
  readonly onError: (error: Error) => void;
}

export interface Listener {
  readonly address: string;
  readonly port: number;
  /** Accepts nothing more; connections live on. */
  close(): void;
}

/** Rejects when the address cannot be bound. */
export function listen(options: ListenerOptions): Promise<Listener> {
  const server = net.createServer({ allowHalfOpen: true, noDelay: true, pauseOnConnect: true });
  server.maxConnections = options.maxConnections;
  server.on('drop', options.onOverload);
  server.on('connection', (socket) => {
    // whoever owns the socket learns of errors by its close
    socket.on('error', () => {});
    options.onConnection(socket);
  });
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(
      { host: options.address, port: options.port, ipv6Only: options.address.includes(':') },
      () => {
        server.off('error', reject);
        server.on('error', options.onError);
        resolve({ address: options.address, port: portOf(server), close: () => void server.close() });
      },
    );
  });
}

function portOf(server: Server): number {
  const address = server.address();
  return address === null || typeof address === 'string' ? 0 : address.port;
}
