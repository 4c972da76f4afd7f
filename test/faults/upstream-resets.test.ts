import assert from 'node:assert/strict';
import type { Socket } from 'node:net';
import { before, describe, test } from 'node:test';
import { start } from '../../sidecar/testing/harness.ts';
import type { Pair } from '../../sidecar/testing/pair.ts';
import { connect, ok, serve } from '../../sidecar/testing/wire.ts';
import { ask as askFor, endingOf, eventually } from './client.fixture.ts';
import { readAnswer, type Told } from './told.fixture.ts';

/** How an app cuts a connection: by RST, as when it dies, or by FIN, as when it closes. */
type Cut = 'RST' | 'FIN';

interface Plan {
  readonly response: string;
  readonly bytes: number;
  readonly cut: Cut;
  /** the first request on a connection is answered well, so that it is reused for the next */
  readonly warm: boolean;
}

const RESPONSES: Readonly<Record<string, string>> = {
  'with a length': 'HTTP/1.1 200 OK\r\nX-A: b\r\nContent-Length: 12\r\n\r\nhello, world',
  'in chunks':
    'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n6\r\nhello,\r\n6;x\r\n world\r\n0\r\nX-T: t\r\n\r\n',
  'that ends with its connection': 'HTTP/1.1 200 OK\r\nX-A: b\r\n\r\nhello, world',
  'after an interim one':
    'HTTP/1.1 103 Early Hints\r\nLink: a\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi',
  'without a body': 'HTTP/1.1 204 No Content\r\nX-A: b\r\n\r\n',
};
const BODIES = /^(?:hello, world|hi|)$/;

let plan: Plan;
/** how often the app saw each request, by its path */
const seen = new Map<string, number>();
let pair: Pair;

before(async () => {
  const app = await serve((socket) => {
    let asked = 0;
    socket.on('data', (bytes: Buffer) => {
      asked += 1;
      const path = bytes.toString('latin1').split(' ', 2)[1]!;
      seen.set(path, (seen.get(path) ?? 0) + 1);
      if (path === '/fine' || (plan.warm && asked === 1)) return void socket.write(ok('fine'));
      cutOff(socket);
    });
    socket.on('end', () => socket.end());
  });
  pair = await start(app, { limits: { appIdleMs: 200 } });
});

function cutOff(socket: Socket): void {
  const cut = () => (plan.cut === 'RST' ? socket.resetAndDestroy() : socket.end());
  if (plan.bytes === 0) return void cut();
  // a reset destroys what the other side has not read yet: it must be given the time to
  socket.write(plan.response.slice(0, plan.bytes), 'latin1', () =>
    setTimeout(cut, plan.cut === 'RST' ? 4 : 0),
  );
}

let requests = 0;

async function ask(method: 'GET' | 'POST', port: number): Promise<{ told: Told; path: string }> {
  requests += 1;
  const path = `/cut/${requests}`;
  const length = method === 'POST' ? 'Content-Length: 0\r\n' : '';
  const socket = await connect(port);
  if (plan.warm) {
    assert.match(await askFor(socket, `/warm/${requests}`), /^HTTP\/1\.1 200 /);
  }
  const ending = endingOf(socket, 4_000);
  socket.write(`${method} ${path} HTTP/1.1\r\nHost: api\r\nConnection: close\r\n${length}\r\n`);
  const told = readAnswer(await ending);
  // a response that was complete leaves a connection that is cut a moment later: the next request must not meet that
  await eventually('no connection to the app is left', () => pair.api.path.connections().pools === 0);
  return { told, path };
}

function where({ response, bytes, cut }: Plan): string {
  return `${cut} after ${bytes} bytes: ${JSON.stringify(response.slice(0, bytes))}`;
}

/** The app said all of it; an end is what completes a body that ends with its connection. */
function isWhole({ response, bytes, cut }: Plan): boolean {
  const headEnd = response.indexOf('\r\n\r\n') + 4;
  const endsWithConnection = !/length|chunked| 103 | 204 /i.test(response);
  if (endsWithConnection) return cut === 'FIN' && bytes >= headEnd;
  return bytes === response.length;
}

function assertHonest(told: Told): void {
  const { response, bytes } = plan;
  if (isWhole(plan)) {
    const endsWithConnection = !/length|chunked| 103 | 204 /i.test(response);
    assert.ok(told.isComplete && told.status < 300, `${where(plan)}: ${JSON.stringify(told)}`);
    if (endsWithConnection)
      assert.equal(told.body, response.slice(0, bytes).split('\r\n\r\n')[1], where(plan));
    else assert.match(told.body, BODIES, where(plan));
    return;
  }
  if (told.status === 502) {
    assert.ok(told.isComplete, where(plan));
    assert.equal(told.error, 'upstream-reset', where(plan));
    return;
  }
  // the head was through: what is left is to cut the client off too
  assert.ok(!told.isComplete, `${where(plan)} looks complete: ${JSON.stringify(told)}`);
  const finalHead = response.replace(/^HTTP\/1\.1 103 [\s\S]*?\r\n\r\n/, '');
  const before = response.length - finalHead.length;
  assert.ok(
    bytes >= before + finalHead.indexOf('\r\n\r\n') + 4,
    `${where(plan)}: no 502 though nothing was said`,
  );
}

