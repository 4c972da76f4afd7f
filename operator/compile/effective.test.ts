import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { MeshPolicySpec } from '../../api/mesh-policy.ts';
import type { AcceptedRevision } from '../mesh/model.ts';
import { meshOf, policy, set, workload } from '../testing/builders.ts';
import { effectiveOn } from './effective.ts';
import { compileProxyConfig } from './proxy-config.ts';

const UNACCEPTABLE = { inbound: { mtls: { mode: 'Sometimes' } } } as unknown as MeshPolicySpec;
const STRICT: MeshPolicySpec = { inbound: { mtls: { mode: 'Strict' } } };

function meshWith(spec: unknown) {
  const web = workload('shop/web');
  const changed = policy('shop/p', UNACCEPTABLE, { generation: 2 });
  const { key, uid } = changed;
  const revision = { key, uid, generation: 1, spec } as AcceptedRevision;
  return {
    web,
    mesh: meshOf(set('Workload', web), set('Policy', changed), set('AcceptedRevision', revision)),
  };
}

describe('the accepted spec of a policy that is not acceptable any more', () => {
  it('stays in force', () => {
    const { mesh, web } = meshWith(STRICT);
    assert.equal(compileProxyConfig(mesh, web).config.inbound.ports[0]?.mtls, 'Strict');
    assert.equal(effectiveOn(mesh, web)[0]?.generation, 1);
  });

  const forged: [string, unknown][] = [
    ['is of another shape', { target: { ports: 5 }, inbound: { authorization: { rules: 'all' } } }],
    ['targets the whole mesh from a namespace', { ...STRICT, target: { kind: 'Mesh' } }],
    ['is empty', {}],
    ['has fields nobody knows', { ...STRICT, constructor: {}, more: 1 }],
  ];
  for (const [what, spec] of forged) {
    it(`has no effect, and disturbs nothing, when what was stored ${what}`, () => {
      const { mesh, web } = meshWith(spec);
      assert.deepEqual(effectiveOn(mesh, web), []);
      assert.equal(compileProxyConfig(mesh, web).config.inbound.ports[0]?.mtls, 'Permissive');
    });
  }
});
