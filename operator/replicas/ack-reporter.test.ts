import assert from 'node:assert/strict';
import { beforeEach, describe, it } from 'node:test';
import { FakeClock } from '../kubernetes/testing/fake-clock.ts';
import { silentLog } from '../testing/stream-fixture.ts';
import { AckReporter, type Target } from './ack-reporter.ts';
import type { ReportConnection } from './report-connection.ts';

/** Connections as the reporter sees them: who was dialled, what was said, and how it ends. */
class Fixture {
  readonly clock = new FakeClock();
  target: Target | undefined;
  readonly dialled: string[] = [];
  readonly told: string[] = [];
  readonly closed: string[] = [];
  lose: (reason: string) => void = () => {};
  readonly reporter = new AckReporter({
    target: () => this.target,
    dial: (target, onClose) => this.#dial(target, onClose),
    ...{ clock: this.clock, random: () => 0.5, log: silentLog },
  });

  #dial({ host }: Target, onClose: (reason: string) => void): ReportConnection {
    this.dialled.push(host);
    this.lose = onClose;
    const changed = (workload: string) => this.told.push(`${host} ${workload}`);
    const close = (reason: string) => {
      this.closed.push(host);
      onClose(reason);
    };
    // All that the reporter uses of one.
    return { changed, close } as unknown as ReportConnection;
  }
}

const A = { host: 'a', port: 1 };
const B = { host: 'b', port: 1 };
let fixture: Fixture;
beforeEach(() => {
  fixture = new Fixture();
  fixture.reporter.start();
});

describe('a replica', () => {
  it('reports to nobody while it leads, or knows no leader', async () => {
    await fixture.clock.advance(10_000);
    assert.deepEqual(fixture.dialled, []);
    fixture.reporter.changed('shop/web', undefined);
    assert.deepEqual(fixture.told, []);
  });

  it('reports to the leader within half a second, on one connection', async () => {
    fixture.target = A;
    await fixture.clock.advance(500);
    await fixture.clock.advance(60_000);
    assert.deepEqual(fixture.dialled, ['a']);
    fixture.reporter.changed('shop/web', undefined);
    assert.deepEqual(fixture.told, ['a shop/web']);
  });

  it('goes over to another leader at once, and stops when it leads itself', async () => {
    fixture.target = A;
    await fixture.clock.advance(500);
    fixture.target = B;
    await fixture.clock.advance(500);
    assert.deepEqual([fixture.dialled, fixture.closed], [['a', 'b'], ['a']]);
    fixture.target = undefined;
    await fixture.clock.advance(60_000);
    assert.deepEqual(
      [fixture.dialled, fixture.closed],
      [
        ['a', 'b'],
        ['a', 'b'],
      ],
    );
  });

  it('connects again, later and later, when the connection is lost', async () => {
    fixture.target = A;
    await fixture.clock.advance(500);
    for (let failure = 1; failure <= 6; failure++) {
      fixture.lose('refused');
      await fixture.clock.advance(5_000);
      assert.equal(fixture.dialled.length, 1 + failure);
    }
    fixture.lose('refused');
    await fixture.clock.advance(2_000);
    assert.equal(fixture.dialled.length, 7);
  });

  it('connects anew in time, so that no connection outlives its certificate', async () => {
    fixture.target = A;
    await fixture.clock.advance(500);
    await fixture.clock.advance(30 * 60_000 + 500);
    assert.deepEqual(fixture.dialled, ['a', 'a']);
    assert.deepEqual(fixture.closed, ['a']);
  });

  it('says no more once it stops', async () => {
    fixture.target = A;
    await fixture.clock.advance(500);
    fixture.reporter.stop();
    await fixture.clock.advance(60_000);
    assert.deepEqual([fixture.dialled, fixture.closed], [['a'], ['a']]);
    assert.equal(fixture.clock.pendingTimers, 0);
  });
});
