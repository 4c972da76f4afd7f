import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { from, RULES_AT } from './policy/cases/case.ts';
import { POLICY_CASES } from './policy/cases.ts';
import { validateMeshPolicy } from './validate.ts';

describe('a MeshPolicy', () => {
  for (const { name, document, valid, path, words, isRule } of POLICY_CASES) {
    if (valid) {
      test(`is valid: ${name}`, () => assert.deepEqual(validateMeshPolicy(document), []));
      continue;
    }
    test(`is refused: ${name}`, () => {
      const problems = validateMeshPolicy(document);
      const problem = problems.find((candidate) => candidate.path === path);
      assert.ok(problem, `no problem at ${path}: ${JSON.stringify(problems)}`);
      if (isRule) assert.ok(problem.message.includes(words ?? ''), problem.message);
    });
  }

  for (const block of [':::/0', '1:2:3:4:5:6:7:8:9/128', '::1::/64', '1:2/16']) {
    test(`is refused here, though the API server cannot tell: the address ${block}`, () => {
      const header = { apiVersion: 'weft.dev/v1alpha1', kind: 'MeshPolicy', metadata: { name: 'a' } };
      const [problem] = validateMeshPolicy({ ...header, spec: from({ ipBlock: block }) });
      assert.equal(problem?.path, `${RULES_AT}.from[0].ipBlock`);
    });
  }

  test('cases have names of their own', () => {
    const names = POLICY_CASES.map((one) => `${one.valid} ${one.name}`);
    assert.equal(new Set(names).size, names.length);
  });
});
