import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { ApiError } from './api-error.ts';
import { LeaseElection } from './lease.ts';
import type { LeaseRecord, LeaseStore, StoredLease } from './lease-store.ts';
import { FakeClock } from './testing/fake-clock.ts';
import { silentLog } from './testing/scripted-api.ts';

/** One Lease object with optimistic locking, as the API server keeps it. */
class SharedLease {
  record: LeaseRecord | undefined;
  version = 0;

  store(faults: { fail?: boolean; hang?: boolean } = {}): LeaseStore {
    const check = async () => {
      if (faults.hang) await new Promise(() => {});
      if (faults.fail) throw Object.assign(new Error('no route to host'), { code: 'EHOSTUNREACH' });
    };
    return {
      read: async () => {
        await check();
        const metadata = { resourceVersion: String(this.version) };
        return this.record && { record: this.record, metadata };
      },
      create: async (record) => {
        await check();
        if (this.record !== undefined) throw new ApiError(409, { reason: 'AlreadyExists' });
        this.#write(record);
      },
      update: async ({ metadata }: StoredLease, record) => {
        await check();
        if (metadata.resourceVersion !== String(this.version))
          throw new ApiError(409, { reason: 'Conflict' });
        this.#write(record);
      },
    };
  }
  #write(record: LeaseRecord) {
    this.record = record;
    this.version += 1;
  }
}

