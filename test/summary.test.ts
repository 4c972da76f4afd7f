import assert from 'node:assert/strict';
import { it } from 'node:test';
import { isGood, type StageResult, tellSummary } from './summary.ts';

const RESULT: StageResult = {
  ...{ name: 'unit', isOfTests: true, code: 0, seconds: 12 },
  ...{ passed: 3, failed: 0, skipped: 0, failures: [] },
};
const LENIENT = { isStrict: false };
const STRICT = { isStrict: true };

it('a run in which all is well has a line for each stage and the sums, in which a check counts as one', () => {
  const lint = { ...RESULT, name: 'lint', isOfTests: false, passed: 0 };
  assert.deepEqual(tellSummary([lint, RESULT], STRICT), [
    'ok    lint         12 s  ',
    'ok    unit         12 s  3 passed, 0 failed, 0 skipped',
    '4 passed, 0 failed, 0 skipped',
  ]);
  assert.ok(isGood([lint, RESULT], STRICT));
});

it('stages that failed stand last, and after them what failed', () => {
  const failures = [{ where: 'test/x.test.ts:1:2', name: 'works', message: ['Error: no', 'nor this'] }];
  const unit = { ...RESULT, code: 1, failed: 1, failures };
  const results = [unit, { ...RESULT, name: 'chaos' }];
  assert.deepEqual(tellSummary(results, LENIENT), [
    'ok    chaos        12 s  3 passed, 0 failed, 0 skipped',
    'FAIL  unit         12 s  3 passed, 1 failed, 0 skipped',
    '6 passed, 1 failed, 0 skipped',
    '✖ unit: works (test/x.test.ts:1:2)\n    Error: no ⏎ nor this',
  ]);
  assert.ok(!isGood(results, LENIENT));
});

it('a stage without a test failed, and one that skipped some where nothing may be', () => {
  const none = { ...RESULT, passed: 0 };
  assert.match(tellSummary([none], LENIENT)[0]!, /^FAIL .*\(no test ran\)$/);
  const skipped = { ...RESULT, skipped: 1 };
  assert.match(tellSummary([skipped], STRICT)[0]!, /^FAIL .*\(nothing may be skipped with CI=true\)$/);
  assert.deepEqual([isGood([skipped], STRICT), isGood([skipped], LENIENT)], [false, true]);
});
