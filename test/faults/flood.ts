import net, { type Socket } from 'node:net';

/**
 * Many clients in a process of its own: opens its connections at once, sends a request on each, and keeps those that
 * are served. Its arguments: port, number of connections, source address. Over the channel to its parent it says how
 * many were served and refused once each was either, and asks on every open one again when told to.
 */
export interface Counts {
  readonly served: number;
  /** closed, reset, or told so in HTTP, without having been served */
  readonly refused: number;
  /** what refused ones were told, each text once */
  readonly told: readonly string[];
  /** the longest any waited for its refusal */
  readonly slowestRefusalMs: number;
}

const REQUEST = 'GET / HTTP/1.1\r\nHost: api\r\n\r\n';
/** More would be a test of the app's backlog. */
const ASKED_AT_ONCE = 50;
const told = new Set<string>();
const open = new Set<Client>();
let slowestRefusalMs = 0;
let refused = 0;

class Client {
  readonly #socket: Socket;
  readonly #startedMs = performance.now();
  #text = '';
  #answered: (() => void) | undefined;

  constructor(port: number, localAddress: string, done: () => void) {
    this.#answered = done;
    this.#socket = net.connect({ port, host: '127.0.0.1', localAddress });
    this.#socket.on('connect', () => this.#socket.write(REQUEST));
    this.#socket.on('error', () => {});
    this.#socket.on('close', () => this.#closed());
    this.#socket.on('data', (bytes: Buffer) => {
      this.#text += bytes.toString('latin1');
      if (/^HTTP\/1\.1 200 [\s\S]*\r\n\r\nfine$/.test(this.#text)) this.#settle();
      if (/^HTTP\/1\.1 [45][\s\S]*\r\n\r\n/.test(this.#text)) this.#socket.destroy();
    });
    open.add(this);
  }

  ask(done: () => void): void {
    this.#answered = done;
    this.#text = '';
    this.#socket.write(REQUEST);
  }
  #closed(): void {
    open.delete(this);
    refused += 1;
    told.add(this.#text);
    slowestRefusalMs = Math.max(slowestRefusalMs, performance.now() - this.#startedMs);
    this.#settle();
  }
  #settle(): void {
    this.#answered?.();
    this.#answered = undefined;
  }
}

const say = () => {
  const counts: Counts = { served: open.size, refused, told: [...told].slice(0, 5), slowestRefusalMs };
  process.send?.(counts);
};

const [port = '', count = '', source = ''] = process.argv.slice(2);
process.on('message', async () => {
  const clients = [...open];
  while (clients.length > 0) {
    const some = clients.splice(0, ASKED_AT_ONCE);
    await Promise.all(some.map((client) => new Promise<void>((resolve) => client.ask(resolve))));
  }
  say();
});
process.on('disconnect', () => process.exit(0));
await Promise.all(
  Array.from(
    { length: Number(count) },
    () => new Promise<void>((resolve) => new Client(Number(port), source, resolve)),
  ),
);
say();
