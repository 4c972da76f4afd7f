import { createServer } from 'node:net';
import type { TestContext } from 'node:test';
import type { ResponseReceiver } from '../http1/client-connection.ts';
import { FieldLines, type Fields } from '../http1/fields.ts';
import { type Framing, NO_BODY } from '../http1/framing.ts';
import { RequestHead } from '../http1/request-head.ts';
import type { ResponseHead } from '../http1/response-head.ts';
import { DEFAULT_LIMITS } from '../limits.ts';
import { dialPlain } from '../transport/dial.ts';
import { type Timers, TimerWheel } from '../transport/timers.ts';
import { ClientConnection } from './client-connection.ts';
import { FLAG, FRAME } from './frames/frame-types.ts';
import { frame } from './frames/frames.fixture.ts';
import { DEFAULT_HTTP2_LIMITS } from './limits.ts';
import { Peer } from './peer.fixture.ts';

const HOP = { close: false, keepAlive: true, upgrade: undefined, trailers: false, nominates: false };
export function request(method = 'GET', framing: Framing = NO_BODY, upgrade?: string): RequestHead {
  const head = new RequestHead(method, 'a', 1, new FieldLines(), framing, { ...HOP, upgrade });
  head.target = '/';
  return head;
}

export class Receiver implements ResponseReceiver {
  readonly calls: string[] = [];
  onHead({ status }: ResponseHead): void {
    this.calls.push(`head ${status}`);
  }
  onBody(data: Buffer): void {
    this.calls.push(`body ${data.toString()}`);
  }
  onMessageEnd(trailers: Fields | undefined): void {
    this.calls.push(trailers === undefined ? 'end' : `end ${trailers.serialize().trim()}`);
  }
  onError(error: Error): void {
    this.calls.push(`error ${error.message}`);
  }
  onEof(): void {
    this.calls.push('eof');
  }
  onUpstreamDrained(): void {
    this.calls.push('drained');
  }
  onUpstreamClosed(): void {
    this.calls.push('closed');
  }
}

interface Pair {
  readonly client: ClientConnection;
  readonly peer: Peer;
  readonly told: string[];
}

/** A client whose server says what the test wants; its first frames are sent. */
export async function connected(
  t: TestContext,
  settings?: Buffer,
  timers: Timers = new TimerWheel(),
): Promise<Pair> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const accepted = new Promise<Peer>((resolve) =>
    server.once('connection', (socket) => resolve(new Peer(socket, true))),
  );
  const { port } = server.address() as { port: number };
  const told: string[] = [];
  const owner = {
    onRoom: () => void told.push('room'),
    onRetired: () => void told.push('retired'),
    onClosed: () => void told.push('closed'),
  };
  const client = await new Promise<ClientConnection>((resolve, reject) => {
    dialPlain({ host: '127.0.0.1', port, timeoutMs: 2_000, timers: new TimerWheel() })((result) => {
      if (!result.ok) return reject(new Error(result.reason));
      const options = {
        owner,
        limits: DEFAULT_LIMITS,
        http2: DEFAULT_HTTP2_LIMITS,
        timers,
        scheme: 'http' as const,
      };
      resolve(new ClientConnection(result.channel, options));
    });
  });
  const peer = await accepted;
  t.after(() => {
    client.destroy();
    peer.close();
    server.close();
  });
  peer.send(frame(FRAME.settings, 0, 0, settings), frame(FRAME.settings, FLAG.ack, 0));
  await peer.sync();
  return { client, peer, told };
}
export const OK: readonly [string, string] = [':status', '200'];
