import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { FakeTimers } from '../testing/fake-timers.ts';
import { DeadPeers } from './dead-peers.ts';
import { FakeHandle } from './fake-handle.fixture.ts';
import type { TcpProgress } from './tcp-progress.ts';

const LIMITS = { deadPeerMs: 5_000, keepAliveMs: 10_000 };
const GONE: TcpProgress = { isOwed: true, unanswered: 5, silentMs: 6_000 };

class FakeChannel {
  aborts = 0;
  closed: () => void = () => {};
  abort(): void {
    this.aborts += 1;
    this.closed();
  }
  onClosed(listener: () => void): void {
    this.closed = listener;
  }
}

/** One connection that is watched; `progress` is what the kernel says of it. */
function watch(progress: TcpProgress | undefined, limits = LIMITS) {
  const timers = new FakeTimers();
  const told = { progress, asked: 0, deaths: 0 };
  const load = () => () => {
    told.asked += 1;
    return told.progress;
  };
  const peers = new DeadPeers({ timers, limits, load });
  const handle = new FakeHandle();
  const channel = new FakeChannel();
  handle.bytesWritten = 100;
  peers.watch(handle, channel, () => {
    told.deaths += 1;
  });
  return { timers, told, peers, handle, channel };
}

describe('a connection to an endpoint', () => {
  it('is given up when nothing of what it was sent is acknowledged', () => {
    const { timers, told, peers, channel } = watch(GONE);
    timers.advance(3_000);
    assert.deepEqual([channel.aborts, told.deaths, peers.size, timers.pending], [1, 1, 0, 0]);
  });

  for (const [what, progress] of [
    ['owes nothing', { ...GONE, isOwed: false }],
    ['was not sent often enough in vain', { ...GONE, unanswered: 3 }],
    ['was acknowledged a moment ago, as by one that does not read', { ...GONE, silentMs: 4_999 }],
    ['the kernel says nothing of', undefined],
  ] as const) {
    it(`that ${what} is not`, () => {
      const { timers, channel } = watch(progress);
      timers.advance(60_000);
      assert.equal(channel.aborts, 0);
    });
  }

  it('is not asked for while something comes', () => {
    const { timers, told, handle } = watch(GONE);
    for (let second = 0; second < 20; second += 1) {
      handle.bytesRead += 1;
      timers.advance(1_000);
    }
    assert.equal(told.asked, 0);
  });

  it('is asked for once when all is acknowledged, until more is written', () => {
    const { timers, told, handle, channel } = watch({ ...GONE, isOwed: false });
    timers.advance(20_000);
    assert.equal(told.asked, 1);
    handle.bytesWritten += 1;
    told.progress = GONE;
    timers.advance(1_000);
    assert.deepEqual([told.asked, channel.aborts], [2, 1]);
  });

  it('is asked after by the kernel, and looked at by nobody, when that is switched off', () => {
    const { timers, handle } = watch(GONE, { ...LIMITS, deadPeerMs: 0 });
    assert.deepEqual([handle.keepAlive, timers.pending], [10, 0]);
  });

  it('that has closed is forgotten, and the last one takes the timer with it', () => {
    const { timers, peers, channel } = watch(GONE);
    channel.closed();
    timers.advance(1_000);
    assert.deepEqual([peers.size, timers.pending, channel.aborts], [0, 0, 0]);
  });

  it('is left to the kernel where it cannot be asked', () => {
    const timers = new FakeTimers();
    const load = () => {
      throw new Error('no such thing');
    };
    const peers = new DeadPeers({ timers, limits: LIMITS, load });
    const [handle, channel] = [new FakeHandle(), new FakeChannel()];
    handle.bytesWritten = 1;
    peers.watch(handle, channel, () => {});
    timers.advance(60_000);
    assert.equal(channel.aborts, 0);
  });
});