describe('LeaseElection', () => {
  function candidate(lease: SharedLease, identity: string, clock: FakeClock, faults = {}) {
    const changes: boolean[] = [];
    const store = lease.store(faults);
    const election = new LeaseElection({ store, identity, clock, random: () => 0, log: silentLog });
    election.onChange((isLeader) => changes.push(isLeader));
    return { election, changes };
  }

  it('makes the first candidate the leader, and only that one', async () => {
    const [lease, clock] = [new SharedLease(), new FakeClock()];
    const a = candidate(lease, 'a', clock);
    const b = candidate(lease, 'b', clock);
    a.election.start();
    b.election.start();
    for (let second = 0; second < 60; second++) {
      await clock.advance(1_000);
      assert.equal(Number(a.election.isLeader) + Number(b.election.isLeader), 1);
    }
    assert.equal(lease.record?.transitions, 0);
    await Promise.all([a.election.stop(), b.election.stop()]);
  });

  it('takes over at the next look when the leader released', async () => {
    const [lease, clock] = [new SharedLease(), new FakeClock()];
    const a = candidate(lease, 'a', clock);
    const b = candidate(lease, 'b', clock);
    a.election.start();
    await clock.advance(1);
    b.election.start();
    await clock.advance(1_000);
    await a.election.stop();
    assert.equal(lease.record?.holder, undefined);
    assert.deepEqual(a.changes, [true, false]);
    await clock.advance(2_001);
    assert.equal(b.election.isLeader, true);
    assert.equal(lease.record?.transitions, 1);
    await b.election.stop();
  });

  it('says who leads: itself, another, or nobody when it was given up', async () => {
    const [lease, clock] = [new SharedLease(), new FakeClock()];
    const a = candidate(lease, 'a', clock);
    const b = candidate(lease, 'b', clock);
    assert.deepEqual([a.election.identity, a.election.leader], ['a', undefined]);
    a.election.start();
    b.election.start();
    await clock.advance(2_000);
    assert.deepEqual([a.election.leader, b.election.leader], ['a', 'a']);
    await a.election.stop();
    await clock.advance(2_000);
    assert.deepEqual([b.election.leader, b.election.isLeader], ['b', true]);
    await b.election.stop();
  });

  it('waits the lease’s duration on its own clock when the leader died, whatever the lease’s times say', async () => {
    const [lease, clock] = [new SharedLease(), new FakeClock()];
    const longAgo = {
      holder: 'dead',
      durationMs: 15_000,
      acquiredUnixMs: 1,
      renewedUnixMs: 1,
      transitions: 4,
    };
    await lease.store().create(longAgo);
    const b = candidate(lease, 'b', clock);
    b.election.start();
    await clock.advance(14_000);
    assert.equal(b.election.isLeader, false);
    await clock.advance(3_000);
    assert.equal(b.election.isLeader, true);
    assert.equal(lease.record?.transitions, 5);
    await b.election.stop();
  });

  it('does not take a lease that keeps being renewed by a clock far in the past', async () => {
    const [lease, clock] = [new SharedLease(), new FakeClock()];
    const b = candidate(lease, 'b', clock);
    let renewedUnixMs = 1;
    const base = { holder: 'slow clock', durationMs: 15_000, acquiredUnixMs: 1, transitions: 0 };
    await lease.store().create({ ...base, renewedUnixMs });
    b.election.start();
    for (let round = 0; round < 20; round++) {
      await clock.advance(5_000);
      const stored = await lease.store().read();
      renewedUnixMs += 1;
      await lease.store().update(stored!, { ...base, renewedUnixMs });
      assert.equal(b.election.isLeader, false);
    }
    await b.election.stop();
  });

  for (const fault of ['fail', 'hang'] as const) {
    it(`stops leading after the renew deadline when requests ${fault}, before another can take over`, async () => {
      const [lease, clock] = [new SharedLease(), new FakeClock()];
      const faults: { fail?: boolean; hang?: boolean } = {};
      const a = candidate(lease, 'a', clock, faults);
      const b = candidate(lease, 'b', clock);
      a.election.start();
      await clock.advance(100);
      b.election.start();
      await clock.advance(2_500);
      faults[fault] = true;
      let leaderless = 0;
      for (let tick = 0; tick < 300 && !b.election.isLeader; tick++) {
        await clock.advance(100);
        const leaders = Number(a.election.isLeader) + Number(b.election.isLeader);
        assert.ok(leaders <= 1, 'two leaders');
        if (leaders === 0) leaderless += 1;
      }
      assert.equal(b.election.isLeader, true);
      assert.ok(leaderless > 0);
      assert.deepEqual(a.changes, [true, false]);
      await b.election.stop();
    });
  }

  it('stays leader over a renewal that fails once', async () => {
    const [lease, clock] = [new SharedLease(), new FakeClock()];
    const faults = { fail: false };
    const a = candidate(lease, 'a', clock, faults);
    a.election.start();
    await clock.advance(1_000);
    faults.fail = true;
    await clock.advance(4_000);
    faults.fail = false;
    await clock.advance(30_000);
    assert.deepEqual(a.changes, [true]);
    await a.election.stop();
  });

  it('takes its own lease up again at once after a restart', async () => {
    const [lease, clock] = [new SharedLease(), new FakeClock()];
    const holder = { holder: 'a', durationMs: 15_000, acquiredUnixMs: 7, renewedUnixMs: 7, transitions: 2 };
    await lease.store().create(holder);
    const a = candidate(lease, 'a', clock);
    a.election.start();
    await clock.advance(1);
    assert.equal(a.election.isLeader, true);
    assert.equal(lease.record?.transitions, 2);
    assert.equal(lease.record?.acquiredUnixMs, 7);
    await a.election.stop();
  });

  it('stands back when the lease was given to another', async () => {
    const [lease, clock] = [new SharedLease(), new FakeClock()];
    const a = candidate(lease, 'a', clock);
    a.election.start();
    await clock.advance(1);
    const stored = await lease.store().read();
    await lease.store().update(stored!, { ...stored!.record, holder: 'usurper' });
    await clock.advance(2_100);
    assert.equal(a.election.isLeader, false);
    await a.election.stop();
    assert.equal(lease.record?.holder, 'usurper');
  });

  it('is not locked out by a lease of absurd length', async () => {
    const [lease, clock] = [new SharedLease(), new FakeClock()];
    const absurd = { holder: 'x', durationMs: 1e12, acquiredUnixMs: 1, renewedUnixMs: 1, transitions: 0 };
    await lease.store().create(absurd);
    const a = candidate(lease, 'a', clock);
    a.election.start();
    await clock.advance(63_000);
    assert.equal(a.election.isLeader, true);
    await a.election.stop();
  });

  it('tells all listeners even when one throws', async () => {
    const [lease, clock] = [new SharedLease(), new FakeClock()];
    const { election } = candidate(lease, 'a', clock);
    const heard: boolean[] = [];
    election.onChange(() => {
      throw new Error('broken listener');
    });
    election.onChange((isLeader) => heard.push(isLeader));
    election.start();
    await clock.advance(1);
    await election.stop();
    assert.deepEqual(heard, [true, false]);
  });

  it('leaves no timer behind', async () => {
    const [lease, clock] = [new SharedLease(), new FakeClock()];
    const { election } = candidate(lease, 'a', clock);
    election.start();
    await clock.advance(5_000);
    await election.stop();
    assert.equal(clock.pendingTimers, 0);
  });
});
