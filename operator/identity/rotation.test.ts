import assert from 'node:assert/strict';
import { before, describe, it } from 'node:test';
import type { RootMaterial } from '../platform.ts';
import { createRoot } from './authority.ts';
import { type CaState, fingerprintsOf, fromStored, toStored, trustedRoots } from './ca-state.ts';
import { begin, dwellMs, nextStep, type Observed, rotateAtMs, skewMs, steady } from './rotation.ts';
import { fingerprintOf } from './trust-bundle.ts';

const DAY_MS = 24 * 3600 * 1000;
const NOW = Date.UTC(2026, 0, 1);
const SETTINGS = { leafLifetimeMs: DAY_MS, rotateAfter: 0.5 };
const ROOT_DAYS = 100;

let first: RootMaterial;
let second: RootMaterial;
let start: CaState;
let distributing: CaState;
before(async () => {
  first = await createRoot('cluster.local', NOW, ROOT_DAYS * DAY_MS);
  second = await createRoot('cluster.local', NOW + 50 * DAY_MS, ROOT_DAYS * DAY_MS);
  start = steady(first, SETTINGS, NOW);
  distributing = begin(start, second, start.rotateAtMs);
});

const seen = (
  nowMs: number,
  holders: Record<string, string[] | undefined> = {},
  isComplete = true,
): Observed => ({
  nowMs,
  holders: new Map(Object.entries(holders)),
  isComplete,
});
const both = () => [first, second].map(({ certificate }) => fingerprintOf(certificate));
const written = (state: CaState, observed: Observed, settings = SETTINGS): CaState => {
  const step = nextStep(state, settings, observed);
  assert.ok(step.kind === 'write', step.kind);
  return step.state;
};
const missing = (state: CaState, observed: Observed): readonly string[] => {
  const step = nextStep(state, SETTINGS, observed);
  assert.ok(step.kind === 'wait', step.kind);
  return step.missing;
};

describe('one root', () => {
  it('is followed at its part of life, and no earlier', () => {
    assert.deepEqual(missing(start, seen(start.rotateAtMs - 1)), []);
    assert.deepEqual(nextStep(start, SETTINGS, seen(start.rotateAtMs)), { kind: 'make', why: 'due' });
  });

  it('is followed four lifetimes of certificates before its end, whatever the part', () => {
    const late = rotateAtMs(first.certificate, { ...SETTINGS, rotateAfter: 0.999 });
    assert.equal(late, NOW + (ROOT_DAYS - 4) * DAY_MS);
  });

  it('that has ended is followed at once', () => {
    const endMs = NOW + ROOT_DAYS * DAY_MS;
    assert.deepEqual(nextStep(start, SETTINGS, seen(endMs)), { kind: 'make', why: 'expired' });
  });

  it('takes other settings over before anything is signed by them', () => {
    const longer = written(start, seen(NOW), { leafLifetimeMs: 2 * DAY_MS, rotateAfter: 0.5 });
    assert.equal(longer.leafLifetimeMs, 2 * DAY_MS);
    const sooner = written(start, seen(NOW), { ...SETTINGS, rotateAfter: 0.1 });
    assert.ok(sooner.rotateAtMs < start.rotateAtMs);
    // what was signed for longer is still around
    assert.deepEqual(nextStep(start, { ...SETTINGS, leafLifetimeMs: DAY_MS / 2 }, seen(NOW)).kind, 'wait');
  });
});

describe('a new root', () => {
  const enoughMs = () => distributing.sinceMs + dwellMs(DAY_MS);

  it('is trusted, and does not sign', () => {
    assert.equal(distributing.issuing, first);
    assert.deepEqual(fingerprintsOf(distributing), both());
    assert.ok(distributing.serial > start.serial);
  });

  it('signs once everybody trusts it', () => {
    const state = written(distributing, seen(enoughMs(), { 'shop/web': both(), 'replica b': both() }));
    assert.equal(state.phase, 'Renewing');
    assert.equal(state.issuing, second);
    assert.deepEqual(trustedRoots(state), [second.certificate, first.certificate]);
    assert.deepEqual(state.silent, []);
    assert.equal(state.serial > distributing.serial, true);
  });

  it('waits for those who read it late, even when all have answered', () => {
    assert.deepEqual(missing(distributing, seen(enoughMs() - 1, { 'shop/web': both() })), []);
  });

  it('waits for each one that has not said that it trusts it, and names it', () => {
    const holders = { 'shop/web': both(), 'shop/pay': both().slice(0, 1), 'shop/old': undefined };
    assert.deepEqual(missing(distributing, seen(enoughMs(), holders)), ['shop/old', 'shop/pay']);
  });

  it('waits as long as a replica has not told what its sidecars hold', () => {
    assert.deepEqual(missing(distributing, seen(enoughMs(), {}, false)), []);
  });

  it('goes on after a lifetime of certificates, and names who was silent', () => {
    const holders = { 'shop/web': both(), 'shop/old': undefined };
    const lastMs = distributing.sinceMs + DAY_MS;
    assert.deepEqual(missing(distributing, seen(lastMs - 1, holders)), ['shop/old']);
    assert.deepEqual(written(distributing, seen(lastMs, holders)).silent, ['shop/old']);
  });

  it('does not wait for anybody until the old one has ended', async () => {
    const brief = await createRoot('cluster.local', NOW, DAY_MS);
    const state = begin(steady(brief, SETTINGS, NOW), second, NOW + DAY_MS / 2);
    assert.equal(written(state, seen(NOW + DAY_MS * 0.75, { 'shop/old': undefined })).phase, 'Renewing');
  });

  it('takes over alone when the old one has ended', () => {
    const state = written(distributing, seen(NOW + ROOT_DAYS * DAY_MS));
    assert.equal(state.phase, 'Steady');
    assert.deepEqual(trustedRoots(state), [second.certificate]);
    assert.ok(state.serial > distributing.serial);
  });
});

