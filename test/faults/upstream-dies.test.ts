import assert from 'node:assert/strict';
import type { Socket } from 'node:net';
import { describe, test } from 'node:test';
import { Caller } from '../../sidecar/testing/caller.ts';
import { start } from '../../sidecar/testing/harness.ts';
import { connect, serve, type TestServer } from '../../sidecar/testing/wire.ts';
import { type Ending, endingOf } from './client.fixture.ts';
import { readAnswer, type Told } from './told.fixture.ts';

/** An app that has read so much of the request's body, says so much of its response, and is gone. */
interface Death {
  readonly read: number;
  readonly said: number;
  readonly cut: 'RST' | 'FIN';
}

const BODY = 'abcdef';
const RESPONSES = {
  'a length': 'HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 5\r\n\r\nhello',
  chunks: 'HTTP/1.1 200 OK\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n',
} as const;
const ATTEMPTS = 2;
const RETRIES = {
  retry: { attempts: ATTEMPTS, conditions: ['Reset' as const, 'GatewayError' as const], backoffBaseMs: 1 },
  retryBudget: { percent: 100, minPerSecond: 10_000 },
};
const AT_ONCE = 24;
/** Handshakes of so many at once take their time on a busy machine, and a connection given up is no death. */
const LIMITS = { connectTimeoutMs: 5_000 };
const WITHIN_MS = 8_000;

const pathOf = ({ read, said, cut }: Death) => `/${read}/${said}/${cut}`;
function deathOf(path: string): Death {
  const [, read, said, cut] = path.split('/');
  return { read: Number(read), said: Number(said), cut: cut as Death['cut'] };
}

function deaths(response: string, bodyStep: number): Death[] {
  const all: Death[] = [];
  for (const cut of ['RST', 'FIN'] as const) {
    for (let read = 0; read <= BODY.length; read += bodyStep) {
      for (let said = 0; said <= response.length; said += 1) all.push({ read, said, cut });
    }
  }
  return all;
}

interface MortalApp extends TestServer {
  /** how often it read the head of a request, by its path */
  readonly seen: Map<string, number>;
}

async function serveMortal(response: string): Promise<MortalApp> {
  const seen = new Map<string, number>();
  const server = await serve((socket) => {
    let text = '';
    let isDying = false;
    socket.on('data', (bytes: Buffer) => {
      text += bytes.toString('latin1');
      const [head, body] = text.split('\r\n\r\n');
      if (body === undefined || isDying) return;
      const path = head!.split(' ', 2)[1]!;
      const death = deathOf(path);
      if (body.length < death.read) return;
      isDying = true;
      seen.set(path, (seen.get(path) ?? 0) + 1);
      die(socket, response, death);
    });
  });
  return { ...server, seen };
}

function die(socket: Socket, response: string, { said, cut }: Death): void {
  const end = () => (cut === 'RST' ? socket.resetAndDestroy() : socket.end());
  if (said === 0) return void end();
  // a reset destroys what the other side has not read yet
  socket.write(response.slice(0, said), 'latin1', () => setTimeout(end, cut === 'RST' ? 5 : 0));
}

/** Sends no more of the body than the app reads: it dies in the middle of the request. */
async function send(port: number, method: string, death: Death): Promise<Ending> {
  const socket = await connect(port);
  const ending = endingOf(socket, WITHIN_MS);
  const head = `${method} ${pathOf(death)} HTTP/1.1\r\nHost: api\r\nContent-Length: ${BODY.length}\r\n\r\n`;
  socket.write(head + BODY.slice(0, death.read));
  // no further request: the end of the connection is the end of the answer
  if (death.read === BODY.length) socket.end();
  return ending;
}

/** A complete answer, an error of the mesh, or a response that is visibly cut; in no case other bytes than the app's. */
function assertHonest(told: Told, response: string, { said, cut }: Death, where: string): void {
  if (told.status === 502 || told.status === 503) {
    assert.ok(told.isComplete, where);
    assert.match(told.error ?? '', /^(?:upstream-reset|connect-failure)$/, where);
    assert.ok(said < response.length || cut === 'RST', `${where}: all was said`);
    return;
  }
  assert.ok(told.status === 200 || told.status === 0, where);
  if (told.isComplete) {
    assert.equal(told.body, 'hello', where);
    assert.equal(said, response.length, `${where}: it looks complete`);
  } else {
    assert.ok('hello'.startsWith(told.body) || /^5\r\n/.test(told.body), `${where}: other bytes`);
    assert.ok(said < response.length || cut === 'RST', `${where}: all was said`);
  }
}

async function each(all: readonly Death[], run: (death: Death) => Promise<void>): Promise<void> {
  let next = 0;
  const worker = async () => {
    while (next < all.length) await run(all[next++]!);
  };
  await Promise.all(Array.from({ length: AT_ONCE }, worker));
}

const ENTRIES = {
  'one sidecar': async (app: TestServer) => {
    const { port } = await Caller.start([app], { traffic: RETRIES, limits: LIMITS });
    return { port, bodyStep: 1 };
  },
  // of the body, nothing, half and all: the handshakes take their time
  'two sidecars': async (app: TestServer) => {
    const destination = { protocol: 'HTTP' as const, traffic: RETRIES };
    const { port } = await start(app, { destination, limits: LIMITS });
    return { port, bodyStep: BODY.length / 2 };
  },
} as const;

for (const [between, entry] of Object.entries(ENTRIES)) {
  describe(`an app behind ${between} that dies at each byte of request and response, with retries on`, () => {
    for (const [framing, response] of Object.entries(RESPONSES)) {
      for (const [method, most] of [
        ['POST', 1],
        ['PUT', ATTEMPTS + 1],
      ] as const) {
        test(`a response with ${framing}: no ${method} is told a lie, or comes to it more than ${most} times`, async () => {
          const app = await serveMortal(response);
          const { port, bodyStep } = await entry(app);
          let retried = 0;
          await each(deaths(response, bodyStep), async (death) => {
            const told = readAnswer(await send(port, method, death));
            const where = `${method} ${pathOf(death)}: ${JSON.stringify(told)}`;
            assertHonest(told, response, death, where);
            const times = app.seen.get(pathOf(death)) ?? 0;
            assert.ok(times >= 1 && times <= most, `${where} came ${times} times`);
            if (times > 1) retried += 1;
          });
          // the bound would say nothing if nothing were ever sent again
          assert.equal(retried > 0, most > 1);
        });
      }
    }
  });
}

test('an app that ends its connections with a request unread gets no POST twice, and the client an error', async () => {
  let connections = 0;
  const app = await serve((socket) => {
    connections += 1;
    socket.pause();
    // what was not read makes a reset of the end
    setTimeout(() => socket.destroy(), 10);
  });
  const caller = await Caller.start([app], { traffic: RETRIES });
  for (let request = 1; request <= 10; request += 1) {
    const told = readAnswer(await send(caller.port, 'POST', { read: BODY.length, said: 0, cut: 'RST' }));
    assert.deepEqual([told.status, told.error, told.isComplete], [502, 'upstream-reset', true]);
    assert.equal(connections, request);
  }
});
