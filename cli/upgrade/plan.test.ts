import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { meshedPod } from './meshed-pod.ts';
import { planUpgrade } from './plan.ts';
import { kubePod, pod } from './pod.fixture.ts';

const names = (plan: ReturnType<typeof planUpgrade>) =>
  plan.workloads.map((each) => each.map(({ pod: { name }, hasPeer }) => `${name}${hasPeer ? '' : ' alone'}`));

describe('what is read of a pod', () => {
  it('is what an upgrade looks at', () => {
    assert.deepEqual(meshedPod(kubePod('a')), pod('a'));
  });

  it('is nothing of pods that have no sidecar, have no node, have ended, or are on their way out', () => {
    const whole = kubePod('a');
    for (const wrong of [
      { ...whole, spec: { nodeName: 'n1' } },
      { ...whole, spec: { ...whole.spec, nodeName: undefined } },
      { ...whole, status: { ...whole.status, phase: 'Succeeded' } },
      { metadata: whole.metadata, spec: whole.spec },
      { ...whole, metadata: { ...whole.metadata, deletionTimestamp: '2026-01-01T00:00:00Z' } },
    ]) {
      assert.equal(meshedPod(wrong as typeof whole), undefined);
    }
  });

  it('says why a sidecar does not run, and that a pod without controller is a workload of its own', () => {
    const whole = kubePod('a');
    const waiting = { reason: 'ErrImagePull', message: 'no such image' };
    const read = meshedPod({
      metadata: { ...whole.metadata, ownerReferences: [] },
      spec: whole.spec,
      status: {
        phase: 'Running',
        initContainerStatuses: [{ name: 'weft-sidecar', ready: false, restartCount: 1, state: { waiting } }],
      },
    });
    assert.deepEqual(
      [read?.waiting, read?.workload, read?.ready, read?.sidecarReady],
      ['ErrImagePull: no such image', 'Pod/a', false, false],
    );
  });
});

describe('the plan of an upgrade', () => {
  it('has the pods of each workload one after the other, and leaves those that have the image', () => {
    const other = { workload: 'ReplicaSet/api-1' };
    const pods = [pod('b'), pod('a'), pod('c', { image: 'weft:2' }), pod('y', other), pod('x', other)];
    const plan = planUpgrade(pods, 'weft:2', false);
    assert.deepEqual(names(plan), [
      ['x', 'y'],
      ['a', 'b'],
    ]);
    assert.deepEqual(plan.current, [pods[2]]);
    assert.deepEqual(plan.left, []);
  });

  it('counts a pod that has the image already as one that answers meanwhile', () => {
    assert.deepEqual(names(planUpgrade([pod('a'), pod('b', { image: 'weft:2' })], 'weft:2', false)), [['a']]);
  });

  it('leaves a pod without another ready one beside it, unless a gap is allowed', () => {
    for (const beside of [
      [],
      [pod('b', { ready: false, image: 'weft:2' })],
      [pod('b', { workload: 'ReplicaSet/api-1', image: 'weft:2' })],
      [pod('b', { namespace: 'elsewhere', image: 'weft:2' })],
    ]) {
      const pods = [pod('a'), ...beside];
      const plan = planUpgrade(pods, 'weft:2', false);
      assert.deepEqual(names(plan), []);
      assert.match(plan.left[0]!.reason, /^no other pod .*--allow-gap$/);
      assert.deepEqual(names(planUpgrade(pods, 'weft:2', true)), [['a alone']]);
    }
  });

  it('leaves pods that are not ready, whatever is allowed', () => {
    const plan = planUpgrade([pod('a', { ready: false }), pod('b')], 'weft:2', true);
    assert.deepEqual(names(plan), [['b alone']]);
    assert.deepEqual(
      plan.left.map(({ pod: { name }, reason }) => `${name}: ${reason}`),
      ['a: the pod is not ready: mend that first'],
    );
  });
});
