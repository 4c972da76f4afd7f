import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { admit } from './admit.ts';
import { admissionContext, podFixture, requestFixture } from './pod.fixture.ts';
import { readSettings } from './settings.ts';
import { terminationDelay } from './termination-delay.ts';

const SLEEP = { preStop: { sleep: { seconds: 2 } } };
const podOf = (containers: object[], more: object = {}) =>
  podFixture({ containers, ...more }) as unknown as Parameters<typeof terminationDelay>[0];

describe('the delay of an app’s SIGTERM', () => {
  it('is a preStop that sleeps, in each container', () => {
    assert.deepEqual(terminationDelay(podOf([{ name: 'a' }, { name: 'b', lifecycle: null }]), 2), [
      { op: 'add', path: '/spec/containers/0/lifecycle', value: SLEEP },
      { op: 'add', path: '/spec/containers/1/lifecycle', value: SLEEP },
    ]);
  });

  it('stands beside a postStart, and leaves a preStop as it is', () => {
    const containers = [
      { name: 'a', lifecycle: { postStart: { exec: { command: ['x'] } } } },
      { name: 'b', lifecycle: { preStop: { exec: { command: ['x'] } } } },
    ];
    assert.deepEqual(terminationDelay(podOf(containers), 2), [
      { op: 'add', path: '/spec/containers/0/lifecycle/preStop', value: SLEEP.preStop },
    ]);
  });

  it('is nothing when it is switched off, or would take much of the time the pod has', () => {
    assert.deepEqual(terminationDelay(podOf([{ name: 'a' }]), 0), []);
    for (const [terminationGracePeriodSeconds, operations] of [
      [0, 0],
      [5, 0],
      [6, 1],
    ]) {
      const pod = podOf([{ name: 'a' }], { terminationGracePeriodSeconds });
      assert.equal(terminationDelay(pod, 2).length, operations);
    }
  });

  it('is part of an injection, and does not come twice', () => {
    const context = admissionContext({ WEFT_TERMINATION_DELAY_SECONDS: '2' });
    const delays = (pod: object) => {
      const decision = admit(requestFixture(pod), context);
      assert.ok(decision.allowed);
      return decision.operations.filter(({ path }) => path.includes('/lifecycle'));
    };
    assert.equal(delays(podFixture({ containers: [{ name: 'a' }] })).length, 1);
    assert.equal(delays(podFixture({ containers: [{ name: 'a', lifecycle: SLEEP }] })).length, 0);
  });

  it('is a number of seconds that leaves the app some of its 30', () => {
    const settings = (WEFT_TERMINATION_DELAY_SECONDS: string) =>
      readSettings({ WEFT_IMAGE: 'weft:1', WEFT_TERMINATION_DELAY_SECONDS }).sidecar.terminationDelaySeconds;
    assert.deepEqual([settings(''), settings('0'), settings('10')], [0, 0, 10]);
    for (const wrong of ['11', '-1', '2s']) {
      assert.throws(() => settings(wrong), /WEFT_TERMINATION_DELAY_SECONDS: .* is not a number from 0 to 10/);
    }
  });
});
