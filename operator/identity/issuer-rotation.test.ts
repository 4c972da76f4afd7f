import assert from 'node:assert/strict';
import { beforeEach, describe, it } from 'node:test';
import type { CaReport } from '../../api/ca-report.ts';
import { FakeClock, settle } from '../kubernetes/testing/fake-clock.ts';
import { until } from '../kubernetes/testing/until.ts';
import type { RootMaterial } from '../platform.ts';
import { openAuthority } from '../root.ts';
import { FakePlatform } from '../testing/fake-platform.ts';
import { TestIssuer } from '../testing/test-issuer.ts';
import { createRoot } from './authority.ts';
import { type CaState, fromStored, toStored, trustedRoots } from './ca-state.ts';
import { firstOwnLeaf } from './first-own-leaf.ts';
import type { RootRotation } from './root-rotation.ts';
import { begin, nextStep, type Observed, steady } from './rotation.ts';
import { certificatesIn, fingerprintOf } from './trust-bundle.ts';

const HOUR_MS = 3600 * 1000;
const LEAF_MS = 24 * HOUR_MS;
const OWN = { spiffeId: 'spiffe://cluster.local/ns/weft-system/sa/weft-operator', dnsNames: ['o.svc'] };
const SETTINGS = { leafLifetimeMs: LEAF_MS, rotateAfter: 0.8, isExternal: true };

let clock: FakeClock;
let client: TestIssuer;
let platform: FakePlatform;
let logged: string[];
beforeEach(async () => {
  clock = new FakeClock();
  client = new TestIssuer(clock);
  await client.newRoot();
  platform = new FakePlatform();
  logged = [];
});

const note = (data: object, message: string) => void logged.push(`${message} ${JSON.stringify(data)}`);
const log = { debug() {}, info: note, warn: note, error: note };
const state = (): CaState => fromStored(platform.root!)!;
const report = (): CaReport => JSON.parse(platform.rotation!);
const ofIssuer = ({ certificate }: RootMaterial): RootMaterial => ({ certificate, privateKey: '' });
const found = (root: RootMaterial) => fingerprintOf(root.certificate);
const nobody = () => ({ holders: new Map(), isComplete: true });

function open(signal = new AbortController().signal, withIssuer = true) {
  const of = Object.assign(platform, { issuer: withIssuer ? client : undefined });
  const options = {
    platform: of as typeof platform,
    trustDomain: 'cluster.local',
    clock,
    log,
    random: () => 0.5,
  };
  return openAuthority({ ...options, leafLifetimeMs: LEAF_MS }, OWN, nobody, signal);
}
/** Some time passes, with looks at the state; what is asked of the issuer meanwhile is answered. */
async function pass(ms: number, rotation: RootRotation): Promise<void> {
  const isCalm = () => (rotation.metrics().weft_operator_issuer_pending ?? 0) === 0;
  for (let passed = 0; passed < ms; passed += ms / 8) {
    await clock.advance(ms / 8);
    await rotation.look();
    await until('the issuer has answered', isCalm);
    await rotation.look();
  }
}

