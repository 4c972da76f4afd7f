import assert from 'node:assert/strict';
import { it } from 'node:test';
import { findingsOf, testFindings } from '../testing/findings.ts';

const cutOff = { 'shop/pay': 'shop/deny' };

testFindings('sidecars without a stream', [
  {
    ...{ code: 'StreamCutOff', severity: 'error', at: 'shop/pay' },
    what: 'a NetworkPolicy keeps it from the operator',
    ...{ has: [], world: { injectedNamespaces: [], cutOff } },
    says: /NetworkPolicy shop\/deny keeps the sidecar of pay from the operator/,
    hasNot: { 'none does': [] },
    otherWorld: { injectedNamespaces: [], cutOff: { 'shop/other': 'shop/deny' } },
  },
]);

it('the fix is where the policy is', () => {
  const fixOf = (policy: string) =>
    findingsOf([], { injectedNamespaces: [], cutOff: { 'shop/pay': policy } })[0]!.fix;
  assert.match(fixOf('shop/deny'), /egress: .*metadata.name: weft-system.*port: 15010.*53 to DNS/);
  assert.match(fixOf('weft-system/deny'), /let all pods in at TCP 15010/);
});
