import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { MeshPolicySpec } from '../../api/mesh-policy.ts';
import type { KeySet } from '../mesh/model.ts';
import { keySet, meshOf, policy, set } from '../testing/builders.ts';
import { EC_KEY } from '../testing/keys.ts';
import { referencesOf } from './references.ts';

const [ONE, TWO] = ['https://one.example/keys', 'https://two.example/keys'];
const issuer = (uri: string, index: number) => ({
  ...{ name: `i${index}`, issuer: 'https://id.example' },
  jwks: { type: 'URI' as const, uri },
});

function judge(uris: string[], ...keySets: KeySet[]) {
  const spec: MeshPolicySpec = { inbound: { jwt: { issuers: uris.map(issuer) } } };
  const about = policy('shop/a', spec);
  return referencesOf(meshOf(set('Policy', about), set('KeySet', ...keySets)), about);
}

describe('key sets that a policy names', () => {
  it('are resolved when all were fetched', () => {
    assert.equal(judge([ONE, TWO], keySet(ONE, [EC_KEY]), keySet(TWO, [EC_KEY])).status, 'True');
  });
  it('are not known while one is not fetched yet', () => {
    assert.deepEqual(judge([ONE, TWO], keySet(ONE, [EC_KEY])), {
      ...{ status: 'Unknown', reason: 'JwksUnavailable' },
      message: `not fetched yet, until then no token of the issuer is valid: ${TWO}`,
    });
  });
  it('are not resolved when one cannot be had, which is said once, with what follows', () => {
    assert.deepEqual(judge([ONE, ONE, TWO], keySet(ONE, [], 'answers 503')), {
      ...{ status: 'False', reason: 'JwksUnavailable' },
      message: `${ONE}: answers 503; no token of its issuer is valid`,
    });
  });
  it('are not resolved when the newest cannot be had, though older keys are in use', () => {
    assert.deepEqual(judge([ONE], keySet(ONE, [EC_KEY], 'answers 503')), {
      ...{ status: 'False', reason: 'JwksUnavailable' },
      message: `${ONE}: answers 503; the keys fetched before stay in use`,
    });
  });
});
