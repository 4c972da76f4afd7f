import assert from 'node:assert/strict';
import type { Socket } from 'node:net';
import type { TestContext } from 'node:test';
import { FLAG, FRAME } from '../http2/frames/frame-types.ts';
import { frame } from '../http2/frames/frames.fixture.ts';
import type { Pair } from '../http2/hpack/hpack.fixture.ts';
import { Peer } from '../http2/peer.fixture.ts';
import { DEFAULT_LIMITS } from '../limits.ts';
import { FakeTimers } from '../testing/fake-timers.ts';
import { serve } from '../testing/wire.ts';
import { type Dial, dialPlain } from '../transport/dial.ts';
import { probeGrpc, probeHttp2 } from './http2-probe.ts';

export const SETTINGS = frame(FRAME.settings, 0, 0);
export const OK: readonly Pair[] = [
  [':status', '200'],
  ['content-type', 'application/grpc'],
];
export const SERVING = Buffer.from([0, 0, 0, 0, 2, 8, 1]);
export const DONE: readonly Pair[] = [['grpc-status', '0']];

/** A server that runs `talk` on each connection; all of it goes with the test. */
export async function listen(t: TestContext, talk: (socket: Socket) => void): Promise<number> {
  const server = await serve((socket) => {
    socket.on('end', () => socket.end());
    talk(socket);
  });
  t.after(server.close);
  return server.port;
}

/** A server of HTTP/2 that says what a test wants to a request, when that has come whole. */
export function listenHttp2(t: TestContext, answer: (peer: Peer) => void): Promise<number> {
  return listen(t, (socket) => {
    const peer = new Peer(socket, true);
    const isWhole = () =>
      peer.heard.some(({ streamId, flags }) => streamId === 1 && (flags & FLAG.endStream) !== 0);
    peer.until(isWhole).then(
      () => {
        peer.send(SETTINGS, frame(FRAME.settings, FLAG.ack, 0));
        answer(peer);
      },
      () => {},
    );
  });
}

export interface Verdict {
  readonly ok: boolean;
  readonly reason: string;
  readonly speaksHttp1: boolean;
}
export const healthy = (reason: string): Verdict => ({ ok: true, reason, speaksHttp1: false });
export const unhealthy = (reason: string): Verdict => ({ ok: false, reason, speaksHttp1: false });

export function dialTo(port: number, timers: FakeTimers): Dial {
  return dialPlain({ host: '127.0.0.1', port, timeoutMs: 1_000, timers });
}
export function target(dial: Dial, timers: FakeTimers, host = 'app.example:80') {
  return { dial, timers, host, limits: DEFAULT_LIMITS, timeoutMs: 1_000 };
}

export const PROBES = { path: probeHttp2, grpc: probeGrpc } as const;
export const KINDS = ['path', 'grpc'] as const;

/** What becomes of one probe; nothing of it may be left. `what`: a path, or the gRPC service. */
export async function probed(
  port: number,
  kind: keyof typeof PROBES,
  what: string,
  timers = new FakeTimers(),
): Promise<Verdict> {
  const verdict = await new Promise<Verdict>((resolve) => {
    PROBES[kind](target(dialTo(port, timers), timers), what, (ok, reason, speaksHttp1) =>
      resolve({ ok, reason, speaksHttp1 }),
    );
  });
  assert.equal(timers.pending, 0);
  return verdict;
}
