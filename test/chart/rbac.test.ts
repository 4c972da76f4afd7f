import assert from 'node:assert/strict';
import { before, describe, it } from 'node:test';
import { OPERATOR_SERVICE_ACCOUNT } from '../../api/names.ts';
import { ISSUER_PERMISSIONS, PERMISSIONS, type Permission } from '../../operator/kubernetes/permissions.ts';
import { type KubernetesObject, NAMESPACE, pick, render } from './helm.ts';

/** `group/resource[name]: verbs`, sorted: the whole of what a role allows, readable in a diff. */
function allowed(role: KubernetesObject): string[] {
  return role.rules
    .flatMap((rule: KubernetesObject) =>
      rule.apiGroups.flatMap((group: string) =>
        rule.resources.map((resource: string) => {
          const names = rule.resourceNames ? `[${rule.resourceNames.join(' ')}]` : '';
          return `${group}/${resource}${names}: ${rule.verbs.join(' ')}`;
        }),
      ),
    )
    .sort();
}

function asked(scope: Permission['scope'], permissions = PERMISSIONS): string[] {
  return permissions
    .filter((each) => each.scope === scope)
    .map(({ apiGroup, resource, resourceNames, verbs }) => {
      const names = resourceNames ? `[${resourceNames.join(' ')}]` : '';
      return `${apiGroup}/${resource}${names}: ${verbs.join(' ')}`;
    })
    .sort();
}

describe('permissions of the control plane', () => {
  let objects: KubernetesObject[];
  let roles: KubernetesObject[];
  before(async () => {
    objects = await render();
    roles = objects.filter(({ kind }) => kind === 'ClusterRole' || kind === 'Role');
  });

  it('are, cluster-wide, exactly what the operator says it needs', () => {
    assert.deepEqual(allowed(pick(objects, 'ClusterRole')), asked('cluster'));
  });

  it('are, in the release namespace, exactly what the operator says it needs', () => {
    assert.deepEqual(allowed(pick(objects, 'Role')), asked('controlPlane'));
  });

  it('with an issuer of cert-manager are those for its requests besides, and none elsewhere', async () => {
    const withIssuer = await render({ certificates: { issuer: { name: 'mesh-ca' } } });
    const all = [...PERMISSIONS, ...ISSUER_PERMISSIONS];
    assert.deepEqual(allowed(pick(withIssuer, 'Role')), asked('controlPlane', all));
    assert.deepEqual(allowed(pick(withIssuer, 'ClusterRole')), asked('cluster'));
  });

  it('have no wildcard', () => {
    for (const { rules } of roles) assert.doesNotMatch(JSON.stringify(rules), /"\*"/);
  });

  it('never list or watch Secrets', () => {
    const onSecrets = roles.flatMap(({ rules }) =>
      rules.filter(({ resources }: KubernetesObject) => resources.includes('secrets')),
    );
    assert.ok(onSecrets.length > 0);
    for (const { verbs } of onSecrets) {
      assert.equal(
        verbs.some((verb: string) => ['list', 'watch', 'deletecollection'].includes(verb)),
        false,
      );
    }
  });

  it('are the operator’s alone', () => {
    const bindings = objects.filter(({ kind }) => kind.endsWith('RoleBinding'));
    assert.equal(bindings.length, 2);
    for (const { subjects } of bindings) {
      assert.deepEqual(subjects, [
        { kind: 'ServiceAccount', name: OPERATOR_SERVICE_ACCOUNT, namespace: NAMESPACE },
      ]);
    }
  });

  it('leave the injector without a token', () => {
    const { spec } = pick(objects, 'Deployment', 'weft-injector').spec.template;
    assert.equal(spec.automountServiceAccountToken, false);
    assert.equal(pick(objects, 'ServiceAccount', 'weft-injector').automountServiceAccountToken, false);
  });

  const byTheOperator = new RegExp(`system:serviceaccount:${NAMESPACE}:${OPERATOR_SERVICE_ACCOUNT}'`);
  const narrowed: readonly [policy: string, group: string, resource: string][] = [
    ['weft-operator-secrets', '', 'secrets'],
    ['weft-accepted-revisions', 'apps', 'controllerrevisions'],
    ['weft-operator-webhook', 'admissionregistration.k8s.io', 'mutatingwebhookconfigurations'],
  ];
  for (const [name, group, resource] of narrowed) {
    it(`are narrowed to the mesh’s own ${resource} by an admission policy that the API server evaluates`, () => {
      const { spec } = pick(objects, 'ValidatingAdmissionPolicy', name);
      assert.match(spec.matchConditions[0].expression, byTheOperator);
      assert.equal(spec.failurePolicy, 'Fail');
      const [rule, ...more] = spec.matchConstraints.resourceRules;
      assert.deepEqual(more, []);
      assert.deepEqual([rule.apiGroups, rule.resources], [[group], [resource]]);
      assert.deepEqual(rule.operations, ['CREATE', 'UPDATE', 'DELETE']);
      const binding = pick(objects, 'ValidatingAdmissionPolicyBinding', name);
      assert.equal(binding.spec.policyName, name);
      assert.ok(binding.spec.validationActions.includes('Deny'));
    });
  }
});
