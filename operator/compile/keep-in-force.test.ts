import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { MeshPolicySpec } from '../../api/mesh-policy.ts';
import { meshOf, policy, remove, set, workload } from '../testing/builders.ts';
import { keepInForce } from './keep-in-force.ts';
import { compileProxyConfig } from './proxy-config.ts';

const WEB = workload('shop/web');
const STRICT: MeshPolicySpec = { inbound: { mtls: { mode: 'Strict' } } };
const PERMISSIVE: MeshPolicySpec = { inbound: { mtls: { mode: 'Permissive' } } };
const WRONG = { inbound: { typo: 1 } } as unknown as MeshPolicySpec;

/** What holds after the generations of one policy have come, one after the other, and nothing was stored. */
function modeAfter(specs: readonly MeshPolicySpec[], rest: (generation: number) => object = () => ({})) {
  const mesh = meshOf(set('Workload', WEB));
  for (const [index, spec] of specs.entries()) {
    const generation = index + 1;
    mesh.apply(keepInForce(mesh, set('Policy', policy('shop/a', spec, { generation, ...rest(generation) }))));
  }
  return compileProxyConfig(mesh, WEB).config.inbound.ports[0]?.mtls;
}

describe('what is in force of a policy', () => {
  it('stays when the policy becomes unacceptable before anything was stored', () => {
    assert.equal(modeAfter([STRICT, WRONG]), 'Strict');
    assert.equal(modeAfter([PERMISSIVE, STRICT, WRONG, WRONG]), 'Strict');
  });
  it('goes with what replaces it', () => {
    assert.equal(modeAfter([STRICT, PERMISSIVE, WRONG]), 'Permissive');
    assert.equal(modeAfter([WRONG, STRICT]), 'Strict');
  });
  it('is nothing where nothing was acceptable', () => {
    assert.equal(modeAfter([WRONG, WRONG]), 'Permissive');
  });
  it('is not inherited by another policy of the same name', () => {
    assert.equal(
      modeAfter([STRICT, WRONG], (generation) => ({ uid: `uid ${generation}` })),
      'Permissive',
    );
  });
  it('goes when the policy is deleted', () => {
    const mesh = meshOf(set('Workload', WEB), set('Policy', policy('shop/a', STRICT)));
    mesh.apply(keepInForce(mesh, [remove('Policy', 'shop/a')]));
    assert.equal(compileProxyConfig(mesh, WEB).config.inbound.ports[0]?.mtls, 'Permissive');
  });
});
