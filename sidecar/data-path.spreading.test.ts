import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Caller } from './testing/caller.ts';
import { last } from './testing/harness.ts';
import { type Served, serveRequests } from './testing/http-server.ts';
import { talk } from './testing/wire.ts';

const DONE = ({ answer }: Served) => answer(200, 'done');

test('Random asks every endpoint', async () => {
  const servers = await Promise.all([DONE, DONE, DONE].map((each) => serveRequests(each)));
  const caller = await Caller.start(servers, { traffic: { loadBalancing: { algorithm: 'Random' } } });
  for (let request = 0; request < 60; request += 1) await talk(caller.port, last());
  for (const { seen } of servers) assert.ok(seen.length > 8, `${servers.map((each) => each.seen.length)}`);
});

test('an endpoint that joins gets a small share of requests while slowStart lasts, and an equal one without', async () => {
  const [first, second] = [await serveRequests(DONE), await serveRequests(DONE)];
  const slowly = { algorithm: 'RoundRobin', slowStartMs: 600_000 } as const;
  const caller = await Caller.start([first, second], { traffic: { loadBalancing: slowly } });
  caller.setEndpoints([first.port]);
  await talk(caller.port, last());
  caller.setEndpoints([first.port, second.port]);
  for (let request = 0; request < 33; request += 1) await talk(caller.port, last());
  assert.ok(second.seen.length >= 2 && second.seen.length <= 4, `${second.seen.length} of 33`);
  caller.setTraffic({ loadBalancing: { algorithm: 'RoundRobin' } });
  const before = second.seen.length;
  for (let request = 0; request < 20; request += 1) await talk(caller.port, last());
  assert.equal(second.seen.length - before, 10);
});
