import assert from 'node:assert/strict';
import { createServer, type IncomingMessage, request } from 'node:http';
import { type AddressInfo, connect, type Socket } from 'node:net';
import { describe, it, type TestContext } from 'node:test';
import { eventually } from '../control/control.fixture.ts';
import { type Log, SILENT } from '../log.ts';
import { Scrapes } from './scrapes.ts';

/** Larger than what the kernel takes for a reader that does not read. */
const SLICE = `${'x'.repeat(64 * 1024)}\n`;

async function serve(t: TestContext, metrics: () => string | Iterable<string>, log: Log = SILENT) {
  const scrapes = new Scrapes(metrics, log);
  const server = createServer((_, response) => scrapes.answer(response));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.after(() => {
    server.closeAllConnections();
    server.close();
  });
  const { port } = server.address() as AddressInfo;
  const get = (init?: RequestInit) => fetch(`http://127.0.0.1:${port}/metrics`, init);
  /** Asks, and reads nothing. */
  const ask = (): Socket => {
    const socket = connect(port, '127.0.0.1');
    socket.pause();
    socket.on('error', () => undefined);
    socket.write('GET /metrics HTTP/1.1\r\nhost: a\r\n\r\n');
    t.after(() => socket.destroy());
    return socket;
  };
  return { scrapes, port, get, ask };
}

/** Says how many slices were asked for, and whether the reader let go. */
function endless() {
  const state = { asked: 0, released: 0 };
  function* metrics() {
    try {
      for (;;) {
        state.asked += 1;
        yield SLICE;
      }
    } finally {
      state.released += 1;
    }
  }
  return { state, metrics };
}

describe('a scrape', () => {
  it('gets every slice in order, and one is asked for in a turn of the event loop', async (t) => {
    let turn = 0;
    const turns: number[] = [];
    let isDone = false;
    const count = () => {
      turn += 1;
      if (!isDone) setImmediate(count);
    };
    function* metrics() {
      for (let index = 0; index < 200; index += 1) {
        turns.push(turn);
        yield `a{i="${index}"} 1\n`;
      }
    }
    const { get } = await serve(t, metrics);
    count();
    const texts = await Promise.all([1, 2].map(async () => (await get()).text()));
    isDone = true;
    const whole = Array.from({ length: 200 }, (_, index) => `a{i="${index}"} 1\n`).join('');
    assert.deepEqual(texts, [whole, whole]);
    assert.equal(turns.length, 400);
    assert.equal(new Set(turns).size, 400, 'two slices in one turn');
  });

  it('of a whole text gets it as one slice, and HEAD asks for nothing', async (t) => {
    let asked = 0;
    const { get } = await serve(t, () => {
      asked += 1;
      return 'a 1\nb 2\n';
    });
    const answer = await get();
    assert.equal(answer.headers.get('content-type'), 'text/plain; version=0.0.4; charset=utf-8');
    assert.equal(await answer.text(), 'a 1\nb 2\n');
    const head = await get({ method: 'HEAD' });
    assert.deepEqual([head.status, await head.text(), asked], [200, '', 1]);
  });

  it('that reads slowly gets it all, and what it has not read is not rendered', async (t) => {
    let asked = 0;
    function* metrics() {
      for (; asked < 400; asked += 1) yield SLICE;
    }
    const { port, scrapes } = await serve(t, metrics);
    const response = await new Promise<IncomingMessage>((resolve, reject) => {
      request({ port, host: '127.0.0.1' }, resolve).on('error', reject).end();
    });
    response.pause();
    let before = -1;
    await eventually('it waits', () => {
      const isStill = asked === before;
      before = asked;
      return isStill;
    });
    assert.ok(asked < 400, `${asked} slices are rendered`);
    let length = 0;
    for await (const chunk of response) length += (chunk as Buffer).length;
    assert.equal(length, 400 * SLICE.length);
    await eventually('it is over', () => scrapes.size === 0);
  });

  it('whose scraper goes away ends there', async (t) => {
    const { state, metrics } = endless();
    const { ask, scrapes } = await serve(t, metrics);
    const socket = ask();
    await eventually('it began', () => state.asked > 0);
    socket.destroy();
    await eventually('it let go', () => state.released === 1 && scrapes.size === 0);
    const { asked } = state;
    await new Promise((resolve) => setTimeout(resolve, 20));
    assert.equal(state.asked, asked);
  });

  it('that does not read gives way to one more than there may be', async (t) => {
    const { state, metrics } = endless();
    let isEndless = true;
    const { ask, get, scrapes } = await serve(t, () => (isEndless ? metrics() : 'a 1\n'));
    for (let index = 1; index <= 4; index += 1) {
      ask();
      await eventually('it is served', () => scrapes.size === index);
    }
    let before = -1;
    await eventually('all wait', () => {
      const isStill = state.asked === before;
      before = state.asked;
      return isStill;
    });
    isEndless = false;
    assert.equal(await (await get()).text(), 'a 1\n');
    assert.equal(state.released, 1);
    await eventually('three are left', () => scrapes.size === 3);
  });

  it('is refused when as many as there may be are being read', async (t) => {
    const { metrics } = endless();
    // small, so that the sockets take them and none of the scrapes ever waits
    function* trickle() {
      for (const _ of metrics()) yield '';
    }
    const { ask, get, scrapes } = await serve(t, trickle);
    for (let index = 0; index < 4; index += 1) ask();
    await eventually('all are served', () => scrapes.size === 4);
    const refused = await get();
    assert.equal(refused.status, 503);
    assert.equal(await refused.text(), 'too many scrapes at the same time\n');
    assert.equal(scrapes.size, 4);
  });

  it('that takes longer than anybody waits is cut', async (t) => {
    const { metrics, state } = endless();
    t.mock.timers.enable({ apis: ['setTimeout'] });
    const { ask, scrapes } = await serve(t, metrics);
    const closed = new Promise((resolve) => ask().once('close', resolve).resume());
    while (scrapes.size === 0) await new Promise((resolve) => setImmediate(resolve));
    t.mock.timers.tick(15_000);
    t.mock.timers.reset();
    await closed;
    assert.deepEqual([state.released, scrapes.size], [1, 0]);
  });

  it('that cannot be rendered is an error, and half of one never looks whole', async (t) => {
    const reasons: unknown[] = [];
    const log: Log = { ...SILENT, error: (_, fields) => reasons.push(fields) };
    let slicesBefore = 0;
    function* metrics() {
      for (let index = 0; index < slicesBefore; index += 1) yield 'a 1\n';
      throw new Error('a collector failed');
    }
    const { get, scrapes } = await serve(t, metrics, log);
    assert.equal((await get()).status, 500);
    slicesBefore = 3;
    await assert.rejects(async () => (await get()).text());
    assert.deepEqual(reasons, [{ reason: 'a collector failed' }, { reason: 'a collector failed' }]);
    await eventually('both are over', () => scrapes.size === 0);
  });
});
