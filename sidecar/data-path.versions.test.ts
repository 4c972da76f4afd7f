import assert from 'node:assert/strict';
import { connect as connectHttp2 } from 'node:http2';
import { test } from 'node:test';
import { Caller } from './testing/caller.ts';
import { sleep, start, toClose, until } from './testing/harness.ts';
import { ask, askOn, serveVersion, VERSIONS } from './testing/versions.ts';

const route = (value: string) => [{ path: { type: 'PathPrefix' as const, value } }];

for (const version of VERSIONS) {
  test(`${version}: a copy of each request goes to the mirror`, async () => {
    const app = await serveVersion(version);
    const shadow = await serveVersion(version);
    const caller = await Caller.start([app], {
      backends: [{ name: 'shadow', servers: [shadow] }],
      traffic: { routes: [{ name: 'all', match: route('/'), mirror: { backend: 0, percent: 100 } }] },
    });
    assert.equal(
      (await ask(version, caller.port, { method: 'POST', path: '/m', body: 'both' })).body,
      'done',
    );
    await until(() => shadow.seen.length === 1, 'the copy');
    const { path, body } = shadow.seen[0]!;
    assert.deepEqual([path, body], ['/m', 'both']);
  });
}

test('a slow reader stops who writes, through both sidecars', async () => {
  let written = 0;
  const app = await serveVersion('http2');
  const pair = await start(app);
  const piece = Buffer.alloc(64 * 1024);
  const client = connectHttp2(`http://127.0.0.1:${pair.port}`);
  toClose.push(async () => client.destroy());
  await askOn(client, {});
  app.sessions[0]!.removeAllListeners('stream');
  app.sessions[0]!.on('stream', (stream) => {
    stream.on('error', () => {});
    stream.respond({ ':status': 200 });
    const more = () => {
      while (written < 200 * piece.length && stream.write(piece)) written += piece.length;
    };
    stream.on('drain', more);
    more();
  });
  const stream = client.request({ ':path': '/' });
  stream.on('error', () => {});
  stream.pause();
  await sleep(200);
  const before = written;
  assert.ok(before < 4_000_000, `${before} bytes were taken`);
  await sleep(100);
  assert.equal(written, before);
  let read = 0;
  stream.on('data', (bytes: Buffer) => {
    read += bytes.length;
  });
  stream.resume();
  await until(() => read > before + 2_000_000, 'the rest');
  stream.close();
});
