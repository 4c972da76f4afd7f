import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Change } from '../../mesh/model.ts';
import { meshOf } from '../../testing/builders.ts';
import { MESH, MESH_WIDE, request, SERVICE, says, TO_PAY, WEB, WEB_ONLY } from '../../testing/traffic.ts';
import { compileDestination } from '../destination.ts';
import { trafficConflicts } from './conflicts.ts';

function requestMs(changes: Change[][]): number | undefined {
  return compileDestination(meshOf(MESH, ...changes), 'shop/pay:80', WEB)?.traffic?.timeout?.requestMs;
}

describe('policies that are equally specific', () => {
  const first = says('shop/first', request('1s'), SERVICE, { createdAt: '2026-01-01T00:00:00Z' });
  const second = says('shop/a-second', request('2s'), SERVICE, { createdAt: '2026-01-02T00:00:00Z' });
  const field = 'spec.traffic.timeout.request';

  function conflictsOf(key: string, ...changes: Change[][]) {
    const mesh = meshOf(MESH, ...changes);
    return trafficConflicts(mesh, mesh.policy(key)!);
  }

  it('are won by the older, and the younger has a conflict', () => {
    assert.equal(requestMs([second, first]), 1000);
    assert.deepEqual(conflictsOf('shop/a-second', first, second), [
      { loser: 'shop/a-second', winner: 'shop/first', field },
    ]);
    assert.deepEqual(conflictsOf('shop/first', first, second), []);
  });

  it('are won by the first name when they are equally old', () => {
    const young = says('shop/b', request('2s'), SERVICE, { createdAt: '2026-01-01T00:00:00Z' });
    assert.equal(requestMs([first, young]), 2000);
  });

  it('do not conflict where they say the same, or say something of different leaves', () => {
    const same = says('shop/same', request('1s'), SERVICE);
    const idle = says('shop/idle', { timeout: { idle: '1s' } }, SERVICE);
    assert.deepEqual(conflictsOf('shop/same', first, same, idle), []);
    assert.deepEqual(conflictsOf('shop/idle', first, same, idle), []);
  });

  it('do not conflict with the more specific', () => {
    const namespace = says('shop/all', request('9s'));
    assert.deepEqual(conflictsOf('shop/all', first, namespace), []);
  });

  it('conflict as views of one consumer', () => {
    const view = says('shop/view', { ...TO_PAY, ...request('1s') }, WEB_ONLY);
    const later = says('shop/w-later', { ...TO_PAY, ...request('2s') }, WEB_ONLY);
    assert.deepEqual(conflictsOf('shop/w-later', view, later), [
      { loser: 'shop/w-later', winner: 'shop/view', field },
    ]);
    const elsewhere = { kind: 'Workload', selector: { matchLabels: { app: 'batch' } } } as const;
    const apart = says('shop/w-later', { ...TO_PAY, ...request('2s') }, elsewhere);
    assert.deepEqual(conflictsOf('shop/w-later', view, apart), []);
  });

  it('conflict across a whole namespace or mesh', () => {
    const a = says('shop/a', request('1s'));
    const b = says('shop/b', request('2s'));
    assert.deepEqual(conflictsOf('shop/b', a, b), [{ loser: 'shop/b', winner: 'shop/a', field }]);
    const c = says('weft-system/c', request('3s'), MESH_WIDE);
    const d = says('weft-system/d', request('4s'), MESH_WIDE);
    assert.deepEqual(conflictsOf('weft-system/d', c, d), [
      { loser: 'weft-system/d', winner: 'weft-system/c', field },
    ]);
  });

  it('are told when what they say would weaken what is mandatory', () => {
    const floor = says('weft-system/floor', request('1s'), MESH_WIDE, { enforcement: 'Mandatory' });
    assert.deepEqual(conflictsOf('shop/first', floor, says('shop/first', request('2s'), SERVICE)), [
      { loser: 'shop/first', winner: 'weft-system/floor', field, mandatory: true },
    ]);
  });
});
