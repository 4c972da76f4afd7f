import net from 'node:net';
import { listen } from './listener.ts';
import { loadOriginalDestination } from './original-destination.ts';

/**
 * Runs in a network namespace that redirects 10.9.8.7 and fd99::7 to port 15001: dials both, and the
 * listener itself, and prints where each connection was going, one JSON line each.
 */
const originalDestination = loadOriginalDestination();
const DIALS = [
  { listen: '127.0.0.1', host: '10.9.8.7', port: 9999 },
  { listen: '::1', host: 'fd99::7', port: 8888 },
  { listen: '127.0.0.1', host: '127.0.0.1', port: 15001 },
];

for (const dial of DIALS) {
  const seen = Promise.withResolvers<unknown>();
  const listener = await listen({
    address: dial.listen,
    port: 15001,
    mayAccept: () => true,
    onConnection: (channel) => {
      seen.resolve(originalDestination(channel) ?? null);
      channel.destroy();
    },
    onError: seen.reject,
  }).catch(() => undefined);
  const client = net.connect(dial);
  client.on('error', () => seen.resolve('unreachable'));
  console.log(JSON.stringify(await seen.promise));
  client.destroy();
  listener?.close();
}
