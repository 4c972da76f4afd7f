import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { hint } from './hint.ts';
import { inbound, outbound } from './record.fixture.ts';

describe('where else to ask about a request', () => {
  it('is told when one side is missing', () => {
    assert.match(hint([outbound()], {})[0]!, /at the called side.*; -A asks those of all namespaces too/);
    assert.match(hint([inbound()], {})[0]!, /at the caller's side/);
    assert.match(hint([inbound()], { pods: ['web'] })[0]!, /leave out --pods/);
  });

  it('is told when the called side is only known by a copy', () => {
    assert.match(hint([outbound(), { ...inbound(), isCopy: true }], {})[0]!, /at the called side/);
  });

  const none: [what: string, ...args: Parameters<typeof hint>][] = [
    ['both sides are known', [outbound(), inbound()], {}],
    ['all were asked', [outbound()], { allNamespaces: true }],
    ['it never left', [outbound({ endpoint: '', code: 'no-endpoints' })], {}],
    ['egress denied it', [outbound({ verdict: 'denied', rule: 'egress' })], {}],
    ['it left the mesh', [outbound({ verdict: 'allowed', rule: 'egress' })], {}],
  ];
  for (const [what, located, asked] of none) {
    it(`is not told when ${what}`, () => assert.deepEqual(hint(located, asked), []));
  }
});
