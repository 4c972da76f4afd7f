import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Inbound, Operation, PolicyRule } from '../../api/mesh-policy.ts';
import { keySet } from '../testing/builders.ts';
import {
  compiledWith,
  overMesh,
  overNamespace,
  overService,
  overWorkload,
  type Said,
} from '../testing/compiled.ts';
import { EC_KEY } from '../testing/keys.ts';

const inbound = (said: Inbound): Said => ({ inbound: said });
const withRule = (rest: Partial<PolicyRule>): Said =>
  inbound({ authorization: { rules: [{ name: 'r', action: 'Allow', ...rest }] } });
type RateLimit = NonNullable<Inbound['rateLimit']>[number];
const rates = (...list: Partial<RateLimit>[]): Said =>
  inbound({
    rateLimit: list.map((each) => ({ name: 'a', requests: 5, per: '1m', key: { type: 'Global' }, ...each })),
  });
type Issuer = NonNullable<Inbound['jwt']>['issuers'][number];
const issuers = (...list: Partial<Issuer>[]): Said =>
  inbound({ jwt: { issuers: list.map((each) => ({ ...ISSUER, ...each })) } });
const ISSUER: Issuer = {
  ...{ name: 'staff', issuer: 'https://id.example' },
  jwks: { type: 'Inline', inline: JSON.stringify({ keys: [EC_KEY] }) },
};
const URI = 'https://id.example/keys';

describe('a compiled operation', () => {
  const compiled = (to: Operation) =>
    compiledWith([overMesh(withRule({ to: [to] }))]).config.inbound.rules[0]?.to;

  it('has all that is said of it, header names in lower case', () => {
    const to: Operation = {
      ...{ methods: ['GET'], paths: ['/a/**'], hosts: ['*.example.com'] },
      headers: [{ name: 'X-Env', value: 'Test' }],
      grpc: { service: 'pay.Api', methods: ['Get'] },
    };
    assert.deepEqual(compiled(to), [{ ...to, headers: [{ name: 'x-env', value: 'Test' }] }]);
  });
  it('of gRPC may be a whole service', () => {
    assert.deepEqual(compiled({ grpc: { service: 'pay.Api' } }), [{ grpc: { service: 'pay.Api' } }]);
  });
});

describe('a compiled condition', () => {
  const compiled = (when: PolicyRule['when']) =>
    compiledWith([overMesh(withRule({ when }))]).config.inbound.rules[0]?.when;

  it('has its claims in order, whatever the order they are written in', () => {
    const claims = { role: ['admin', 'ops'], 'https://a.b/team': ['pay'] };
    assert.deepEqual(compiled({ jwt: { issuer: 'https://id.example', claims } }), {
      jwt: {
        issuer: 'https://id.example',
        claims: [
          { name: 'https://a.b/team', values: ['pay'] },
          { name: 'role', values: ['admin', 'ops'] },
        ],
      },
    });
  });
  it('may be any token of an issuer', () => {
    const when = { jwt: { issuer: 'https://id.example' } };
    assert.deepEqual(compiled(when), when);
  });
});

describe('a compiled rate limit', () => {
  it('counts in milliseconds and names its header in lower case', () => {
    const { config } = compiledWith([
      overService(rates({ name: 'u', per: '1m30s', burst: 0, key: { type: 'Header', header: 'X-User' } })),
    ]);
    assert.deepEqual(config.inbound.rateLimits, [
      {
        ...{ policy: 'shop/s', name: 'u', requests: 5, perMs: 90_000, burst: 0 },
        key: { type: 'Header', header: 'x-user' },
      },
    ]);
  });
  it('without burst lets as many come at once as in a period', () => {
    const { config } = compiledWith([overService(rates({ requests: 100 }))]);
    assert.equal(config.inbound.rateLimits?.[0]?.burst, 99);
  });
});