describe('the old root', () => {
  const renewing = () => written(distributing, seen(distributing.sinceMs + DAY_MS));

  it('is trusted until its last certificate has ended, whatever clocks say', () => {
    const state = renewing();
    assert.equal(state.retireAtMs, state.sinceMs + DAY_MS + skewMs(DAY_MS));
    assert.deepEqual(missing(state, seen(state.retireAtMs! - 1)), []);
    const retiring = written(state, seen(state.retireAtMs!));
    assert.equal(retiring.phase, 'Retiring');
    assert.deepEqual(trustedRoots(retiring), [second.certificate]);
  });

  it('counts the longest certificate that was made of it', () => {
    const longer = { ...distributing, leafLifetimeMs: 3 * DAY_MS };
    const step = nextStep(longer, SETTINGS, seen(distributing.sinceMs + 3 * DAY_MS));
    assert.ok(step.kind === 'write');
    assert.equal(step.state.retireAtMs, step.state.sinceMs + 3 * DAY_MS + skewMs(3 * DAY_MS));
    assert.equal(step.state.leafLifetimeMs, DAY_MS);
  });

  it('is gone once nobody trusts it any more, or a lifetime later', () => {
    const state = renewing();
    const retiring = written(state, seen(state.retireAtMs!));
    const still = { 'shop/web': both() };
    assert.deepEqual(missing(retiring, seen(retiring.sinceMs, still)), ['shop/web']);
    assert.equal(written(retiring, seen(retiring.sinceMs, { 'shop/web': both().slice(1) })).phase, 'Steady');
    assert.deepEqual(written(retiring, seen(retiring.sinceMs + DAY_MS, still)).silent, ['shop/web']);
  });
});

describe('the stored state', () => {
  it('is read as it was written, at each step', () => {
    const renewing = written(distributing, seen(distributing.sinceMs + DAY_MS));
    for (const state of [start, distributing, renewing, written(renewing, seen(renewing.retireAtMs!))]) {
      assert.deepEqual(fromStored(toStored(state, '7')), state);
    }
  });

  it('of an operator that did not rotate is none', () => {
    assert.equal(fromStored(first), undefined);
  });

  const wrong: [string, (rotation: Record<string, unknown>) => unknown, RegExp][] = [
    ['no JSON', () => '{', /not a JSON object/],
    ['a list', () => '[]', /not a JSON object/],
    ['an unknown phase', (rotation) => ({ ...rotation, phase: 'Done' }), /phase/],
    ['a time that is none', (rotation) => ({ ...rotation, sinceMs: 'now' }), /sinceMs/],
    ['a lifetime below zero', (rotation) => ({ ...rotation, leafLifetimeMs: -1 }), /leafLifetimeMs/],
    ['names that are none', (rotation) => ({ ...rotation, silent: [1] }), /silent/],
    ['a phase that lacks its root', (rotation) => ({ ...rotation, phase: 'Renewing' }), /root/],
    ['a root that the phase has not', (rotation) => ({ ...rotation, phase: 'Steady' }), /next root/],
  ];
  for (const [name, change, message] of wrong) {
    it(`is refused with ${name}, without its text`, () => {
      const stored = toStored(distributing, undefined);
      const changed = change(JSON.parse(stored.rotation!));
      const rotation = typeof changed === 'string' ? changed : JSON.stringify(changed);
      assert.throws(
        () => fromStored({ ...stored, rotation }),
        (error: Error) => {
          assert.match(error.message, message);
          assert.doesNotMatch(error.message, /PRIVATE|BEGIN/);
          return true;
        },
      );
    });
  }
});
