import { createServer } from 'node:net';

/** Below what Linux gives to connections (ip_local_port_range), one of which may have a port before its owner does. */
const FIRST = 20_000;
const COUNT = 12_000;

/** Ports of 127.0.0.1 that nobody listens on, from a random one upwards. */
export async function freePorts(count: number): Promise<number[]> {
  const from = Math.floor(Math.random() * COUNT);
  const free: number[] = [];
  for (let tried = 0; free.length < count && tried < COUNT; tried += 1) {
    const port = FIRST + ((from + tried) % COUNT);
    if (await isFree(port)) free.push(port);
  }
  if (free.length < count) throw new Error(`no ${count} ports are free from ${FIRST} on`);
  return free;
}

function isFree(port: number): Promise<boolean> {
  const server = createServer();
  return new Promise((resolve) => {
    server.once('error', () => resolve(false));
    server.listen(port, '127.0.0.1', () => server.close(() => resolve(true)));
  });
}