describe('a compiled issuer', () => {
  it('has the keys that stand in the policy, and shows the token to the app unless told otherwise', () => {
    const { config } = compiledWith([
      overService(issuers({}, { name: 'b', forward: false, issuer: 'https://b' })),
    ]);
    assert.deepEqual(config.inbound.issuers, [
      { policy: 'shop/s', name: 'staff', issuer: 'https://id.example', forward: true, keys: [EC_KEY] },
      { policy: 'shop/s', name: 'b', issuer: 'https://b', forward: false, keys: [EC_KEY] },
    ]);
    assert.deepEqual(config.inbound.ports[0]?.issuers, [0, 1]);
  });
  it('has its audiences, and header names in lower case', () => {
    const { config } = compiledWith([overService(issuers({ audiences: ['Pay'], fromHeaders: ['X-Token'] }))]);
    const [issuer] = config.inbound.issuers ?? [];
    assert.deepEqual([issuer?.audiences, issuer?.fromHeaders], [['Pay'], ['x-token']]);
  });
  it('has the keys that were fetched, public parts only', () => {
    const said = overService(issuers({ jwks: { type: 'URI', uri: URI } }));
    const keys = compiledWith([said], [keySet(URI, [{ ...EC_KEY, x5c: ['chain'] }])]);
    assert.deepEqual(keys.config.inbound.issuers?.[0]?.keys, [EC_KEY]);
    assert.equal(keys.config.inbound.issuers?.[0]?.jwksUri, URI);
  });
  it('has no keys before they were fetched, or while they cannot be had', () => {
    const said = overService(issuers({ jwks: { type: 'URI', uri: URI } }));
    assert.deepEqual(compiledWith([said]).config.inbound.issuers?.[0]?.keys, []);
    const failed = compiledWith([said], [keySet(URI, [], 'it is down')]);
    assert.deepEqual(failed.config.inbound.issuers?.[0]?.keys, []);
  });
});

describe('on a port', () => {
  it('lists replace those of all ports, and each is in the configuration once', () => {
    const { config } = compiledWith([
      overNamespace(rates({ name: 'all' })),
      overNamespace(rates({ name: 'admin' }, { name: 'too' }), 'p', ['admin']),
      overWorkload(issuers({})),
    ]);
    assert.deepEqual(
      config.inbound.rateLimits?.map(({ name }) => name),
      ['all', 'admin', 'too'],
    );
    assert.deepEqual(
      config.inbound.ports.map((each) => [each.port, each.rateLimits, each.issuers]),
      [
        [undefined, [0], [0]],
        [9090, [1, 2], [0]],
      ],
    );
  });

  it('limits come leaf by leaf', () => {
    const { config } = compiledWith([
      overMesh(inbound({ limits: { maxConnections: 9, maxBodySize: '1Ki' } })),
      overMesh(inbound({ limits: { maxBodySize: '1Gi', idleTimeout: '9999h' } }), 'up', [8080]),
    ]);
    assert.deepEqual(
      config.inbound.ports.map(({ port, limits }) => [port, limits]),
      [
        [undefined, { maxConnections: 9, maxBodyBytes: 1024 }],
        [8080, { maxConnections: 9, maxBodyBytes: 2 ** 30, idleTimeoutMs: 2 ** 31 - 1 }],
      ],
    );
  });

  it('a policy that says what holds on all ports adds nothing', () => {
    const { config } = compiledWith([
      overMesh(inbound({ mtls: { mode: 'Strict' } })),
      overMesh(inbound({ mtls: { mode: 'Strict' } }), 'p', [8080]),
    ]);
    assert.equal(config.inbound.ports.length, 1);
  });
});

describe('egress and telemetry', () => {
  const said: Said = { egress: { mode: 'AllowListed' }, telemetry: { accessLog: { mode: 'All' } } };

  it('of a policy with ports are about the whole pod, and no more specific for the ports', () => {
    const older = {
      ...overNamespace({ egress: { mode: 'AllowAll' } }, 'old'),
      createdAt: '2025-01-01T00:00:00Z',
    };
    const { config, conflicts } = compiledWith([overNamespace(said, 'p', ['admin']), older]);
    assert.equal(config.egress?.mode, 'AllowAll');
    assert.deepEqual(config.telemetry, { accessLog: { mode: 'All' } });
    assert.deepEqual(conflicts, [{ loser: 'shop/p', winner: 'shop/old', field: 'spec.egress.mode' }]);
  });
  it('of a policy about ports that a pod does not have are not about the pod', () => {
    const { config } = compiledWith([overNamespace(said, 'p', ['grpc'])]);
    assert.deepEqual([config.egress, config.telemetry], [undefined, undefined]);
  });
  it('of listed hosts under no mode is a list under AllowAll, by nobody', () => {
    const { config } = compiledWith([
      overMesh({ egress: { hosts: [{ host: 'a.b', ports: [443, 80], tls: 'Originate' }] } }),
    ]);
    assert.deepEqual(config.egress, {
      mode: 'AllowAll',
      hosts: [{ host: 'a.b', ports: [80, 443], tls: 'Originate' }],
    });
  });
  it('of tracing samples one of a hundred traces unless told otherwise', () => {
    const { config } = compiledWith([overMesh({ telemetry: { tracing: { endpoint: 'http://a:4318' } } })]);
    assert.deepEqual(config.telemetry?.tracing, { endpoint: 'http://a:4318', samplePercent: 1 });
  });
});
