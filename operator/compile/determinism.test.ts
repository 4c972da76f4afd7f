import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { Mesh } from '../mesh/mesh.ts';
import type { Change } from '../mesh/model.ts';
import { DESTINATION_KEYS, objects } from '../testing/arbitrary-mesh.ts';
import { remove, SETTINGS } from '../testing/builders.ts';
import { canonicalJson } from './canonical-json.ts';
import { compileDestination } from './destination.ts';
import { compileProxyConfig } from './proxy-config.ts';

function compileAll(batches: readonly (readonly Change[])[]): string {
  const mesh = new Mesh(SETTINGS);
  for (const batch of batches) mesh.apply(batch);
  const meshed = mesh.workloads().filter((each) => mesh.isMeshed(each));
  const destinations = mesh
    .workloads()
    .map((consumer) => DESTINATION_KEYS.map((key) => compileDestination(mesh, key, consumer)));
  return canonicalJson([meshed.map((each) => compileProxyConfig(mesh, each)), destinations]);
}

describe('compilation', () => {
  it('gives the same bytes whatever the order of the same changes', () => {
    fc.assert(
      fc.property(
        objects(24).chain((each) =>
          fc.tuple(fc.constant(each), fc.shuffledSubarray(each, { minLength: each.length })),
        ),
        ([one, other]) => assert.equal(compileAll([other]), compileAll(one.map((change) => [change]))),
      ),
      { numRuns: 150 },
    );
  });

  it('gives the same bytes after a detour over other objects', () => {
    fc.assert(
      fc.property(objects(16), objects(16), (detour, goal) => {
        const wanted = new Set(goal.map((change) => `${change.kind} ${change.key}`));
        const undo = detour.filter((change) => !wanted.has(`${change.kind} ${change.key}`));
        const batches = [detour, goal, undo.map((change) => remove(change.kind, change.key))];
        assert.equal(compileAll(batches), compileAll([goal]));
      }),
      { numRuns: 150 },
    );
  });
});
