import { connect, createServer } from 'node:net';

/**
 * Accepts on a listening socket that was made outside this network namespace (a socket stays in the namespace it
 * was made in, whoever holds it) and connects each client to an address inside.
 */
export function relay(listeningFd: number, host: string, port: number): Promise<void> {
  const server = createServer({ allowHalfOpen: true }, (client) => {
    const upstream = connect({ host, port, allowHalfOpen: true });
    for (const [from, to] of [
      [client, upstream],
      [upstream, client],
    ] as const) {
      from.on('error', () => to.destroy());
      from.on('close', () => to.destroySoon());
      from.setNoDelay(true);
      from.pipe(to);
    }
  });
  return new Promise((resolve) => server.listen({ fd: listeningFd }, resolve));
}
