import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { MeshPolicySpec, Target } from '../../api/mesh-policy.ts';
import { policy } from '../testing/builders.ts';
import { compiledWith, overNamespace } from '../testing/compiled.ts';

const about = (...targetRefs: Target[]) =>
  policy('shop/refs', { targetRefs, inbound: { mtls: { mode: 'Strict' } } } as MeshPolicySpec);
const modes = (...policies: Parameters<typeof compiledWith>[0]) =>
  compiledWith(policies).config.inbound.ports.map(({ port, mtls }) => [port, mtls]);
const PERMISSIVE = { inbound: { mtls: { mode: 'Permissive' } } } as const;

describe('a policy with several targets', () => {
  it('is about a workload when one of them is', () => {
    const refs = about({ kind: 'Service', name: 'other' }, { kind: 'Service', name: 'pay' });
    assert.deepEqual(modes(refs), [[undefined, 'Strict']]);
    assert.deepEqual(modes(about({ kind: 'Service', name: 'other' })), [[undefined, 'Permissive']]);
  });
  it('is as specific as its kind', () => {
    assert.deepEqual(modes(about({ kind: 'Service', name: 'pay' }), overNamespace(PERMISSIVE)), [
      [undefined, 'Strict'],
    ]);
  });
  it('is about the ports of all that are about the workload', () => {
    const refs = about(
      { kind: 'Service', name: 'pay', ports: [80] },
      { kind: 'Service', name: 'bill', ports: [9090] },
      { kind: 'Service', name: 'other', ports: [7] },
    );
    assert.deepEqual(modes(refs), [
      [undefined, 'Permissive'],
      [8080, 'Strict'],
      [9090, 'Strict'],
    ]);
  });
  it('is about the pods that any of several selectors names', () => {
    const labelled = (app: string): Target => ({ kind: 'Workload', selector: { matchLabels: { app } } });
    assert.deepEqual(modes(about(labelled('cart'), labelled('pay'))), [[undefined, 'Strict']]);
    assert.deepEqual(modes(about(labelled('cart'), labelled('web'))), [[undefined, 'Permissive']]);
  });
  it('is about all ports when one of them is', () => {
    const refs = about({ kind: 'Service', name: 'pay', ports: [80] }, { kind: 'Service', name: 'bill' });
    assert.deepEqual(modes(refs), [[undefined, 'Strict']]);
  });
});

describe('a policy that says nothing of its target’s own sidecars', () => {
  it('is not in their configuration', () => {
    const { config } = compiledWith([
      policy('shop/t', { target: { kind: 'Service', name: 'pay' }, traffic: { timeout: { request: '1s' } } }),
    ]);
    assert.deepEqual(config.version.policies, {});
  });
});