describe('a mesh with an issuer', () => {
  it('takes the root it signs with first, and keeps no key', async () => {
    const { authority } = await open();
    assert.deepEqual(authority.roots, [found(client.root)]);
    assert.equal(platform.root!.privateKey, '');
    assert.equal(state().phase, 'Steady');
    assert.deepEqual(report().issuer, { name: 'ClusterIssuer/test', pending: 0, isHeld: false });
  });

  it('has no root before it has signed, says why, and can be stopped', async () => {
    client.isAway = true;
    const stopping = new AbortController();
    const opening = open(stopping.signal);
    const rejected = assert.rejects(opening, /stopped before the issuer has signed/);
    while (platform.rotation === undefined) await new Promise((resolve) => setTimeout(resolve, 5));
    assert.equal(report().phase, 'Waiting');
    assert.match(report().issuer!.reason!, /TimedOut: it is away/);
    stopping.abort();
    await rejected;
  });

  it('is followed from the built-in authority, which signs until the issuer’s root is trusted', async () => {
    const builtIn = await createRoot('cluster.local', clock.unixMs());
    platform.root = toStored(steady(builtIn, { ...SETTINGS, isExternal: false }, clock.unixMs()), undefined);
    const { authority, rotation } = await open();
    await pass(8_000, rotation);
    assert.equal(state().phase, 'Distributing');
    assert.deepEqual(authority.roots, [found(builtIn), found(client.root)]);
    const { asked } = client;
    await authority.issue(OWN, clock.unixMs());
    assert.equal(client.asked, asked, 'the built-in authority has signed');
    await pass(HOUR_MS, rotation);
    assert.equal(state().phase, 'Renewing');
    assert.equal(authority.roots[0], found(client.root));
    await authority.issue(OWN, clock.unixMs());
    assert.equal(client.asked > asked, true);
    assert.doesNotMatch(platform.root!.privateKey, /KEY/);
  });

  it('goes back to the built-in authority when it is told of no issuer', async () => {
    await open();
    const { authority, rotation } = await open(undefined, false);
    assert.equal(state().phase, 'Distributing');
    await assert.rejects(authority.issue(OWN, clock.unixMs()), /none is set/);
    await pass(HOUR_MS, rotation);
    assert.equal(state().phase, 'Renewing');
    assert.match(platform.root!.privateKey, /PRIVATE KEY/);
    await authority.issue(OWN, clock.unixMs());
  });

  it('is asked with which root it signs, also when nobody needs a certificate', async () => {
    const { rotation } = await open();
    const { asked } = client;
    await pass(LEAF_MS, rotation);
    assert.ok(client.asked >= asked + 4, `${client.asked - asked} times in a lifetime`);
    assert.equal(rotation.metrics().weft_operator_issuer_held, 0);
  });
});

describe('the steps with an issuer', () => {
  const seen = (offered: RootMaterial | undefined, nowMs = clock.unixMs()): Observed => ({
    ...{ nowMs, holders: new Map(), isComplete: true },
    offered: offered?.certificate,
  });
  const written = (from: CaState, observed: Observed): CaState => {
    const step = nextStep(from, SETTINGS, observed);
    assert.ok(step.kind === 'write', step.kind);
    return step.state;
  };
  let first: RootMaterial;
  let second: RootMaterial;
  let third: RootMaterial;
  let renewing: CaState;
  beforeEach(async () => {
    const made = await Promise.all(
      [1, 2, 3].map((n) => createRoot('issuer', clock.unixMs(), n * 100 * LEAF_MS)),
    );
    [first, second, third] = made.map(ofIssuer) as [RootMaterial, RootMaterial, RootMaterial];
    const distributing = begin(steady(first, SETTINGS, clock.unixMs()), second, clock.unixMs());
    renewing = written(distributing, seen(second, clock.unixMs() + HOUR_MS));
  });

  it('are none as long as it signs with the root it has, however old that is', () => {
    const start = steady(first, SETTINGS, clock.unixMs());
    assert.equal(nextStep(start, SETTINGS, seen(first, start.rotateAtMs + HOUR_MS)).kind, 'wait');
    assert.equal(nextStep(start, SETTINGS, seen(undefined)).kind, 'wait');
  });

  it('begin with a root that is new, also while an old one is trusted, and lose none of them', () => {
    assert.equal(renewing.phase, 'Renewing');
    const nowMs = renewing.sinceMs + HOUR_MS;
    const distributing = written(renewing, seen(third, nowMs));
    assert.equal(distributing.phase, 'Distributing');
    const all = [second, third, first].map(found);
    assert.deepEqual(trustedRoots(distributing).map(fingerprintOf), all);
    const again = written(distributing, seen(third, nowMs + HOUR_MS));
    assert.equal(again.phase, 'Renewing');
    assert.deepEqual(certificatesIn(again.previous!).map(fingerprintOf), [second, first].map(found));
    assert.ok(again.retireAtMs! > renewing.retireAtMs!);
    assert.deepEqual(fromStored(toStored(again, undefined)), again);
    assert.deepEqual(fromStored(toStored(distributing, undefined)), distributing);
  });

  it('keep a root that it signs with again, as long as it does', () => {
    const nowMs = renewing.sinceMs + LEAF_MS / 2;
    const kept = written(renewing, seen(first, nowMs));
    assert.equal(kept.phase, 'Renewing');
    assert.ok(kept.retireAtMs! > nowMs + LEAF_MS);
    assert.equal(nextStep(kept, SETTINGS, seen(first, nowMs)).kind, 'wait');
  });

  it('go at once to another root when the one before has ended', () => {
    const endMs = clock.unixMs() + 100 * LEAF_MS;
    const start = steady(first, SETTINGS, clock.unixMs());
    assert.equal(nextStep(start, SETTINGS, seen(first, endMs)).kind, 'wait');
    assert.equal(nextStep(start, SETTINGS, seen(undefined, endMs)).kind, 'wait');
    const after = written(start, seen(second, endMs));
    assert.equal(after.phase, 'Steady');
    assert.deepEqual(trustedRoots(after).map(fingerprintOf), [found(second)]);
  });

  it('do not take a key that was lost for one that was never here', () => {
    const stored = toStored({ ...renewing, issuing: { ...second, privateKey: 'KEY' } }, undefined);
    assert.throws(() => fromStored({ ...stored, privateKey: '' }), /wrong: the private key/);
  });
});

