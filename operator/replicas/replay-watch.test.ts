import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { meshOf, set, workload } from '../testing/builders.ts';
import { addressOfReplica, readyPeers } from './peers.ts';
import { REPLAY_MAX_MS, ReplayWatch } from './replay-watch.ts';

function watchOf(...peers: string[]) {
  const world = { peers, replayed: new Set<string>(), nowMs: 0 };
  const watch = new ReplayWatch({
    peers: () => world.peers,
    hasReplayed: (name) => world.replayed.has(name),
    nowMs: () => world.nowMs,
  });
  return { world, watch };
}

describe('a leader', () => {
  it('that is alone waits for nobody', () => {
    assert.equal(watchOf().watch.isReplaying(), false);
  });

  it('waits until all have replayed', () => {
    const { world, watch } = watchOf('b', 'c');
    world.replayed.add('b');
    assert.equal(watch.isReplaying(), true);
    world.replayed.add('c');
    assert.equal(watch.isReplaying(), false);
  });

  it('does not wait forever for one that is cut off', () => {
    const { world, watch } = watchOf('b');
    assert.equal(watch.isReplaying(), true);
    world.nowMs = REPLAY_MAX_MS - 1;
    assert.equal(watch.isReplaying(), true);
    world.nowMs = REPLAY_MAX_MS;
    assert.equal(watch.isReplaying(), false);
  });

  it('gives its full time to one that was there before, is lost later, or has come', () => {
    const { world, watch } = watchOf('b');
    world.replayed.add('b');
    assert.equal(watch.isReplaying(), false);
    world.nowMs = 60_000;
    world.replayed.delete('b');
    assert.equal(watch.isReplaying(), true);
    world.nowMs += REPLAY_MAX_MS;
    assert.equal(watch.isReplaying(), false);
    world.peers = ['b', 'c'];
    assert.equal(watch.isReplaying(), true);
  });

  it('gives everybody the full time when it begins to lead', () => {
    const { world, watch } = watchOf('b');
    watch.isReplaying();
    world.nowMs = REPLAY_MAX_MS;
    assert.equal(watch.isReplaying(), false);
    watch.reset();
    assert.equal(watch.isReplaying(), true);
  });
});

describe('the replicas in the mesh', () => {
  const operator = (key: string, rest = {}) =>
    workload(key, { serviceAccount: 'weft-operator', proxyId: undefined, addresses: ['10.0.0.9'], ...rest });

  it('are the ready pods of the operator’s service account in its own namespace, without oneself', () => {
    const mesh = meshOf(
      set(
        'Workload',
        operator('weft-system/a'),
        operator('weft-system/b'),
        operator('weft-system/starting', { ready: false }),
        operator('weft-system/injector', { serviceAccount: 'weft-injector' }),
        operator('evil/b2'),
      ),
    );
    assert.deepEqual(readyPeers(mesh, 'a'), ['b']);
  });

  it('are where their pod is, as long as it is there', () => {
    const mesh = meshOf(
      set(
        'Workload',
        operator('weft-system/a'),
        operator('weft-system/new', { addresses: [] }),
        operator('weft-system/dead', { finished: true }),
        operator('evil/c'),
      ),
    );
    assert.equal(addressOfReplica(mesh, 'a'), '10.0.0.9');
    for (const name of ['new', 'dead', 'none', 'c']) assert.equal(addressOfReplica(mesh, name), undefined);
  });
});
