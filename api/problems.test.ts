import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { formatPath, PROBLEMS_MAX, pointerSegments, problemsOf, type SchemaError } from './problems.ts';
import { validateMeshPolicy, validateWorkload } from './validate.ts';

function refusing(errors: readonly SchemaError[]) {
  return Object.assign(() => false, { errors });
}
const header = {
  apiVersion: 'weft.dev/v1alpha1',
  kind: 'MeshPolicy',
  metadata: { name: 'a', namespace: 'b' },
};

describe('problems', () => {
  test('name their place as it is written in YAML', () => {
    assert.equal(formatPath(pointerSegments('/spec/rules/0/name')), 'spec.rules[0].name');
    assert.equal(formatPath(pointerSegments('/labels/a.b~1c')), 'labels["a.b/c"]');
    assert.equal(formatPath(pointerSegments('/labels/a~0b')), 'labels["a~b"]');
    assert.equal(formatPath(pointerSegments('')), '');
  });

  test('are no more than people read', () => {
    const error = { instancePath: '/a', keyword: 'type', params: { type: 'string' } };
    const problems = problemsOf(refusing(Array.from({ length: PROBLEMS_MAX + 1 }, () => error)), {});
    assert.equal(problems.length, PROBLEMS_MAX);
  });

  test('list the fields there are when one is unknown', () => {
    const [problem] = validateMeshPolicy({
      ...header,
      spec: { inbound: { mtls: { mode: 'Strict', level: 1 } } },
    });
    assert.deepEqual(problem, {
      path: 'spec.inbound.mtls.level',
      message: 'unknown field: remove it, or write one of mode',
    });
  });

  test('name the field that was meant when one is mistyped, before the one that is missing', () => {
    const document = {
      ...{ apiVersion: 'weft.dev/v1alpha1', kind: 'Workload', metadata: { name: 'a', namespace: 'b' } },
      spec: { serviceAccount: 'a', ports: [{ port: 1, appport: 2 }], admin: {} },
    };
    assert.deepEqual(validateWorkload(document), [
      { path: 'spec.ports[0].appport', message: 'unknown field appport: did you mean appPort?' },
      { path: 'spec.ports[0].appPort', message: 'is required: Where the app listens, on 127.0.0.1.' },
      { path: 'spec.admin.port', message: 'is required: Health, readiness and metrics.' },
    ]);
  });

  test('are all of them, unknown fields before anything else', () => {
    const rule = { name: 'a', action: 'allow', form: [] };
    const spec = { inbound: { mtls: {}, authorisation: {}, authorization: { rules: [rule] } } };
    assert.deepEqual(
      validateMeshPolicy({ ...header, spec }).map(({ path }) => path),
      [
        'spec.inbound.authorisation',
        'spec.inbound.authorization.rules[0].form',
        'spec.inbound.mtls.mode',
        'spec.inbound.authorization.rules[0].action',
      ],
    );
  });

  test('say in words what a pattern asks for', () => {
    const spec = { inbound: { limits: { idleTimeout: '5 minutes' } } };
    assert.deepEqual(validateMeshPolicy({ ...header, spec }), [
      { path: 'spec.inbound.limits.idleTimeout', message: 'must be a duration such as 250ms, 2s or 1m30s' },
    ]);
  });

  test('name the values there are', () => {
    const [problem] = validateMeshPolicy({ ...header, spec: { inbound: { mtls: { mode: 'On' } } } });
    assert.equal(problem?.message, 'must be Permissive or Strict');
  });

  test('name what is there twice', () => {
    const rule = { name: 'web', action: 'Allow' };
    const [problem] = validateMeshPolicy({
      ...header,
      spec: { inbound: { authorization: { rules: [rule, rule] } } },
    });
    assert.equal(problem?.message, 'name "web" is there twice: write it once');
  });

  test('treat field names of Object.prototype as unknown', () => {
    const spec = JSON.parse(
      '{"inbound": {"__proto__": {}, "constructor": {}, "mtls": {"mode": "Strict"}}}',
    ) as unknown;
    const paths = validateMeshPolicy({ ...header, spec }).map((problem) => problem.path);
    assert.deepEqual(paths, ['spec.inbound.__proto__', 'spec.inbound.constructor']);
  });
});