async function nextWorks(port: number): Promise<void> {
  const socket = await connect(port);
  assert.match(await askFor(socket, '/fine'), /^HTTP\/1\.1 200 /);
  socket.destroy();
}

function cuts(response: string, warm: boolean): Plan[] {
  const plans: Plan[] = [];
  for (let bytes = 0; bytes <= response.length; bytes += 1) {
    for (const cut of ['RST', 'FIN'] as const) plans.push({ response, bytes, cut, warm });
  }
  return plans;
}

describe('an app that cuts the connection after each byte of a response', () => {
  for (const [kind, response] of Object.entries(RESPONSES)) {
    test(`${kind}: the caller learns of it, and a POST is sent once`, async () => {
      for (plan of cuts(response, false)) {
        const { told, path } = await ask('POST', pair.port);
        assertHonest(told);
        assert.equal(seen.get(path), 1, where(plan));
      }
      await nextWorks(pair.port);
    });
    test(`${kind}, inbound alone and on a connection in use: a POST is sent once`, async () => {
      for (plan of cuts(response, true)) {
        const { told, path } = await ask('POST', pair.inboundPort);
        assertHonest(told);
        assert.equal(seen.get(path), 1, where(plan));
      }
      await nextWorks(pair.inboundPort);
    });
  }

  test('a GET on a connection in use is sent again only if nothing was said', async () => {
    for (plan of cuts(RESPONSES['with a length']!, true)) {
      const { told, path } = await ask('GET', pair.port);
      const times = seen.get(path)!;
      if (plan.bytes > 0) {
        assertHonest(told);
        assert.equal(times, 1, where(plan));
      } else {
        // the app answers the first request of a connection, so the second time is answered
        assert.deepEqual([told.status, told.body, times], [200, 'fine', 2], where(plan));
      }
    }
  });

  test('a GET on a fresh connection is sent once', async () => {
    for (const cut of ['RST', 'FIN'] as const) {
      let requests = 0;
      const fresh = await serve((socket) => {
        socket.once('data', () => {
          requests += 1;
          if (cut === 'RST') socket.resetAndDestroy();
          else socket.end();
        });
      });
      const own = await start(fresh);
      plan = { response: '', bytes: 0, cut, warm: false };
      const { told } = await ask('GET', own.port);
      assert.deepEqual([told.status, told.error], [502, 'upstream-reset']);
      // by other connections it was seen that the app is still there
      assert.deepEqual([requests, fresh.accepted.length], [1, 3]);
    }
  });
});

describe('an app that cuts the connection while it is sent a request', () => {
  const BODY = 'x'.repeat(20);
  for (const cut of ['RST', 'FIN'] as const) {
    test(`after each byte of its body, by ${cut}: 502, and sent once`, async () => {
      let cutAfter = 0;
      const app = await serve((socket) => {
        let text = '';
        const onData = (bytes: Buffer) => {
          text += bytes.toString('latin1');
          const body = text.split('\r\n\r\n')[1];
          if (body === undefined || body.length < cutAfter) return;
          socket.off('data', onData);
          if (cut === 'RST') socket.resetAndDestroy();
          else socket.end();
        };
        socket.on('data', onData);
      });
      const own = await start(app);
      for (cutAfter = 0; cutAfter < BODY.length; cutAfter += 1) {
        const acceptedBefore = app.accepted.length;
        const socket = await connect(own.port);
        const ending = endingOf(socket, 4_000);
        socket.write(`POST / HTTP/1.1\r\nHost: api\r\nContent-Length: ${BODY.length}\r\n\r\n`);
        socket.write(BODY.slice(0, cutAfter));
        const told = readAnswer(await ending);
        assert.deepEqual(
          [told.status, told.error, told.isComplete],
          [502, 'upstream-reset', true],
          `${cutAfter}`,
        );
        assert.equal(app.accepted.length, acceptedBefore + 1);
      }
    });
  }

  test('as soon as it is connected: 502', async () => {
    const app = await serve((socket) => socket.resetAndDestroy());
    const own = await start(app);
    for (let round = 0; round < 10; round += 1) {
      const socket = await connect(own.port);
      const ending = endingOf(socket, 4_000);
      socket.write('POST / HTTP/1.1\r\nHost: api\r\nConnection: close\r\nContent-Length: 5\r\n\r\nhello');
      const told = readAnswer(await ending);
      assert.equal(told.status, 502);
      assert.match(told.error!, /^(?:upstream-reset|connect-failure)$/);
    }
  });
});
