import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { MeshPolicySpec } from '../../api/mesh-policy.ts';
import { policy, SETTINGS } from '../testing/builders.ts';
import { EC_KEY } from '../testing/keys.ts';
import { judge } from './acceptance.ts';

const about = (spec: unknown, key = 'shop/a') => judge(policy(key, spec as MeshPolicySpec), SETTINGS);
const rule = (from: object) => ({
  inbound: { authorization: { rules: [{ name: 'r', action: 'Allow', from: [from] }] } },
});
const jwt = (jwks: object) => ({
  inbound: { jwt: { issuers: [{ name: 'staff', issuer: 'https://id.example', jwks }] } },
});

describe('a policy is accepted', () => {
  it('when all it says is enforced', () => {
    const { accepted, reason } = about({ inbound: { mtls: { mode: 'Strict' } } });
    assert.deepEqual({ accepted, reason }, { accepted: true, reason: 'Accepted' });
  });
  it('with kind Mesh in the control plane’s namespace', () => {
    const spec = { target: { kind: 'Mesh' }, inbound: { mtls: { mode: 'Strict' } } };
    assert.equal(about(spec, 'weft-system/a').accepted, true);
  });
  it('as mandatory in the control plane’s namespace', () => {
    const spec = {
      enforcement: 'Mandatory',
      target: { kind: 'Mesh' },
      inbound: { mtls: { mode: 'Strict' } },
    };
    assert.equal(about(spec, 'weft-system/a').accepted, true);
  });
  it('with a key set of public keys, or of none', () => {
    for (const inline of [JSON.stringify({ keys: [EC_KEY] }), '{"keys":[]}']) {
      assert.deepEqual(about(jwt({ type: 'Inline', inline })).message, 'the policy is valid');
    }
    assert.equal(about(jwt({ type: 'URI', uri: 'https://id.example/keys' })).accepted, true);
  });
  it('with a service account and its namespace in the control plane’s namespace', () => {
    assert.equal(about(rule({ namespace: 'shop', serviceAccount: 'web' }), 'weft-system/a').accepted, true);
  });
});

describe('a policy is not accepted', () => {
  const cases: [string, unknown, string, string, RegExp][] = [
    [
      'with an unknown field',
      { inbound: { mtls: { mode: 'Strict' }, typo: 1 } },
      'shop/a',
      'Invalid',
      /typo/,
    ],
    ['without a spec', undefined, 'shop/a', 'Invalid', /spec/],
    ['when the spec is no object', 'Strict', 'shop/a', 'Invalid', /spec/],
    [
      'with kind Mesh anywhere else',
      { target: { kind: 'Mesh' }, inbound: { mtls: { mode: 'Strict' } } },
      'shop/a',
      'InvalidTarget',
      /only in namespace weft-system/,
    ],
    [
      'as mandatory anywhere else',
      { enforcement: 'Mandatory', inbound: { mtls: { mode: 'Strict' } } },
      'shop/a',
      'InvalidTarget',
      /only in namespace weft-system: create the policy there, or remove enforcement/,
    ],
    [
      'with a key set that cannot be used, which is named',
      jwt({ type: 'Inline', inline: '{"keys":[{"kty":"oct","k":"c2VjcmV0"}]}' }),
      'shop/a',
      'Invalid',
      /^issuer staff: jwks\.inline keys\[0\] is symmetric/,
    ],
    ...['http://169.254.169.254/latest', 'http://[fe80::1]:4318', 'http://0xa9fea9fe/', 'http://c:65536'].map(
      (endpoint): [string, unknown, string, string, RegExp] => [
        `with spans to ${endpoint}, for which sidecars would refuse all of their configuration`,
        { telemetry: { tracing: { endpoint } } },
        'shop/a',
        'Invalid',
        /^telemetry\.tracing\.endpoint is no URL .*: write http:\/\/host:4318/,
      ],
    ),
    [
      'with a route for a service account of nobody’s namespace',
      {
        target: { kind: 'Service', name: 'a' },
        traffic: { routes: [{ name: 'r', match: [{ from: [{ serviceAccount: 'web' }] }] }] },
      },
      'weft-system/a',
      'Invalid',
      /^route r: .* needs its namespace/,
    ],
    [
      'with a service account of nobody’s namespace',
      rule({ serviceAccount: 'web' }),
      'weft-system/a',
      'Invalid',
      /needs its namespace/,
    ],
    [
      'when it is larger than a proxy can hold',
      { inbound: { junk: 'x'.repeat(70_000) } },
      'shop/a',
      'TooLarge',
      /split it/,
    ],
  ];
  for (const [name, spec, key, reason, message] of cases) {
    it(name, () => {
      const verdict = about(spec, key);
      assert.equal(verdict.accepted, false);
      assert.equal(verdict.reason, reason);
      assert.match(verdict.message, message);
    });
  }
});
