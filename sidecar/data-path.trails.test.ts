import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { TrailRecord } from '../api/trail-record.ts';
import { Caller } from './testing/caller.ts';
import { destination } from './testing/fake-state.ts';
import { DENY_ADMIN, inbound, start, until } from './testing/harness.ts';
import { deadPort } from './testing/http-server.ts';
import { API, WEB } from './testing/pair.ts';
import { type Asked, ask, assertError, type Seen, serveVersion, VERSIONS } from './testing/versions.ts';
import { ok, serveHttp } from './testing/wire.ts';

type Sided = { readonly path: { trails(): { records(): Iterable<TrailRecord> } } };
const recordsOf = ({ path }: Sided) => [...path.trails().records()];
/** An app that answers with the fields it was sent. */
const ECHO = ({ headers, answer }: Seen) => answer(200, JSON.stringify(headers));
const idOf = ({ body }: { readonly body: string }): string | undefined => JSON.parse(body)['x-request-id'];

/** Of what is no id: it is replaced. */
const NO_IDS: readonly (readonly [what: string, id: string | string[]])[] = [
  ['is too long', 'x'.repeat(129)],
  ['has a space', 'a b'],
  ['is empty', ''],
  ['has a tab', 'a\tb'],
  ['has a letter beyond ASCII', 'a\u00e4b'],
  ['is there twice', ['mine-1', 'mine-1']],
  ['is followed by another', ['mine-1', 'mine-2']],
];

for (const version of VERSIONS) {
  test(`${version}: both sidecars know a request by the same id, which the app is told`, async () => {
    const pair = await start(await serveVersion(version, ECHO), { inbound: inbound([]) });
    const id = idOf(await ask(version, pair.port, { path: '/v1/a?token=secret' }));
    assert.ok(id !== undefined && id.length >= 8, id);
    await until(() => recordsOf(pair.web).length === 1 && recordsOf(pair.api).length === 1);
    const [out] = recordsOf(pair.web);
    const [into] = recordsOf(pair.api);
    assert.equal(out?.requestId, id);
    assert.equal(into?.requestId, id);
    assert.equal(out?.direction, 'outbound');
    assert.equal(into?.direction, 'inbound');
    assert.equal(into?.caller, WEB);
    assert.equal(out?.path, '/v1/a');
    assert.equal(out?.status, 200);
    assert.equal(out?.attempts, 1);
    assert.equal(out?.algorithm, 'PeakEWMA');
    assert.deepEqual([out?.usableEndpoints, out?.knownEndpoints], [1, 1]);
    assert.equal(out?.encrypted && into?.encrypted, true);
    assert.ok(out!.connectedAfterMs >= 0 && out!.respondedAfterMs >= out!.connectedAfterMs);
    assert.ok(out!.durationMs >= out!.respondedAfterMs);
    assert.doesNotMatch(JSON.stringify([out, into]), /secret/);
  });

  test(`${version}: a request that brings its id keeps it`, async () => {
    const pair = await start(await serveVersion(version, ECHO));
    const headers = { 'X-Request-Id': 'mine-1' };
    assert.equal(idOf(await ask(version, pair.port, { headers })), 'mine-1');
    await until(() => recordsOf(pair.api).length === 1);
    assert.equal(recordsOf(pair.api)[0]?.requestId, 'mine-1');
  });

  for (const [what, id] of NO_IDS) {
    test(`${version}: an id that ${what} is replaced`, async () => {
      const pair = await start(await serveVersion(version, ECHO));
      const told = idOf(await ask(version, pair.port, { headers: { 'X-Request-Id': id } }));
      assert.match(told ?? '', /^[\w-]{8,64}$/);
      assert.doesNotMatch(told ?? '', /mine-/);
    });
  }

  test(`${version}: a denial names the request in its answer, and the record says which rule it was`, async () => {
    const pair = await start(await serveVersion(version), { inbound: inbound([DENY_ADMIN]) });
    const answer = await ask(version, pair.port, { path: '/admin/users' });
    assertError(version, answer, 'denied');
    await until(() => recordsOf(pair.api).length === 1);
    const [into] = recordsOf(pair.api);
    assert.ok(into?.requestId);
    assert.equal(answer.headers['x-request-id'], into.requestId);
    assert.deepEqual(
      [into.verdict, into.policy, into.rule, into.code],
      ['denied', 'shop/api', 'no-admin', 'denied'],
    );
    await until(() => recordsOf(pair.web).length === 1);
    const [out] = recordsOf(pair.web);
    assert.equal(out?.peerError, 'denied');
  });

  test(`${version}: the record of a request that was tried again says where and why it failed before`, async () => {
    const dead = { port: await deadPort(), accepted: [], close: async () => {} };
    const alive = await serveVersion(version);
    const caller = await Caller.start([dead, alive], {
      traffic: { loadBalancing: { algorithm: 'RoundRobin' } },
    });
    for (let i = 0; i < 2; i += 1) await ask(version, caller.port);
    await until(() => recordsOf(caller.side).length === 2);
    const retried = recordsOf(caller.side).find(({ attempts }) => attempts === 2);
    assert.equal(retried?.failedAttempts, `127.0.0.1:${dead.port} connect-failure`);
    assert.equal(retried?.endpoint, `127.0.0.1:${alive.port}`);
    assert.equal(retried?.algorithm, 'RoundRobin');
  });

  test(`${version}: nobody but a sidecar can say that a request is a copy`, async () => {
    const pair = await start(await serveVersion(version, ECHO), { inbound: inbound([]) });
    const forged: Asked = { headers: { 'weft-mirror': '1' } };
    for (const port of [pair.port, pair.inboundPort]) {
      assert.doesNotMatch((await ask(version, port, forged)).body, /weft-mirror/);
    }
    await until(() => recordsOf(pair.api).length === 2);
    assert.deepEqual(
      recordsOf(pair.api).map(({ isCopy }) => isCopy),
      [false, false],
    );
  });
}

test('who gets a copy of a request notes that it is one, and its app is not told', async () => {
  const pair = await start(await serveVersion('http1'), { inbound: inbound([]) });
  const heads: string[] = [];
  const shadow = await start(
    await serveHttp((head) => {
      heads.push(head);
      return ok('copied');
    }),
    { inbound: inbound([]) },
  );
  const at = { address: '127.0.0.1', workload: 'api', namespace: 'shop' };
  const backend = { name: 'shop/shadow:80', service: 'shadow', namespace: 'shop' };
  const identified = (port: number) => [{ ...at, port, spiffeId: API }];
  // one authority signs for both
  shadow.api.state.setIdentity(pair.api.state.identity!);
  pair.web.state.destinations.set(
    'shop/api:80',
    destination('shop/api:80', identified(pair.inboundPort), {
      name: 'api',
      protocol: 'HTTP',
      traffic: { routes: [{ name: 'r', mirror: { backend: 0, percent: 100 } }] },
      backends: [{ ...backend, endpoints: identified(shadow.inboundPort) }],
    }),
  );
  assert.equal((await ask('http1', pair.port)).body, 'done');
  await until(() => recordsOf(shadow.api).length === 1 && recordsOf(pair.api).length === 1);
  assert.deepEqual(
    [recordsOf(pair.web)[0]?.isCopy, recordsOf(pair.api)[0]?.isCopy, recordsOf(shadow.api)[0]?.isCopy],
    [false, false, true],
  );
  assert.equal(heads.length, 1);
  assert.doesNotMatch(heads[0]!, /weft-mirror/i);
});
