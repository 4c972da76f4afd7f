import assert from 'node:assert/strict';
import { test } from 'node:test';
import { destination } from './testing/fake-state.ts';
import { inbound, start, until } from './testing/harness.ts';
import { deadPort } from './testing/http-server.ts';
import { API } from './testing/pair.ts';
import {
  ask,
  assertError,
  begin,
  openClient,
  type Seen,
  serveVersion,
  VERSIONS,
} from './testing/versions.ts';
import { serveHttp } from './testing/wire.ts';
import { waiting } from './transport/accept-queue.fixture.ts';

const KEY = 'shop/api:80';

for (const version of VERSIONS) {
  test(`${version}: a request that came through a proxy straight to an outbound listener is a loop`, async () => {
    const pair = await start(await serveVersion(version));
    const headers = { 'weft-hop': 'web-proxy' };
    assertError(version, await ask(version, pair.port, { headers }), 'loop');
  });

  test(`${version}: an app that answers nonsense is told of as such`, async () => {
    const pair = await start(await serveHttp(() => 'nonsense\r\n\r\n'));
    assertError(version, await ask(version, pair.port), 'upstream-protocol');
  });

  test(`${version}: an app that closes without an answer is told of, and the request is not sent twice`, async () => {
    const app = await serveVersion(version, () => app.accepted[0]!.destroy());
    const pair = await start(app);
    assertError(version, await ask(version, pair.port), 'upstream-reset');
    assert.equal(app.seen.length, 1);
  });

  test(`${version}: an app that dies within a response cuts the client off, and its connection is not used again`, async () => {
    const app = await serveVersion(version, (seen: Seen) => {
      if (seen.path !== '/dies') return seen.answer(200, 'alive');
      seen.begin('part');
      setTimeout(() => app.accepted[0]!.destroy(), 20);
    });
    const pair = await start(app);
    const cut = begin(version, pair.port, { path: '/dies' });
    await assert.rejects(cut.answer);
    assert.equal(cut.text(), 'part');
    assert.equal((await ask(version, pair.port)).body, 'alive');
    assert.equal(app.accepted.length, 2);
  });

  test(`${version}: an app that is not there is told of as such`, async () => {
    const pair = await start({ port: await deadPort(), accepted: [], close: async () => {} });
    assertError(version, await ask(version, pair.port), 'connect-failure');
  });

  test(`${version}: an endpoint that cannot be connected is skipped, and without any the answer says so`, async () => {
    const pair = await start(await serveVersion(version), { destination: { protocol: 'HTTP' } });
    const at = (port: number) => ({
      ...{ address: '127.0.0.1', port, spiffeId: API, workload: 'api', namespace: 'shop' },
    });
    const listing = (...ports: number[]) =>
      destination(KEY, ports.map(at), {
        ...{ name: 'api', protocol: 'HTTP' },
        traffic: { loadBalancing: { algorithm: 'RoundRobin' } },
      });
    pair.web.state.destinations.set(KEY, listing(await deadPort(), pair.inboundPort));
    for (const _ of [1, 2]) assert.equal((await ask(version, pair.port)).body, 'done');
    assert.match(
      pair.web.path.renderMetrics(),
      /weft_retries_total\{direction="outbound",service="api",destination_namespace="shop",reason="connect"\} [12]\n/,
    );
    pair.web.state.destinations.set(KEY, listing());
    assertError(version, await ask(version, pair.port), 'no-endpoints');
  });

  test(`${version}: with nobody to ask, a Strict workload gets a named error`, async () => {
    const pair = await start(await serveVersion(version));
    pair.web.state.destinations.set(KEY, 'unreachable');
    const config = pair.web.state.config!;
    pair.web.state.setConfig({ ...config, inbound: inbound([], { mtls: 'Strict' }) });
    assertError(version, await ask(version, pair.port), 'control-plane-unreachable');
  });

  test(`${version}: an app that does not answer in time is told of as such`, async () => {
    const pair = await start(await serveVersion(version, () => {}), { limits: { idleTimeoutMs: 200 } });
    assertError(version, await ask(version, pair.port), 'timeout');
  });

  test(`${version}: draining finishes what is in flight, and ends`, async () => {
    const held: Seen[] = [];
    const pair = await start(await serveVersion(version, (seen) => held.push(seen)));
    const idle = openClient(version, pair.port);
    const first = idle.ask();
    await until(() => held.length === 1);
    held.pop()!.answer(200, 'before');
    assert.equal((await first).body, 'before');
    const { port } = pair;
    const busy = begin(version, port);
    await until(() => held.length === 1);
    const drained = pair.web.path.drain();
    await until(() => waiting(port) === undefined, 'nobody to listen');
    await assert.rejects(ask(version, port));
    held.pop()!.answer(200, 'late');
    assert.equal((await busy.answer).body, 'late');
    await drained;
    assert.equal(pair.web.path.connections().open, 0);
    idle.close();
  });
}
