import assert from 'node:assert/strict';
import net, { type Socket } from 'node:net';
import { after, before, describe, test } from 'node:test';
import { start } from '../../sidecar/testing/harness.ts';
import type { Pair } from '../../sidecar/testing/pair.ts';
import { connect, ok, serve, serveHttp, type TestServer } from '../../sidecar/testing/wire.ts';
import { type Ending, endingOf, eventually } from './client.fixture.ts';
import { readAnswer } from './told.fixture.ts';

/** After so many bytes of ciphertext in one direction the network between two sidecars ends the connection. */
interface Plan {
  readonly direction: 'request' | 'response';
  readonly bytes: number;
  readonly cut: 'RST' | 'FIN';
}

/** A prime, so that it falls on every place of a record sooner or later; a handshake is some thousand bytes. */
const STEP = 13;
const MAX_BYTES = 20_000;
const WITHIN_MS = 4_000;
const WHOLE: Plan = { direction: 'request', bytes: Number.POSITIVE_INFINITY, cut: 'FIN' };

let plan = WHOLE;
let wasCut = false;
let relay: TestServer;
let pair: Pair;
const seen = new Map<string, number>();

before(async () => {
  const app = await serveHttp((head) => {
    const path = head.split(' ', 2)[1]!;
    seen.set(path, (seen.get(path) ?? 0) + 1);
    return ok('hello');
  });
  const via = async (inboundPort: () => number) => {
    relay = await serve((socket) => carry(socket, inboundPort()));
    return relay.port;
  };
  // each cut is one connection: none is tried anew
  pair = await start(app, { via, destination: { protocol: 'HTTP' }, limits: { connectAgainMs: 0 } });
});
after(() => relay.close());

function carry(caller: Socket, port: number): void {
  const callee = net.connect({ port, host: '127.0.0.1', allowHalfOpen: true });
  const both = [caller, callee];
  for (const [from, to, direction] of [
    [caller, callee, 'request'],
    [callee, caller, 'response'],
  ] as const) {
    let left = plan.direction === direction ? plan.bytes : Number.POSITIVE_INFINITY;
    from.on('error', () => to.destroy());
    from.on('close', () => to.destroy());
    from.on('end', () => to.end());
    from.on('data', (bytes: Buffer) => {
      if (bytes.length <= left) {
        left -= bytes.length;
        return void to.write(bytes);
      }
      wasCut = true;
      const { cut } = plan;
      from.removeAllListeners('data').resume();
      // a reset destroys what the other side has not read yet
      to.write(bytes.subarray(0, left), () => setTimeout(() => both.forEach(endBy(cut)), 1));
    });
  }
}

const endBy = (cut: Plan['cut']) => (socket: Socket) =>
  void (cut === 'RST' ? socket.resetAndDestroy() : socket.end());

/** One POST on connections of its own, and how often the app saw it. */
async function post(path: string): Promise<{ readonly ending: Ending; readonly times: number }> {
  wasCut = false;
  const socket = await connect(pair.port);
  const ending = endingOf(socket, WITHIN_MS);
  socket.write(`POST ${path} HTTP/1.1\r\nHost: api\r\nConnection: close\r\nContent-Length: 0\r\n\r\n`);
  const ended = await ending;
  for (const each of relay.accepted.splice(0)) each.destroy();
  await eventually('no connection is left', () => pair.web.path.connections().pools === 0);
  return { ending: ended, times: seen.get(path) ?? 0 };
}

/** lost: the app did what was asked, and its caller cannot be told; that is an error and no second POST. */
type Outcome = 'whole' | 'error' | 'lost' | 'cut';

function judge(ending: Ending, times: number, said: string): Outcome {
  const { status, error, body, isComplete } = readAnswer(ending);
  assert.ok(times <= 1, `${said} came ${times} times`);
  if (!isComplete) {
    assert.ok('hello'.startsWith(body), said);
    return 'cut';
  }
  if (status === 200) {
    assert.deepEqual([body, times], ['hello', 1], said);
    return 'whole';
  }
  assert.match(`${status} ${error}`, /^50[23] (?:upstream-reset|connect-failure)$/, said);
  return times === 0 ? 'error' : 'lost';
}

describe('a network between two sidecars that ends connections wherever it likes', () => {
  for (const direction of ['request', 'response'] as const) {
    for (const cut of ['RST', 'FIN'] as const) {
      test(`by ${cut}, in what carries the ${direction}: a POST is sent once at most, and nobody is told a lie`, async () => {
        const counts: Record<Outcome, number> = { whole: 0, error: 0, lost: 0, cut: 0 };
        let bytes = 0;
        do {
          plan = { direction, bytes, cut };
          const path = `/${direction}/${cut}/${bytes}`;
          const { ending, times } = await post(path);
          counts[judge(ending, times, `${path} ${JSON.stringify(ending.text)}`)] += 1;
          bytes += STEP;
        } while (wasCut && bytes < MAX_BYTES);
        assert.ok(!wasCut, 'so many bytes are in no exchange');
        // cuts in the handshake, and in what follows
        assert.ok(counts.error > 10 && counts.whole > 0, JSON.stringify(counts));
        if (direction === 'response') assert.ok(counts.lost > 0, 'no response was lost on its way');
        plan = WHOLE;
        assert.match((await post(`/after/${direction}/${cut}`)).ending.text, /^HTTP\/1\.1 200 /);
      });
    }
  }
});
