import assert from 'node:assert/strict';
import { connect as connectHttp2 } from 'node:http2';
import { test } from 'node:test';
import { REPLAY_BUDGET, REPLAY_BYTES } from './layers/replay-buffer.ts';
import { start, toClose, until } from './testing/harness.ts';
import { ask, serveVersion } from './testing/versions.ts';

/** More than the window of a connection holds; each is more than that of a stream. */
const SLOW_READS = 24;
const LARGE = 'x'.repeat(128 * 1024);

test('a caller that does not read what it asked for stops no other caller', async () => {
  const app = await serveVersion('http2', ({ path, answer }) =>
    answer(200, path === '/large' ? LARGE : 'done'),
  );
  const pair = await start(app);
  // takes the heads of the answers, and nothing of their bodies
  const slow = connectHttp2(`http://127.0.0.1:${pair.inboundPort}`, { settings: { initialWindowSize: 0 } });
  toClose.push(async () => slow.destroy());
  slow.on('error', () => {});
  let heads = 0;
  for (let turn = 0; turn < SLOW_READS; turn += 1) {
    const stream = slow.request({ ':path': '/large', ':authority': 'api' });
    stream.on('error', () => {});
    stream.on('response', () => {
      heads += 1;
    });
  }
  await until(() => heads === SLOW_READS, 'what is large');
  const { body } = await ask('http2', pair.inboundPort, { path: '/small' });
  assert.equal(body, 'done');
  assert.equal(app.accepted.length, 1, 'they share a connection');
});

test('bodies that are kept to be sent again are forgotten with their requests', async () => {
  const app = await serveVersion('http2');
  const pair = await start(app);
  const kept = () => REPLAY_BYTES - REPLAY_BUDGET.leftBytes;
  for (const port of [pair.port, pair.inboundPort]) {
    const client = connectHttp2(`http://127.0.0.1:${port}`);
    client.on('error', () => {});
    for (let turn = 0; turn < 4; turn += 1) {
      const stream = client.request({ ':method': 'POST', ':path': '/', ':authority': 'api' });
      stream.on('error', () => {});
      stream.write('x'.repeat(10_000));
    }
    await until(() => kept() >= 40_000, 'what is kept');
    client.destroy();
    await until(() => kept() === 0, 'the end of the requests');
    assert.equal((await ask('http2', port, { method: 'POST', body: 'x'.repeat(10_000) })).body, 'done');
    await until(() => kept() === 0, 'the end of a request that is answered');
  }
});
