import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { POLICY_CASES } from './policy/cases.ts';
import { validateMeshPolicy } from './validate.ts';

describe('a MeshPolicy', () => {
  for (const { name, document, valid, path, rule } of POLICY_CASES) {
    if (valid) {
      test(`is valid: ${name}`, () => assert.deepEqual(validateMeshPolicy(document), []));
      continue;
    }
    test(`is refused: ${name}`, () => {
      const problems = validateMeshPolicy(document);
      const problem = problems.find((candidate) => candidate.path === path);
      assert.ok(problem, `no problem at ${path}: ${JSON.stringify(problems)}`);
      if (rule !== undefined) assert.ok(problem.message.includes(rule), problem.message);
    });
  }

  test('cases have names of their own', () => {
    const names = POLICY_CASES.map((one) => `${one.valid} ${one.name}`);
    assert.equal(new Set(names).size, names.length);
  });
});
