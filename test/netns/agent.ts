import { type AddressInfo, connect, createServer, type ListenOptions, type Server } from 'node:net';
import { createInterface } from 'node:readline';
import { originalDestination } from './original-destination.ts';

/**
 * A process inside a network namespace, as one user, that does as it is told on standard input: one JSON
 * command a line, one JSON answer a line. It ends when its input does, and a namespace it alone holds with it.
 */
export type Command =
  | { readonly listen: string; readonly options: ListenOptions }
  /** the listener at `127.0.0.1:80`, `[::1]:80` */
  | { readonly close: string }
  | { readonly dial: { readonly host: string; readonly port: number; readonly localAddress?: string } };

/** What a listener says to whoever connects. */
export interface Greeting {
  readonly listener: string;
  readonly original?: string;
  readonly from: string;
}
export type Answer =
  | Greeting
  | { readonly listening: string }
  | { readonly closed: string }
  | { readonly error: string };

const DIAL_TIMEOUT_MS = 5_000;
/** The listener of this name resets what it accepts. */
const CUTS = 'cuts';
const listeners = new Map<string, Server>();

function listen(name: string, options: ListenOptions): Promise<Answer> {
  const server = createServer((socket) => {
    socket.on('error', () => {});
    if (name === CUTS) return socket.resetAndDestroy();
    const original = originalDestination(socket);
    const greeting: Greeting = {
      listener: name,
      ...(original && { original }),
      from: socket.remoteAddress ?? '',
    };
    socket.end(JSON.stringify(greeting));
  });
  return new Promise((resolve) => {
    server.once('error', (error) => resolve({ error: error.message }));
    server.listen(options, () => {
      const { address, port, family } = server.address() as AddressInfo;
      listeners.set(family === 'IPv6' ? `[${address}]:${port}` : `${address}:${port}`, server);
      resolve({ listening: name });
    });
  });
}

function close(address: string): Promise<Answer> {
  const server = listeners.get(address);
  if (server === undefined) return Promise.resolve({ error: `nothing listens at ${address}` });
  listeners.delete(address);
  return new Promise((resolve) => server.close(() => resolve({ closed: address })));
}

function dial(target: { host: string; port: number; localAddress?: string }): Promise<Answer> {
  return new Promise((resolve) => {
    const socket = connect(target);
    let text = '';
    socket.setEncoding('utf8');
    socket.setTimeout(DIAL_TIMEOUT_MS, () => socket.destroy(new Error('timeout')));
    socket.on('data', (some) => {
      text += some;
    });
    socket.on('end', () => resolve(JSON.parse(text)));
    socket.on('error', (error: NodeJS.ErrnoException) => resolve({ error: error.code ?? error.message }));
  });
}

function answerTo(command: Command): Promise<Answer> {
  if ('listen' in command) return listen(command.listen, command.options);
  return 'close' in command ? close(command.close) : dial(command.dial);
}

const uid = Number(process.env.AGENT_UID ?? 0);
if (uid !== 0) {
  process.setgid?.(uid);
  process.setuid?.(uid);
}
for await (const line of createInterface({ input: process.stdin })) {
  const command = JSON.parse(line) as Command;
  process.stdout.write(`${JSON.stringify(await answerTo(command))}\n`);
}
process.exit(0);
