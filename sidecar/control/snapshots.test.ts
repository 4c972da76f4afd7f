import assert from 'node:assert/strict';
import { describe, it, type TestContext } from 'node:test';
import { createLog } from '../log.ts';
import { temporaryFolder } from './control.fixture.ts';
import { FakeClock } from './fake-clock.fixture.ts';
import type { KnownDestination } from './known-destination.ts';
import { NOTHING_SAVED } from './saved-core.ts';
import { Snapshots } from './snapshots.ts';

const PROXY_ID = 'p1';

async function setUp(t: TestContext) {
  const clock = new FakeClock();
  const known: KnownDestination[] = [];
  const options = {
    ...{ stateDir: await temporaryFolder(t), proxyId: PROXY_ID, clock },
    ...{ core: () => NOTHING_SAVED, destinations: () => known, log: createLog({ level: 'error' }) },
  };
  const snapshots = new Snapshots(options);
  /** what a process that starts now would find, of what was written after so long */
  const foundAfter = async (ms: number) => {
    clock.advance(ms);
    await snapshots.settled();
    return (await new Snapshots(options).loadDestinations()).map(({ key }) => key);
  };
  const learn = (key: string, isLearned = true, bytes = 1) => {
    known.unshift({ key, destination: 'x'.repeat(bytes) });
    snapshots.saveDestinationsSoon(isLearned);
  };
  return { clock, learn, foundAfter };
}

describe('destinations on disk', () => {
  it('are there a moment after they were learned, so that a process that is killed forgets none', async (t) => {
    const { learn, foundAfter } = await setUp(t);
    learn('a');
    assert.deepEqual(await foundAfter(100), ['a']);
  });

  it('are brought up to date every five seconds, and at once with one that is learned', async (t) => {
    const { learn, foundAfter } = await setUp(t);
    learn('a', false);
    assert.deepEqual(await foundAfter(4_000), []);
    learn('b', false);
    assert.deepEqual(await foundAfter(1_000), ['b', 'a'], 'changes do not put it off');
    learn('c', false);
    learn('d');
    assert.deepEqual(await foundAfter(100), ['d', 'c', 'b', 'a']);
  });

  it('are written the more rarely the more there is to write', async (t) => {
    const { clock, learn, foundAfter } = await setUp(t);
    learn('large', true, 4 * 1024 * 1024);
    assert.deepEqual(await foundAfter(100), ['large']);
    learn('b');
    assert.deepEqual(await foundAfter(2_000), ['large']);
    assert.deepEqual(await foundAfter(100), ['b', 'large']);
    assert.equal(clock.pending, 0);
  });
});
