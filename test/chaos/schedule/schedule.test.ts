import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import fc from 'fast-check';
import type { Deployment } from '../shop/shop.ts';
import {
  describe,
  IS_FELT,
  type Kind,
  needsNewPods,
  plannedSeconds,
  RESPITE_SECONDS,
  stopsPods,
  takesFrom,
} from './actions.ts';
import { CALM_SECONDS, MINUTES_MAX, type Step, scheduleOf, WARM_UP_SECONDS } from './schedule.ts';

const seeds = fc.integer({ min: 0, max: 0xffff_ffff });
const minutes = fc.integer({ min: 2, max: 90 });
const everySchedule = (check: (steps: readonly Step[], minutes: number) => void) =>
  fc.assert(
    fc.property(seeds, minutes, (seed, length) => check(scheduleOf(seed, length), length)),
    {
      numRuns: 200,
    },
  );

test('the same seed and duration are the same schedule, and another seed is another', () => {
  fc.assert(
    fc.property(seeds, minutes, (seed, length) => {
      assert.deepEqual(scheduleOf(seed, length), scheduleOf(seed, length));
    }),
  );
  assert.notDeepEqual(scheduleOf(1, 10), scheduleOf(2, 10));
});

test('a longer run begins as a shorter one of the same seed', () => {
  fc.assert(
    fc.property(seeds, minutes, (seed, length) => {
      const short = scheduleOf(seed, length);
      assert.deepEqual(scheduleOf(seed, length + 10).slice(0, short.length), short);
    }),
  );
});

test('of a kind that is left out nothing happens, meanwhile neither, and something else does', () => {
  const without = ['kill-sidecar', 'rollout'] as const;
  fc.assert(
    fc.property(seeds, fc.integer({ min: 20, max: 90 }), (seed, length) => {
      const steps = scheduleOf(seed, length, without);
      const words = steps.map(({ action }) => describe(action)).join('\n');
      assert.doesNotMatch(words, /kill-sidecar|rollout/);
      assert.ok(steps.length > length / 3, `${steps.length} steps in ${length} minutes`);
    }),
  );
});

test('one action is over before the next begins, and all of them a while before the end', () => {
  everySchedule((steps, length) => {
    let endSeconds = WARM_UP_SECONDS;
    for (const step of steps) {
      assert.ok(step.atSeconds >= endSeconds);
      assert.equal(step.endSeconds, step.atSeconds + plannedSeconds(step.action));
      endSeconds = step.endSeconds;
    }
    assert.ok(endSeconds <= length * 60 - CALM_SECONDS || steps.length === 0);
  });
});

test('a deployment that lost a pod has time to get it back before it loses another', () => {
  everySchedule((steps) => {
    const wholeFrom = new Map<Deployment, number>();
    for (const { atSeconds, endSeconds, action } of steps) {
      const from = takesFrom(action);
      if (from === undefined) continue;
      assert.ok(atSeconds >= (wholeFrom.get(from) ?? 0), `${from} at ${atSeconds}`);
      wholeFrom.set(from, endSeconds + RESPITE_SECONDS);
    }
  });
});

test('nothing that needs new pods begins while Kubernetes makes none', () => {
  everySchedule((steps) => {
    let podsFrom = 0;
    for (const { atSeconds, endSeconds, action } of steps) {
      assert.ok(!needsNewPods(action) || atSeconds >= podsFrom, describe(action));
      if (stopsPods(action) > 0) podsFrom = endSeconds + stopsPods(action);
    }
  });
});

test('all is left alone now and then', () => {
  everySchedule((steps) => {
    let calmSeconds = 0;
    for (const { atSeconds, endSeconds, action } of steps) {
      // the longest action may have been under way when the time for it came
      assert.ok(atSeconds - calmSeconds < 160, `${atSeconds - calmSeconds} s without`);
      if (action.kind === 'calm') calmSeconds = endSeconds;
    }
  });
});

test('shares of the canary are whole, the root is rotated once, and nothing is scaled away', () => {
  everySchedule((steps) => {
    assert.ok(steps.filter(({ action }) => action.kind === 'rotate-root').length <= 1);
    for (const { action } of steps) {
      if (action.kind === 'canary') assert.equal(action.weights[0] + action.weights[1], 100);
      if (action.kind === 'scale') assert.ok(action.to > 2 && action.to <= 4);
    }
  });
});

test('an hour has something of every kind', () => {
  const kinds = new Set<Kind>(scheduleOf(1, 60).map(({ action }) => action.kind));
  assert.equal(kinds.size, 16, [...kinds].join(' '));
});

test('a day is planned at once', () => {
  const steps = scheduleOf(1, MINUTES_MAX);
  assert.ok(steps.length > 1_000 && steps.length < 20_000, String(steps.length));
});

test('an action is described in words', () => {
  assert.equal(describe({ kind: 'cut', of: 'web', seconds: 12 }), 'cut web 12 s');
  assert.equal(
    describe({ kind: 'api-server-away', seconds: 8, meanwhile: { kind: 'kill-app', of: 'orders' } }),
    'api-server-away 8 s meanwhile kill-app orders',
  );
  assert.equal(describe({ kind: 'canary', weights: [30, 70] }), 'canary 30:70');
  assert.equal(describe({ kind: 'scale', of: 'web', to: 3 }), 'scale web to 3');
});

test('the guide names everything that happens', () => {
  const guide = readFileSync('docs/guides/chaos.md', 'utf8');
  for (const kind of Object.keys(IS_FELT)) {
    assert.ok(kind === 'calm' || guide.includes(`\`${kind}\``), kind);
  }
});
