import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { assertProxyConfig } from '../../api/validate.ts';
import { Mesh } from '../mesh/mesh.ts';
import type { Change } from '../mesh/model.ts';
import { objects } from '../testing/arbitrary-mesh.ts';
import { SETTINGS } from '../testing/builders.ts';
import { canonicalJson } from './canonical-json.ts';
import { compileProxyConfig } from './proxy-config.ts';

/** Every field of the schema, in policies about a few workloads. */
const changed = objects(30).chain((each) =>
  fc.tuple(fc.constant(each), fc.shuffledSubarray(each, { minLength: each.length })),
);

function compileAll(batches: readonly (readonly Change[])[]) {
  const mesh = new Mesh(SETTINGS);
  for (const batch of batches) mesh.apply(batch);
  const meshed = mesh.workloads().filter((each) => mesh.isMeshed(each));
  return meshed.map((each) => compileProxyConfig(mesh, each));
}

describe('merging of policies with any fields', () => {
  it('gives the same bytes, origins and conflicts whatever the order of the same changes', () => {
    fc.assert(
      fc.property(changed, ([one, other]) => {
        const results = compileAll(one.map((change) => [change]));
        assert.equal(canonicalJson(compileAll([other])), canonicalJson(results));
      }),
      { numRuns: 150 },
    );
  });

  it('gives configurations that sidecars accept, and uses every part of them', () => {
    const seen = new Set<string>();
    fc.assert(
      fc.property(objects(30), (changes) => {
        for (const { config } of compileAll([changes])) {
          assertProxyConfig(config);
          for (const part of [config, config.inbound, ...config.inbound.ports, ...config.inbound.rules]) {
            for (const field of Object.keys(part)) seen.add(field);
          }
        }
      }),
      { numRuns: 150, seed: 3 },
    );
    const parts = [
      'egress',
      'telemetry',
      'rateLimits',
      'issuers',
      'limits',
      'authorizationDefaultPolicy',
      'when',
    ];
    assert.deepEqual(
      parts.filter((part) => !seen.has(part)),
      [],
    );
  });
});
