import assert from 'node:assert/strict';
import { it } from 'node:test';
import { set, workload } from '../../testing/builders.ts';
import { findingsOf, testFindings } from '../testing/findings.ts';

const old = set('Workload', workload('shop/old', { proxyId: undefined }));
const refused = {
  injectedNamespaces: ['shop'],
  refusedPods: { 'shop/old': "container app runs as user 15015, which is the sidecar's" },
};

testFindings('pods that would not be created', [
  {
    ...{ code: 'PodSecurityRefuses', severity: 'warning', at: 'shop' },
    what: 'a namespace that is opted in enforces a level that refuses weft-init',
    ...{ has: [], world: { injectedNamespaces: ['shop'], refusingNamespaces: { shop: 'restricted' } } },
    says: /enforces Pod Security restricted.*no pod is created/,
    hasNot: { 'none does': [] },
    otherWorld: { injectedNamespaces: ['shop'] },
  },
  {
    ...{ code: 'PodRefused', severity: 'warning', at: 'shop/old' },
    what: 'a pod runs as the user of the sidecar where it should have one',
    ...{ has: old, world: refused },
    says: /pod old has no sidecar, and would be refused .*: container app runs as user 15015/,
    hasNot: { 'its namespace is not opted in': old },
    otherWorld: { ...refused, injectedNamespaces: [] },
  },
]);

it('who would be refused is not told to be made anew', () => {
  const codes = findingsOf(old, refused).map(({ code }) => code);
  assert.deepEqual(
    codes.filter((code) => code === 'NoSidecar'),
    [],
  );
  assert.ok(codes.includes('PodRefused'));
});

it('a pod that can have no sidecar is not refused one', () => {
  const codes = findingsOf(old, { ...refused, uninjectable: ['shop/old'] }).map(({ code }) => code);
  assert.ok(!codes.includes('PodRefused'));
});
