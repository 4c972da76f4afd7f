import assert from 'node:assert/strict';
import { before, describe, it } from 'node:test';
import {
  ANNOTATION_PROXY,
  LABEL_INJECT,
  PROXY_UID,
  VOLUME_PROXY,
  VOLUME_STATE,
  VOLUME_TOKEN,
} from '../../api/names.ts';
import { LABEL_ACCEPTED_POLICY } from '../../operator/kubernetes/translate/accepted-revision.ts';
import { HELMS, has, type KubernetesObject, pick, render } from './helm.ts';
import { notes } from './notes.ts';

const GUARDS = ['weft-accepted-revisions', 'weft-operator-webhook', 'weft-ephemeral-containers'];

for (const version of HELMS) {
  describe(`the guards of the chart, rendered by ${version}`, () => {
    let objects: KubernetesObject[];
    before(async () => {
      objects = await render({}, { helm: version });
    });
    const policy = (name: string) => pick(objects, 'ValidatingAdmissionPolicy', name).spec;

    it('are bound, each to refuse, and closed where they cannot be evaluated', () => {
      for (const name of GUARDS) {
        assert.equal(policy(name).failurePolicy, 'Fail');
        const { spec } = pick(objects, 'ValidatingAdmissionPolicyBinding', name);
        assert.deepEqual(spec, { policyName: name, validationActions: ['Deny', 'Audit'] });
      }
    });

    it('say in every refusal what happened, and leave no value unfilled', () => {
      for (const name of GUARDS) {
        for (const { message, reason } of policy(name).validations) {
          assert.ok(message.length > 40);
          assert.equal(reason, 'Forbidden');
        }
        assert.doesNotMatch(JSON.stringify(policy(name)), /<no value>|\{\{/);
      }
    });

    it('name label, annotation, volumes and user as the contract does', () => {
      const revisions = JSON.stringify(policy('weft-accepted-revisions'));
      const labels = revisions.match(/weft\.dev\/[a-z-]+/g) ?? [];
      assert.deepEqual([...new Set(labels)], [LABEL_ACCEPTED_POLICY]);
      const ephemeral = JSON.stringify(policy('weft-ephemeral-containers'));
      assert.ok(ephemeral.includes(`'${ANNOTATION_PROXY}' in object.metadata`));
      assert.ok(ephemeral.includes(`v.name == '${VOLUME_PROXY}'`));
      assert.ok(ephemeral.includes(`(variables.podUser) == ${PROXY_UID})`));
      for (const name of [VOLUME_PROXY, VOLUME_TOKEN, VOLUME_STATE]) assert.match(name, /^weft-/);
    });

    it('look at ephemeral containers as they are added', () => {
      const [rule] = policy('weft-ephemeral-containers').matchConstraints.resourceRules;
      assert.deepEqual([rule.resources, rule.operations], [['pods/ephemeralcontainers'], ['UPDATE']]);
    });

    it('warn of a pod that asks by annotation, and never refuse it', () => {
      const misplaced = policy('weft-misplaced-inject');
      assert.equal(misplaced.failurePolicy, 'Ignore');
      const names = JSON.stringify(misplaced).match(/weft\.dev\/[a-z-]+/g) ?? [];
      assert.deepEqual([...new Set(names)], [LABEL_INJECT]);
      const { spec } = pick(objects, 'ValidatingAdmissionPolicyBinding', 'weft-misplaced-inject');
      assert.deepEqual(spec.validationActions, ['Warn']);
    });

    it('stay when uninjected pods are not rejected, and follow the release namespace', async () => {
      const elsewhere = await render(
        { injector: { rejectUninjected: false } },
        { helm: version, namespace: 'mesh' },
      );
      for (const name of GUARDS) assert.ok(has(elsewhere, 'ValidatingAdmissionPolicyBinding', name));
      for (const name of GUARDS.slice(0, 2)) {
        const { spec } = pick(elsewhere, 'ValidatingAdmissionPolicy', name);
        assert.match(spec.matchConditions[0].expression, /'system:serviceaccount:mesh:weft-operator'/);
      }
    });

    it('are left out before Kubernetes 1.30, and the notes say what is missing', async () => {
      const old = await render({}, { helm: version, args: ['--kube-version', '1.29.0'] });
      assert.equal(has(old, 'ValidatingAdmissionPolicy'), false);
      assert.equal(has(old, 'ValidatingAdmissionPolicyBinding'), false);
      const warning = await notes(version, '1.29.0');
      for (const what of [/ControllerRevisions/, /caBundle/, /ephemeral container/, /Secrets/]) {
        assert.match(warning, what);
      }
      const served = await notes(version, '1.30.0');
      assert.match(served, /is installed in namespace/);
      assert.doesNotMatch(served, /WARNING/);
    });
  });
}
