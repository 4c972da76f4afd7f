import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Action } from '../schedule/actions.ts';
import type { Failure } from './ledger.ts';
import { byKind, type Done, feltOf, RECOVERY_MAX_MS, unexcused } from './windows.ts';

const CUT: Action = { kind: 'cut', of: 'web', seconds: 5 };
const KILL: Action = { kind: 'kill-app', of: 'web' };
const failure = (beganMs: number, atMs = beganMs + 10): Failure => ({ beganMs, atMs, what: 'GET web: 502' });
const DONE: Done[] = [
  { action: CUT, beganMs: 1_000, endMs: 6_000 },
  { action: { kind: 'calm' }, beganMs: 6_000, endMs: 41_000 },
  { action: KILL, beganMs: 50_000, endMs: 51_000 },
];

test('a failure is of the last action that had begun when it ended', () => {
  const failures = [failure(500), failure(900, 1_100), failure(5_000, 9_000), failure(50_500)];
  const { before, felt } = feltOf(DONE, failures);
  assert.deepEqual(before, [failures[0]]);
  assert.deepEqual(
    felt.map(({ failures: its, recoveryMs }) => [its.length, recoveryMs]),
    [
      [2, 3_000],
      [1, 0],
    ],
  );
});

test('failures soon after an action are excused, later ones and those before any are not', () => {
  const late = failure(6_001 + RECOVERY_MAX_MS);
  assert.deepEqual(unexcused(DONE, [failure(10), failure(6_000 + RECOVERY_MAX_MS), late]), [
    failure(10),
    late,
  ]);
});

test('what callers must not feel excuses nothing, and ends no time of something else', () => {
  const rollout: Done = { action: { kind: 'rollout', of: 'web' }, beganMs: 20_000, endMs: 30_000 };
  assert.equal(unexcused([rollout], [failure(21_000)]).length, 1);
  assert.equal(unexcused([DONE[0]!, rollout], [failure(21_000), failure(29_000)]).length, 0);
  assert.equal(unexcused([DONE[0]!, rollout], [failure(32_000)]).length, 1);
});

test('what was skipped excuses nothing', () => {
  const skipped = DONE.map((each) => ({ ...each, skipped: 'not whole' }));
  assert.equal(unexcused(skipped, [failure(2_000)]).length, 1);
});

test('actions are summed up by kind, of which calm is none', () => {
  const done = [...DONE, { action: KILL, beganMs: 60_000, endMs: 60_500, skipped: 'not whole' }];
  assert.deepEqual(byKind(done, [failure(50_500, 53_000), failure(50_600)]), [
    { kind: 'kill-app', times: 1, skipped: 1, failed: 2, longestRecoveryMs: 2_000, longestMs: 1_000 },
    { kind: 'cut', times: 1, skipped: 0, failed: 0, longestRecoveryMs: 0, longestMs: 5_000 },
  ]);
});
