import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { Destination } from './destination.ts';
import type { ProxyConfig } from './proxy-config.ts';
import {
  assertDestination,
  assertProxyConfig,
  validateDestination,
  validateProxyConfig,
} from './validate-proxy-config.ts';

const config: ProxyConfig = {
  apiVersion: 'weft.dev/v1alpha1',
  kind: 'ProxyConfig',
  version: { hash: 'abc', policies: { 'uid-1': 3 } },
  proxyId: 'p1',
  trustDomain: 'cluster.local',
  workload: { name: 'payments-0', namespace: 'shop', serviceAccount: 'payments', app: 'payments' },
  controlPlane: {
    address: 'weft-operator:15010',
    spiffeId: 'spiffe://cluster.local/ns/weft-system/sa/weft-operator',
  },
  inbound: {
    ports: [{ mtls: 'Strict', authorizationDefault: 'Deny' }],
    rules: [
      { policy: 'shop/a', name: 'web', action: 'Allow', mode: 'Enforce', from: [{ serviceAccount: '*' }] },
    ],
  },
};
const destination: Destination = {
  version: { hash: 'abc', policies: {} },
  key: 'shop/payments:80',
  name: 'payments',
  namespace: 'shop',
  endpoints: [{ address: '10.1.2.3', port: 8080 }],
};

describe('a ProxyConfig', () => {
  test('is valid', () => {
    assert.deepEqual(validateProxyConfig(config), []);
    assert.doesNotThrow(() => assertProxyConfig(config));
  });

  const inbound = (part: object) => ({ ...config, inbound: { ...config.inbound, ...part } });
  for (const [what, path, value] of [
    ['null', '', null],
    ['a text', '', 'config'],
    ['a list', '', []],
    ['another kind', 'kind', { ...config, kind: 'Destination' }],
    ['another version of the API', 'apiVersion', { ...config, apiVersion: 'weft.dev/v2' }],
    ['an unknown field', 'extra', { ...config, extra: 1 }],
    ['no proxy id', 'proxyId', { ...config, proxyId: '' }],
    ['a proxy id of 64 characters', 'proxyId', { ...config, proxyId: 'a'.repeat(64) }],
    [
      'a generation below 0',
      'version.policies.a',
      { ...config, version: { hash: 'a', policies: { a: -1 } } },
    ],
    [
      'a bad generation behind a line break',
      'version.policies["a\\nb"]',
      { ...config, version: { hash: 'a', policies: { 'a\nb': 'x' } } },
    ],
    [
      'an unknown mTLS mode',
      'inbound.ports[0].mtls',
      inbound({ ports: [{ mtls: 'Off', authorizationDefault: 'Allow' }] }),
    ],
    [
      'no default port',
      'inbound.ports',
      inbound({ ports: [{ port: 80, mtls: 'Strict', authorizationDefault: 'Deny' }] }),
    ],
    [
      'two default ports',
      'inbound.ports',
      inbound({ ports: [...config.inbound.ports, ...config.inbound.ports] }),
    ],
    [
      'port 65536',
      'inbound.ports[0].port',
      inbound({ ports: [{ port: 65536, mtls: 'Strict', authorizationDefault: 'Deny' }] }),
    ],
    [
      'an empty list of callers',
      'inbound.rules[0].from',
      inbound({ rules: [{ ...config.inbound.rules[0], from: [] }] }),
    ],
  ] as const) {
    test(`is refused: ${what}`, () => {
      assert.deepEqual(
        validateProxyConfig(value).map((problem) => problem.path),
        [path],
      );
      assert.throws(() => assertProxyConfig(value), /ProxyConfig is not valid/);
    });
  }
});

describe('a Destination', () => {
  test('is valid, with and without endpoints', () => {
    assert.deepEqual(validateDestination(destination), []);
    assert.deepEqual(validateDestination({ ...destination, endpoints: [] }), []);
    assert.doesNotThrow(() => assertDestination(destination));
  });

  for (const [what, path, value] of [
    ['null', '', null],
    ['no key', 'key', { ...destination, key: undefined }],
    ['an unknown protocol', 'protocol', { ...destination, protocol: 'SPDY' }],
    [
      'an endpoint without port',
      'endpoints[0].port',
      { ...destination, endpoints: [{ address: '10.1.2.3' }] },
    ],
    [
      'an unknown field of an endpoint',
      'endpoints[0].colour',
      { ...destination, endpoints: [{ address: 'a', port: 1, colour: 1 }] },
    ],
  ] as const) {
    test(`is refused: ${what}`, () => {
      assert.deepEqual(
        validateDestination(value).map((problem) => problem.path),
        [path],
      );
      assert.throws(() => assertDestination(value), /Destination is not valid/);
    });
  }
});
