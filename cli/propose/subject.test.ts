import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Access, ServiceView } from '../access/access.ts';
import { UsageError } from '../usage-error.ts';
import { proposalSubject } from './subject.ts';

const PAY = { namespace: 'shop', name: 'pay-1', ready: true };
const VIEW: ServiceView = { proxies: [PAY], unmeshed: [], ports: 1 };
const LABELS: Readonly<Record<string, Record<string, string>>> = {
  'shop/pay-1': { app: 'pay' },
  'shop/bare': {},
};
const ACCESS = {
  where: 'here',
  service: async () => VIEW,
  labelled: async (_: string, labels: Record<string, string>) =>
    labels.app === 'nobody' ? { ...VIEW, proxies: [] } : VIEW,
  labels: async (namespace: string, name: string) => LABELS[`${namespace}/${name}`],
} as unknown as Access;
const subjectOf = async (...[subject]: [Parameters<typeof proposalSubject>[1]]) => {
  const { view: _, ...rest } = await proposalSubject(ACCESS, subject, 'shop');
  return rest;
};

describe('what a policy is proposed for', () => {
  it('is a Service, here or of another namespace', async () => {
    assert.deepEqual(await subjectOf({ type: 'Service', name: 'pay' }), {
      ...{ namespace: 'shop', name: 'pay-callers', what: 'Service shop/pay' },
      target: { kind: 'Service', name: 'pay' },
    });
    const { namespace, what } = await subjectOf({ type: 'Service', name: 'ops/pay' });
    assert.deepEqual([namespace, what], ['ops', 'Service ops/pay']);
  });

  it('is pods with labels', async () => {
    assert.deepEqual(await subjectOf({ type: 'Selector', labels: { 'x/y': 'A_b', app: 'Pay_1' } }), {
      ...{ namespace: 'shop', name: 'pay-1-callers', what: 'the pods of shop with x/y=A_b,app=Pay_1' },
      target: { kind: 'Workload', selector: { matchLabels: { 'x/y': 'A_b', app: 'Pay_1' } } },
    });
  });

  it('is pods like one', async () => {
    const { target, name } = await subjectOf({ type: 'Workload', name: 'pay-1' });
    assert.deepEqual(target, { kind: 'Workload', selector: { matchLabels: { app: 'pay' } } });
    assert.equal(name, 'pay-callers');
  });

  for (const [what, subject, message] of [
    ['a pod that is not there', { type: 'Workload', name: 'gone' }, /no pod shop\/gone in here/],
    ['a pod without labels', { type: 'Workload', name: 'bare' }, /no labels/],
    [
      'labels that nobody has',
      { type: 'Selector', labels: { app: 'nobody' } },
      /no pod of shop has.*app=nobody/,
    ],
    ['a pair', { type: 'Pair', from: 'a', to: 'b' }, /what is called/],
  ] as const) {
    it(`is not ${what}`, async () => {
      await assert.rejects(
        subjectOf(subject),
        (error) => error instanceof UsageError && message.test(error.message),
      );
    });
  }
});
