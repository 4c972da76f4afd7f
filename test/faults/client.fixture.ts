import assert from 'node:assert/strict';
import net, { type Socket } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import tls, { type TLSSocket } from 'node:tls';
import { ALPN } from '../../api/names.ts';
import type { Identity } from '../../sidecar/proxy-state.ts';
import { connect, readUntil } from '../../sidecar/testing/wire.ts';

/** How the other side ended a connection, and what it had said. */
export interface Ending {
  readonly text: string;
  readonly how: 'end' | 'reset';
  readonly afterMs: number;
}

/** Reads until the other side ends; rejects when it has not within the time. */
export function endingOf(socket: Socket, withinMs: number): Promise<Ending> {
  const startedMs = performance.now();
  const parts: Buffer[] = [];
  return new Promise((resolve, reject) => {
    const done = (how: Ending['how']) => {
      clearTimeout(timer);
      const afterMs = performance.now() - startedMs;
      resolve({ text: Buffer.concat(parts).toString('latin1'), how, afterMs });
      socket.destroy();
    };
    const timer = setTimeout(() => {
      reject(new Error(`still open after ${withinMs} ms; it said ${Buffer.concat(parts).length} bytes`));
      socket.destroy();
    }, withinMs);
    socket.on('data', (bytes: Buffer) => parts.push(bytes));
    socket.once('error', () => done('reset'));
    socket.once('end', () => done('end'));
    socket.once('close', () => done('reset'));
    socket.resume();
  });
}

/** A caller of the mesh by hand: mTLS to an inbound listener. */
export function connectMesh(port: number, identity: Identity, alpn: string = ALPN.http1): Promise<TLSSocket> {
  return new Promise((resolve, reject) => {
    const raw = net.connect({ host: '127.0.0.1', port, allowHalfOpen: true });
    const socket = tls.connect({
      socket: raw,
      cert: identity.certificate,
      key: identity.privateKey,
      ca: identity.trustBundle,
      ALPNProtocols: [alpn],
      checkServerIdentity: () => undefined,
    });
    raw.on('error', (error) => socket.destroy(error));
    socket.once('error', reject);
    socket.once('secureConnect', () => {
      socket.off('error', reject).on('error', () => {});
      resolve(socket);
    });
  });
}

/** The first bytes a caller of the mesh sends. */
export function clientHello(): Promise<Buffer> {
  return new Promise((resolve) => {
    const server = net.createServer((socket) => {
      socket.on('error', () => {});
      socket.once('data', (bytes) => {
        resolve(bytes);
        socket.destroy();
        server.close();
      });
    });
    server.listen(0, '127.0.0.1', () => {
      const { port } = server.address() as net.AddressInfo;
      const options = { host: '127.0.0.1', port, ALPNProtocols: [ALPN.http1], rejectUnauthorized: false };
      tls.connect(options).on('error', () => {});
    });
  });
}

/** Writes byte by byte until the connection ends. */
export async function trickle(socket: Socket, text: string, everyMs: number): Promise<void> {
  for (const byte of Buffer.from(text, 'latin1')) {
    if (socket.destroyed || !socket.writable) return;
    socket.write(Buffer.of(byte));
    await delay(everyMs);
  }
}

/** One request on this connection; the answer's head and what came with it, or why there is none. */
export async function ask(socket: Socket, path = '/', withinMs = 5_000): Promise<string> {
  if (socket.destroyed || socket.readableEnded) return 'closed';
  const late = new AbortController();
  const answer = readUntil(socket, '\r\n\r\n').catch((error: Error) => error.message);
  socket.write(`GET ${path} HTTP/1.1\r\nHost: api\r\n\r\n`);
  const first = await Promise.race([
    answer,
    delay(withinMs, `nothing within ${withinMs} ms`, { signal: late.signal }),
  ]);
  late.abort();
  return first;
}

/** A client that sends requests one after another for as long as a test file runs; each must be answered in time. */
export class Witness {
  readonly #socket: Socket;
  readonly #withinMs: number;
  #served = 0;
  #problem = '';

  private constructor(socket: Socket, withinMs: number) {
    this.#socket = socket;
    this.#withinMs = withinMs;
  }

  static async start(port: number, withinMs: number): Promise<Witness> {
    const witness = new Witness(await connect(port), withinMs);
    await witness.#ask();
    void witness.#run();
    return witness;
  }

  /** Waits for this, and for a request that was sent meanwhile or since; all so far must have been served. */
  async during<Result>(work: Promise<Result>): Promise<Result> {
    const servedBefore = this.#served;
    const result = await work;
    await eventually('another client is served', () => this.#served > servedBefore || this.#problem !== '');
    assert.equal(this.#problem, '');
    return result;
  }

  stop(): void {
    this.#socket.destroy();
  }

  async #run(): Promise<void> {
    while (this.#problem === '' && !this.#socket.destroyed) {
      await this.#ask();
      await delay(25);
    }
  }

  async #ask(): Promise<void> {
    const answer = await ask(this.#socket, '/served', this.#withinMs);
    if (answer.startsWith('HTTP/1.1 200 ')) this.#served += 1;
    else if (!this.#socket.destroyed) this.#problem = `after ${this.#served} requests: ${answer}`;
  }
}

/** The sum of the series of a metric that carry these labels. */
export function metric(text: string, name: string, labels: Readonly<Record<string, string>> = {}): number {
  let sum = 0;
  for (const line of text.split('\n')) {
    if (!line.startsWith(`${name}{`) && !line.startsWith(`${name} `)) continue;
    const matches = Object.entries(labels).every(([label, value]) => line.includes(`${label}="${value}"`));
    if (matches) sum += Number(line.slice(line.lastIndexOf(' ') + 1));
  }
  return sum;
}

/** Waits for what another part does in its own time. */
export async function eventually(what: string, holds: () => boolean | Promise<boolean>, withinMs = 5_000) {
  const deadlineMs = performance.now() + withinMs;
  while (!(await holds())) {
    if (performance.now() > deadlineMs) throw new Error(`not within ${withinMs} ms: ${what}`);
    await delay(5);
  }
}
