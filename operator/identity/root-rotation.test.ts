import assert from 'node:assert/strict';
import { X509Certificate } from 'node:crypto';
import { beforeEach, describe, it } from 'node:test';
import type { CaReport } from '../../api/ca-report.ts';
import { FakeClock } from '../kubernetes/testing/fake-clock.ts';
import { FakePlatform } from '../testing/fake-platform.ts';
import { Authority, createRoot } from './authority.ts';
import { type CaState, fromStored, toStored } from './ca-state.ts';
import { RootRotation } from './root-rotation.ts';
import { steady } from './rotation.ts';

const HOUR_MS = 3600 * 1000;
const LEAF_MS = 24 * HOUR_MS;
const ROOT_MS = 30 * LEAF_MS;
const SETTINGS = { leafLifetimeMs: LEAF_MS, rotateAfter: 0.5 };
const WEB = { spiffeId: 'spiffe://cluster.local/ns/shop/sa/web', dnsNames: ['proxy-1'] };

let clock: FakeClock;
let platform: FakePlatform;
let logged: string[];
let holders: Map<string, readonly string[] | undefined> | undefined;
beforeEach(async () => {
  clock = new FakeClock();
  platform = new FakePlatform();
  logged = [];
  holders = new Map();
  const root = await createRoot('cluster.local', clock.unixMs(), ROOT_MS);
  platform.root = toStored(steady(root, SETTINGS, clock.unixMs()), undefined);
});

async function replica(settings = SETTINGS, from = platform) {
  const note = (data: object, message: string) => void logged.push(`${message} ${JSON.stringify(data)}`);
  const authority = await Authority.load(platform.root!, settings.leafLifetimeMs);
  const rotation = new RootRotation({
    ...{
      platform: from,
      authority,
      settings,
      clock,
      log: { debug() {}, info: note, warn: note, error: note },
    },
    makeRoot: () => createRoot('cluster.local', clock.unixMs(), ROOT_MS),
    observe: () => holders && { holders, isComplete: true },
  });
  return { authority, rotation };
}
const state = (): CaState => fromStored(platform.root!)!;
const report = (): CaReport => JSON.parse(platform.rotation!);

describe('RootRotation', () => {
  it('goes through a whole rotation, one write a step', async () => {
    const { authority, rotation } = await replica();
    const [first] = authority.roots;
    const phases: string[] = [];
    for (let hours = 0; hours < 18 * 24; hours++) {
      await rotation.look();
      if (phases.at(-1) !== state().phase) phases.push(state().phase);
      await clock.advance(HOUR_MS);
    }
    // the last two are one look: nobody is there who would have to drop the old one
    assert.deepEqual(phases, ['Steady', 'Distributing', 'Renewing', 'Steady']);
    assert.equal(platform.count('replaceRoots'), 4);
    assert.equal(authority.roots.length, 1);
    assert.notEqual(authority.roots[0], first);
  });

  it('takes nobody known yet for nobody there', async () => {
    holders = undefined;
    const { rotation } = await replica();
    await clock.advance(16 * LEAF_MS);
    await rotation.look();
    await clock.advance(LEAF_MS / 2);
    await rotation.look();
    assert.equal(state().phase, 'Distributing');
  });

  it('names in the log and the report whom it waits for and whom it did not', async () => {
    holders = new Map([['shop/old', undefined]]);
    const { rotation } = await replica();
    await clock.advance(16 * LEAF_MS);
    await rotation.look();
    assert.deepEqual(report().waitingFor, ['shop/old']);
    assert.equal(rotation.metrics().weft_operator_root_rotation_waiting, 1);
    await clock.advance(LEAF_MS);
    await rotation.look();
    assert.deepEqual(report().silent, ['shop/old']);
    assert.equal(rotation.metrics().weft_operator_root_rotation_phase, 2);
    assert.ok(logged.some((line) => /goes on without 1.*shop\/old/.test(line)));
    assert.doesNotMatch(platform.rotation! + logged.join(), /PRIVATE/);
  });

  it('only follows as long as another leads', async () => {
    const leader = await replica();
    await clock.advance(16 * LEAF_MS);
    await leader.rotation.look();
    platform.setLeader(false);
    const follower = await replica();
    await clock.advance(2 * LEAF_MS);
    await follower.rotation.look();
    assert.equal(state().phase, 'Distributing');
    assert.deepEqual(follower.authority.roots, leader.authority.roots);
  });

  it('signs with the old root when another has written since, and looks again', async () => {
    const { authority, rotation } = await replica();
    const [first] = authority.roots;
    await clock.advance(16 * LEAF_MS);
    const { root } = platform;
    // between its read and its write
    const racing = Object.assign(Object.create(platform) as FakePlatform, {
      loadRoot: async () => ({ ...root!, revision: 'of before' }),
    });
    const late = await replica(SETTINGS, racing);
    await late.rotation.look();
    assert.deepEqual(late.authority.roots, [first]);
    await rotation.look();
    assert.equal(authority.roots.length, 2);
  });

  it('makes a state of a root that was stored without one', async () => {
    const { certificate, privateKey } = platform.root!;
    platform.root = { certificate, privateKey };
    const { authority, rotation } = await replica();
    await rotation.look();
    assert.equal(state().phase, 'Steady');
    assert.match(authority.trustBundle, /^# weft trust bundle [0-9]+\n-----BEGIN/);
  });

  it('replaces a root that has ended while nobody ran', async () => {
    const before = await replica();
    await clock.advance(ROOT_MS + LEAF_MS);
    const { authority, rotation } = await replica();
    await assert.rejects(authority.issue(WEB, clock.unixMs()), /ended/);
    await rotation.look();
    assert.equal(authority.roots.length, 1);
    assert.notDeepEqual(authority.roots, before.authority.roots);
    await authority.issue(WEB, clock.unixMs());
    assert.ok(logged.some((line) => /the root has ended/.test(line)));
  });

  it('keeps the roots it knows when they cannot be read, and says it once', async () => {
    const { authority, rotation } = await replica();
    await rotation.look();
    const { trustBundle } = authority;
    platform.root = { ...platform.root!, rotation: 'nonsense' };
    await rotation.look();
    await rotation.look();
    assert.equal(authority.trustBundle, trustBundle);
    platform.root = undefined;
    await rotation.look();
    assert.equal(authority.trustBundle, trustBundle);
    assert.equal(logged.filter((line) => /could not be followed/.test(line)).length, 2);
  });

  it('reports nothing new as nothing', async () => {
    const { rotation } = await replica();
    await rotation.look();
    await rotation.look();
    assert.equal(platform.count('publishRotation'), 1);
    assert.deepEqual(
      report().roots.map(({ role }) => role),
      ['signs'],
    );
  });
});

describe('a replica that does not see the state any more', () => {
  it('signs as ever while no rotation can have begun, and up to a lifetime after it may have', async () => {
    const { authority, rotation } = await replica();
    await rotation.look();
    const { rotateAtMs } = state();
    const endOf = async (nowMs: number) => {
      return new X509Certificate((await authority.issue(WEB, nowMs)).certificate).validToDate.getTime();
    };
    const seconds = (ms: number) => Math.floor(ms / 1000) * 1000;
    assert.equal(await endOf(rotateAtMs - LEAF_MS), seconds(rotateAtMs));
    assert.equal(await endOf(rotateAtMs + LEAF_MS / 2), seconds(rotateAtMs + LEAF_MS));
    await assert.rejects(endOf(rotateAtMs + LEAF_MS), /not seen for too long/);
  });
});
