import assert from 'node:assert/strict';
import { connect as connectHttp2 } from 'node:http2';
import { test } from 'node:test';
import { start, toClose, until } from './testing/harness.ts';
import { ask, type Seen, serveVersion } from './testing/versions.ts';

/** Node closes a connection on which 1,000 requests were cancelled at once. */
const CANCELLED = 1_600;
const AT_ONCE = 40;

test('a caller that cancels its requests costs no other caller the connection to the app', async () => {
  const held: Seen[] = [];
  const app = await serveVersion('http2', (seen) => {
    if (seen.path === '/held') held.push(seen);
  });
  const pair = await start(app);
  const precious = ask('http2', pair.inboundPort, { method: 'POST', path: '/held', body: 'precious' });
  await until(() => held.length === 1, 'the request of another');
  const attackers = [0, 1].map(() => {
    const client = connectHttp2(`http://127.0.0.1:${pair.inboundPort}`);
    client.on('error', () => {});
    toClose.push(async () => client.destroy());
    return client;
  });
  for (let done = 0; done < CANCELLED; done += AT_ONCE) {
    const client = attackers[(done / AT_ONCE) % 2]!;
    const seen = app.seen.length;
    const streams = Array.from({ length: AT_ONCE }, () => {
      const stream = client.request({ ':path': '/', ':authority': 'api' });
      return stream.on('error', () => {});
    });
    await until(() => app.seen.length === seen + AT_ONCE, 'the requests');
    for (const stream of streams) stream.close(8);
  }
  assert.ok(app.accepted.length > 1, 'they go over other connections in the end');
  held[0]!.answer(200, 'kept');
  const { status, body } = await precious;
  assert.deepEqual([status, body], [200, 'kept']);
});
