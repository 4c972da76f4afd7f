import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { MeshPolicySpec, Target } from '../../api/mesh-policy.ts';
import type { Change } from '../mesh/model.ts';
import { meshOf, policy, service, set, workload } from '../testing/builders.ts';
import { referencesOf } from './references.ts';

const STRICT: MeshPolicySpec = { inbound: { mtls: { mode: 'Strict' } } };
const HTTP = [{ name: 'http', port: 8080 }];
const PAY = service('shop/pay', {
  ports: [{ name: 'web', port: 80, protocol: undefined, targetPort: 'http' }],
});
const POD = workload('shop/pay-1', { labels: { app: 'pay' }, ports: HTTP });

function judge(target: Target | undefined, ...changes: readonly (readonly Change[])[]) {
  const about = policy('shop/a', { ...STRICT, ...(target && { target }) });
  const { status, reason, message } = referencesOf(meshOf(...changes, set('Policy', about)), about);
  return { status, reason, message };
}
const missing = (message: string) => ({ status: 'False', reason: 'TargetNotFound', message });
const paid = (...ports: (string | number)[]): Target => ({ kind: 'Service', name: 'pay', ports });

describe('what a policy names', () => {
  it('exists when it names nothing', () => {
    assert.deepEqual(judge(undefined), {
      ...{
        status: 'True',
        reason: 'ResolvedRefs',
        message: 'the target, its ports and the Services that are named exist',
      },
    });
  });
  it('does not exist when there is no such Service in its namespace', () => {
    const target: Target = { kind: 'Service', name: 'nosuch' };
    const elsewhere = set('Service', service('other/nosuch'));
    assert.deepEqual(judge(target, elsewhere), missing('Service shop/nosuch does not exist'));
    assert.equal(judge(target, set('Service', service('shop/nosuch'))).status, 'True');
  });
  for (const port of ['web', 80, 'http', 8080]) {
    it(`exists as port ${port}: of the Service, or of a workload behind it`, () => {
      assert.equal(judge(paid(port), set('Service', PAY), set('Workload', POD)).status, 'True');
    });
  }
  it('does not exist as a port that neither Service nor workload has, by name or number', () => {
    assert.deepEqual(
      judge(paid('htp', 'web', 81), set('Service', PAY), set('Workload', POD)),
      missing('neither Service shop/pay nor a workload behind it has a port htp or 81'),
    );
  });
  it('does not exist as a port that no selected workload has', () => {
    const target: Target = { kind: 'Workload', selector: { matchLabels: { app: 'pay' } }, ports: ['htp'] };
    const other = workload('shop/web', { ports: [{ name: 'htp', port: 1 }] });
    assert.deepEqual(
      judge(target, set('Workload', POD, other)),
      missing('no targeted workload has a port htp'),
    );
  });
  it('is not doubted while there is no workload to ask, or a number where none is declared', () => {
    assert.equal(judge(paid('metrics'), set('Service', PAY)).status, 'True');
    const silent = { ...POD, ports: [] };
    assert.equal(judge(paid(9090), set('Service', PAY), set('Workload', silent)).status, 'True');
    assert.equal(judge(paid('metrics'), set('Service', PAY), set('Workload', silent)).status, 'False');
  });
  it('of a pod that has finished does not count', () => {
    const finished = workload('shop/pay-0', { ...POD, key: 'shop/pay-0', finished: true, ports: [] });
    assert.equal(judge(paid(9090), set('Service', PAY), set('Workload', POD, finished)).status, 'False');
  });
  it('is not known when no generation was ever accepted', () => {
    const about = policy('shop/a', { inbound: { typo: 1 } } as unknown as MeshPolicySpec);
    assert.equal(referencesOf(meshOf(set('Policy', about)), about).status, 'Unknown');
  });
  it('is that of the generation in force while a newer one is not accepted', () => {
    const about = policy('shop/a', { inbound: { typo: 1 } } as unknown as MeshPolicySpec, { generation: 2 });
    const spec: MeshPolicySpec = { ...STRICT, target: { kind: 'Service', name: 'nosuch' } };
    const before = { key: about.key, uid: about.uid, generation: 1, spec };
    const mesh = meshOf(set('Policy', about), set('AcceptedRevision', before));
    assert.equal(referencesOf(mesh, about).reason, 'TargetNotFound');
  });
});
