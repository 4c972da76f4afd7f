import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Endpoint } from '../api/destination.ts';
import type { LoadBalancing } from '../api/destination-traffic.ts';
import { Caller, type CallerOptions } from './testing/caller.ts';
import { until } from './testing/harness.ts';
import {
  ask,
  assertError,
  begin,
  openClient,
  type Seen,
  serveVersion,
  VERSIONS,
  type Version,
  type VersionServer,
} from './testing/versions.ts';

const DONE = (request: Seen) => request.answer(200, 'done');

async function balanced(
  version: Version,
  loadBalancing: LoadBalancing,
  endpoints: readonly Partial<Endpoint>[],
  more: Omit<CallerOptions, 'endpoints'> = {},
  respond: readonly ((request: Seen) => void)[] = [],
): Promise<{ readonly caller: Caller; readonly servers: readonly VersionServer[] }> {
  const servers = await Promise.all(
    endpoints.map((_, index) => serveVersion(version, respond[index] ?? DONE)),
  );
  const caller = await Caller.start(servers, {
    ...more,
    endpoints,
    traffic: { ...more.traffic, loadBalancing },
  });
  return { caller, servers };
}

async function send(
  version: Version,
  caller: Caller,
  count: number,
  headers: Record<string, string> = {},
): Promise<void> {
  const client = openClient(version, caller.port);
  for (let request = 0; request < count; request += 1) await client.ask({ headers });
  client.close();
}

const shares = (servers: readonly VersionServer[]) => servers.map(({ seen }) => seen.length);

for (const version of VERSIONS) {
  test(`${version}: RoundRobin gives every endpoint the same number of requests`, async () => {
    const { caller, servers } = await balanced(version, { algorithm: 'RoundRobin' }, [{}, {}, {}]);
    await send(version, caller, 30);
    assert.deepEqual(shares(servers), [10, 10, 10]);
  });

  test(`${version}: RoundRobin gives an endpoint requests in proportion to its weight`, async () => {
    const { caller, servers } = await balanced(version, { algorithm: 'RoundRobin' }, [
      { weight: 1 },
      { weight: 3 },
    ]);
    await send(version, caller, 40);
    assert.deepEqual(shares(servers), [10, 30]);
  });

  for (const algorithm of ['Maglev', 'RingHash'] as const) {
    test(`${version}: ${algorithm} sends what has the same header value to the same endpoint, and spreads the values`, async () => {
      const hash = { type: 'Header', header: 'x-user' } as const;
      const { caller, servers } = await balanced(version, { algorithm, hash }, [{}, {}, {}]);
      const homes = new Set<number>();
      for (let user = 0; user < 12; user += 1) {
        const before = shares(servers);
        await send(version, caller, 3, { 'X-User': `user-${user}` });
        const gained = shares(servers).map((count, index) => count - before[index]!);
        assert.deepEqual([...gained].sort(), [0, 0, 3]);
        homes.add(gained.indexOf(3));
      }
      assert.ok(homes.size > 1);
    });

    test(`${version}: ${algorithm} moves nothing but what was at an endpoint that goes`, async () => {
      const hash = { type: 'Header', header: 'x-user' } as const;
      const { caller, servers } = await balanced(version, { algorithm, hash }, [{}, {}, {}]);
      const homeOf = async (user: number) => {
        const before = shares(servers);
        await send(version, caller, 1, { 'X-User': `user-${user}` });
        return shares(servers).findIndex((count, index) => count > before[index]!);
      };
      const homes = [];
      for (let user = 0; user < 20; user += 1) homes.push(await homeOf(user));
      caller.setEndpoints([servers[0]!.port, servers[1]!.port]);
      let moved = 0;
      for (let user = 0; user < 20; user += 1) {
        const home = await homeOf(user);
        assert.notEqual(home, 2);
        if (homes[user] !== 2 && home !== homes[user]) moved += 1;
      }
      // Maglev moves a few more than it must
      assert.ok(moved <= (algorithm === 'Maglev' ? 4 : 0), `${moved} moved`);
    });
  }

  test(`${version}: without the header any endpoint will do`, async () => {
    const hash = { type: 'Header', header: 'x-user' } as const;
    const { caller, servers } = await balanced(version, { algorithm: 'Maglev', hash }, [{}, {}]);
    await send(version, caller, 30);
    assert.ok(shares(servers).every((count) => count > 0));
  });

  test(`${version}: a hash by source keeps to one endpoint`, async () => {
    const { caller, servers } = await balanced(version, { algorithm: 'RingHash', hash: { type: 'Source' } }, [
      {},
      {},
      {},
    ]);
    await send(version, caller, 9);
    assert.deepEqual([...shares(servers)].sort(), [0, 0, 9]);
  });

  test(`${version}: PreferSameZone keeps requests in the zone of the caller, and leaves it when nobody is there`, async () => {
    const zones = [{ zone: 'a' }, { zone: 'b' }, { zone: 'a' }, { zone: 'b' }];
    const { caller, servers } = await balanced(
      version,
      { algorithm: 'RoundRobin', locality: 'PreferSameZone' },
      zones,
      {
        zone: 'b',
      },
    );
    await send(version, caller, 12);
    assert.deepEqual(shares(servers), [0, 6, 0, 6]);
    caller.setEndpoints([servers[0]!.port, servers[2]!.port]);
    await send(version, caller, 4);
    assert.deepEqual(shares(servers), [2, 6, 2, 6]);
  });

  test(`${version}: LeastRequest leaves an endpoint alone that is busy`, async () => {
    const held: Seen[] = [];
    const hold = (request: Seen) => (request.path === '/hold' ? void held.push(request) : DONE(request));
    const { caller, servers } = await balanced(version, { algorithm: 'LeastRequest' }, [{}, {}], {}, [
      hold,
      hold,
    ]);
    const busy = begin(version, caller.port, { path: '/hold' });
    await until(() => held.length === 1);
    const before = shares(servers);
    await send(version, caller, 10);
    const gained = shares(servers).map((count, index) => count - before[index]!);
    assert.deepEqual([...gained].sort(), [0, 10]);
    held[0]!.answer(200, 'done');
    await busy.answer;
    // nothing is left of it: both are asked again
    await send(version, caller, 20);
    assert.ok(shares(servers).every((count) => count > 3));
  });

  test(`${version}: PeakEWMA avoids an endpoint that is slow`, async () => {
    const slow = (request: Seen) => void setTimeout(() => request.answer(200, 'slow'), 60);
    const { caller, servers } = await balanced(version, {}, [{}, {}, {}], {}, [slow]);
    await send(version, caller, 40);
    assert.ok(shares(servers)[0]! <= 8, `${shares(servers)}`);
  });

  test(`${version}: a destination without endpoints says so`, async () => {
    const { caller } = await balanced(version, {}, []);
    assertError(version, await ask(version, caller.port), 'no-endpoints');
  });
}