describe('the first certificate of an operator', () => {
  const signal = new AbortController().signal;
  const first = async () => {
    const { authority, rotation } = await open();
    const parts = { authority, request: OWN, store: client, look: () => rotation.look(), clock, log };
    return (until = signal) => firstOwnLeaf(parts, until);
  };

  it('is kept, and is enough for the next one that starts while nobody signs', async () => {
    const leaf = await (await first())();
    assert.deepEqual(client.ownLeaf, leaf);
    client.isAway = true;
    assert.deepEqual(await (await first())(), leaf);
  });

  for (const what of ['of another root', 'that has ended', 'of somebody else', 'that is nonsense'] as const) {
    it(`is asked for anew when the one that was kept is one ${what}`, async () => {
      const start = await first();
      const kept = await start();
      if (what === 'of another root') {
        const other = new TestIssuer(clock);
        await other.newRoot();
        platform.root = toStored(steady(ofIssuer(other.root), SETTINGS, clock.unixMs()), undefined);
        client.root = other.root;
      }
      if (what === 'that has ended') await clock.advance(2 * LEAF_MS);
      if (what === 'that is nonsense') client.ownLeaf = { certificate: 'x', privateKey: 'y' };
      if (what === 'of somebody else') client.ownLeaf = { ...(await other()), certificate: kept.certificate };
      const leaf = await (await first())();
      assert.notEqual(leaf.certificate, kept.certificate);
      assert.deepEqual(client.ownLeaf, leaf);
    });
  }
  /** Another operator's. */
  const other = async () => {
    client.ownLeaf = undefined;
    return (await first())();
  };

  it('may be of a root that is not trusted by everybody yet, when there is no other', async () => {
    await client.newRoot();
    const next = steady(ofIssuer(await createRoot('before', clock.unixMs())), SETTINGS, clock.unixMs());
    platform.root = toStored(begin(next, ofIssuer(client.root), clock.unixMs()), undefined);
    const leaf = await (await first())();
    assert.deepEqual(client.ownLeaf, leaf);
  });

  it('is waited for when nobody signs', async () => {
    const start = await first();
    client.isAway = true;
    const stopping = new AbortController();
    const rejected = assert.rejects(start(stopping.signal), /stopped before there was a certificate/);
    await settle();
    stopping.abort();
    await rejected;
  });
});
