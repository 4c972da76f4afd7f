import net, { type Socket } from 'node:net';

/** What came of the requests made so far. Anything but a whole 200 is an error, under the reason it is one. */
export class Outcome {
  served = 0;
  /** a request was due and every connection was busy */
  late = 0;
  readonly errors = new Map<string, number>();

  fail(reason: string): void {
    this.errors.set(reason, (this.errors.get(reason) ?? 0) + 1);
  }
  get failed(): number {
    let sum = 0;
    for (const count of this.errors.values()) sum += count;
    return sum;
  }
}

const REQUEST = 'GET / HTTP/1.1\r\nHost: api\r\n\r\n';
const LAST_REQUEST = 'GET / HTTP/1.1\r\nHost: api\r\nConnection: close\r\n\r\n';
const TICK_MS = 10;
/** Source addresses in turn, or ports would run out: each may be used again only after a minute. */
const SOURCES = 60;

/** A 200 with all of its body: undefined while it is not whole, else whether it is that. */
function verdict(text: string): boolean | undefined {
  const headEnd = text.indexOf('\r\n\r\n');
  if (headEnd === -1) return undefined;
  const length = Number(/\r\ncontent-length: (\d+)/i.exec(text)?.[1] ?? Number.NaN);
  if (text.length < headEnd + 4 + length) return undefined;
  return text.startsWith('HTTP/1.1 200 ') && text.length === headEnd + 4 + length;
}

/** A constant rate of requests over connections that are kept. Open loop: a slow proxy is not asked less. */
export function constantLoad(
  port: number,
  connections: number,
  perSecond: number,
  outcome: Outcome,
): () => void {
  const idle: Socket[] = [];
  let stopped = false;
  const open = () => {
    if (stopped) return;
    let text = '';
    const socket = net.connect({ port, host: '127.0.0.1', noDelay: true });
    socket.on('connect', () => idle.push(socket));
    socket.on('error', () => {});
    socket.on('close', () => {
      if (stopped) return;
      outcome.fail('closed');
      const index = idle.indexOf(socket);
      if (index !== -1) idle.splice(index, 1);
      setTimeout(open, 100);
    });
    socket.on('data', (bytes: Buffer) => {
      text += bytes.toString('latin1');
      const whole = verdict(text);
      if (whole === undefined) return;
      if (whole) outcome.served += 1;
      else outcome.fail(text.slice(0, 12));
      text = '';
      idle.push(socket);
    });
  };
  for (let count = 0; count < connections; count += 1) open();
  const startedMs = performance.now();
  let due = 0;
  const timer = setInterval(() => {
    const wanted = ((performance.now() - startedMs) / 1000) * perSecond;
    for (; due < wanted; due += 1) {
      // in turn, so that none is idle long enough to be closed
      const socket = idle.shift();
      if (socket === undefined) outcome.late += 1;
      else socket.write(REQUEST);
    }
  }, TICK_MS);
  return () => {
    stopped = true;
    clearInterval(timer);
    for (const socket of idle) socket.destroy();
  };
}

/** So many connections with one request each, so many at a time, to the ports in turn. */
export function shortConnections(
  ports: readonly number[],
  total: number,
  atOnce: number,
  outcome: Outcome,
): Promise<void> {
  let begun = 0;
  const one = (): Promise<void> => {
    const port = ports[begun % ports.length]!;
    const localAddress = `127.0.1.${1 + (begun % SOURCES)}`;
    begun += 1;
    return new Promise((resolve) => {
      let text = '';
      const socket = net.connect({ port, host: '127.0.0.1', localAddress });
      socket.on('connect', () => socket.write(LAST_REQUEST));
      socket.on('error', (error) => outcome.fail(String((error as { code?: unknown }).code)));
      socket.on('data', (bytes: Buffer) => {
        text += bytes.toString('latin1');
      });
      socket.on('close', (hadError) => {
        if (verdict(text) === true) outcome.served += 1;
        else if (!hadError) outcome.fail(text === '' ? 'closed' : text.slice(0, 12));
        resolve();
      });
    });
  };
  const worker = async () => {
    while (begun < total) await one();
  };
  return Promise.all(Array.from({ length: atOnce }, worker)).then(() => {});
}
