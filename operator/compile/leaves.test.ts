import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Inbound } from '../../api/mesh-policy.ts';
import type { ProxyConfig } from '../../api/proxy-config.ts';
import {
  compiledWith,
  overMesh,
  overNamespace,
  overService,
  overWorkload,
  type Said,
} from '../testing/compiled.ts';

/** One leaf of the merge: two things to say of it, and what becomes of them. */
interface Leaf {
  /** path of its origin; `[…]` left out */
  readonly path: string;
  readonly field: string;
  readonly says: readonly [Said, Said];
  readonly becomes: readonly [unknown, unknown];
  readonly byDefault: unknown;
  readonly read: (config: ProxyConfig) => unknown;
}

const limit = (
  [field, path]: readonly [string, string],
  says: readonly [unknown, unknown],
  becomes: readonly [unknown, unknown],
): Leaf => ({
  path: `inbound.limits.${path}`,
  field: `spec.inbound.limits.${field}`,
  says: [{ inbound: { limits: { [field]: says[0] } } }, { inbound: { limits: { [field]: says[1] } } }],
  becomes,
  byDefault: undefined,
  read: ({ inbound }) => (inbound.ports[0]?.limits as Record<string, unknown> | undefined)?.[path],
});
const jwt = (name: string): Said => ({
  inbound: {
    jwt: {
      issuers: [{ name, issuer: `https://${name}.example`, jwks: { type: 'Inline', inline: '{"keys":[]}' } }],
    },
  },
});
const rate = (name: string): Said => ({
  inbound: { rateLimit: [{ name, requests: 5, per: '1m', key: { type: 'Global' } }] },
});
const allow = (serviceAccount: string): Said => ({
  inbound: {
    authorization: {
      rules: [{ name: serviceAccount, action: 'Allow', from: [{ namespace: 'shop', serviceAccount }] }],
    },
  },
});
const namesOf = (list: readonly { readonly name: string }[] = []) => list.map(({ name }) => name);
const inbound = (one: Inbound, other: Inbound): [Said, Said] => [{ inbound: one }, { inbound: other }];

const LEAVES: readonly Leaf[] = [
  {
    path: 'inbound.mtls',
    field: 'spec.inbound.mtls.mode',
    says: inbound({ mtls: { mode: 'Strict' } }, { mtls: { mode: 'Permissive' } }),
    becomes: ['Strict', 'Permissive'],
    byDefault: 'Permissive',
    read: (config) => config.inbound.ports[0]?.mtls,
  },
  {
    path: 'inbound.authorization.default',
    field: 'spec.inbound.authorization.default',
    says: inbound({ authorization: { default: 'Deny' } }, { authorization: { default: 'Allow' } }),
    becomes: ['Deny', 'Allow'],
    byDefault: 'Allow',
    read: (config) => config.inbound.ports[0]?.authorizationDefault,
  },
  {
    path: 'inbound.authorization.rules',
    field: 'spec.inbound.authorization.rules',
    says: [allow('web'), allow('cron')],
    becomes: [['web'], ['cron']],
    byDefault: [],
    read: (config) => namesOf(config.inbound.rules),
  },
  {
    path: 'inbound.jwt.issuers',
    field: 'spec.inbound.jwt.issuers',
    says: [jwt('a'), jwt('b')],
    becomes: [['a'], ['b']],
    byDefault: [],
    read: ({ inbound: { issuers, ports } }) => namesOf(ports[0]?.issuers?.map((index) => issuers![index]!)),
  },
  {
    path: 'inbound.rateLimits',
    field: 'spec.inbound.rateLimit',
    says: [rate('a'), rate('b')],
    becomes: [['a'], ['b']],
    byDefault: [],
    read: ({ inbound: { rateLimits, ports } }) =>
      namesOf(ports[0]?.rateLimits?.map((index) => rateLimits![index]!)),
  },
  limit(['maxConnections', 'maxConnections'], [10, 20], [10, 20]),
  limit(['maxPendingRequests', 'maxPendingRequests'], [10, 20], [10, 20]),
  limit(['maxHeaderSize', 'maxHeaderBytes'], ['16Ki', 8000], [16_384, 8000]),
  limit(['maxBodySize', 'maxBodyBytes'], ['10Mi', 0], [10_485_760, 0]),
  limit(['idleTimeout', 'idleTimeoutMs'], ['5m', '0s'], [300_000, 0]),
  {
    path: 'egress.mode',
    field: 'spec.egress.mode',
    says: [{ egress: { mode: 'AllowListed' } }, { egress: { mode: 'AllowAll' } }],
    becomes: ['AllowListed', 'AllowAll'],
    byDefault: undefined,
    read: ({ egress }) => egress?.mode,
  },
  {
    path: 'egress.hosts',
    field: 'spec.egress.hosts',
    says: [{ egress: { hosts: [{ host: 'a.example' }] } }, { egress: { hosts: [{ host: 'b.example' }] } }],
    becomes: [['a.example'], ['b.example']],
    byDefault: undefined,
    read: ({ egress }) => egress?.hosts.map(({ host }) => host),
  },
  {
    path: 'telemetry.accessLog',
    field: 'spec.telemetry.accessLog',
    says: [
      { telemetry: { accessLog: { mode: 'Sampled', samplePercent: 5 } } },
      { telemetry: { accessLog: { mode: 'All' } } },
    ],
    becomes: [{ mode: 'Sampled', samplePercent: 5 }, { mode: 'All' }],
    byDefault: undefined,
    read: ({ telemetry }) => telemetry?.accessLog,
  },
  {
    path: 'telemetry.tracing.endpoint',
    field: 'spec.telemetry.tracing.endpoint',
    says: [
      { telemetry: { tracing: { endpoint: 'http://a:4318' } } },
      { telemetry: { tracing: { endpoint: 'http://b:4318' } } },
    ],
    becomes: ['http://a:4318', 'http://b:4318'],
    byDefault: undefined,
    read: ({ telemetry }) => telemetry?.tracing?.endpoint,
  },
  {
    path: 'telemetry.tracing.samplePercent',
    field: 'spec.telemetry.tracing.samplePercent',
    says: [
      { telemetry: { tracing: { endpoint: 'http://a:4318', samplePercent: 0 } } },
      { telemetry: { tracing: { endpoint: 'http://a:4318', samplePercent: 100 } } },
    ],
    becomes: [0, 100],
    byDefault: undefined,
    read: ({ telemetry }) => telemetry?.tracing?.samplePercent,
  },
];

for (const { path, field, says, becomes, byDefault, read } of LEAVES) {
  const [one, other] = says;
  const originsIn = (result: ReturnType<typeof compiledWith>) =>
    result.origins.filter((each) => each.path.replace(/\[.*/, '') === path);

  describe(`${field}`, () => {
    it('is the default where nobody says anything', () => {
      const result = compiledWith([]);
      assert.deepEqual(read(result.config), byDefault);
      assert.deepEqual(
        originsIn(result).map(({ origin, lost }) => ({ origin, lost })),
        [{ origin: undefined, lost: [] }],
      );
    });

    const levels = [overMesh, overNamespace, overService, overWorkload];
    for (const [index, wide] of levels.slice(0, -1).entries()) {
      it(`is that of the most specific policy: ${levels[index + 1]!.name} rather than ${wide.name}`, () => {
        for (const [weak, strong, value] of [
          [one, other, becomes[1]],
          [other, one, becomes[0]],
        ] as const) {
          const [loser, winner] = [wide(weak), levels[index + 1]!(strong)];
          const result = compiledWith([loser, winner]);
          assert.deepEqual(read(result.config), value);
          assert.deepEqual(result.conflicts, []);
          const [origin] = originsIn(result);
          assert.equal(origin?.origin?.policy, winner.key);
          assert.ok(origin?.origin?.field.startsWith(field), origin?.origin?.field);
          assert.deepEqual(
            origin?.lost.map((each) => each.origin),
            [{ policy: loser.key, generation: 1, field }],
          );
        }
      });
    }

    it('is that of the older of two equally specific policies, and the other is told so', () => {
      const younger = { ...overService(one, 'a'), createdAt: '2026-02-01T00:00:00Z' };
      const result = compiledWith([younger, overService(other, 'b')]);
      assert.deepEqual(read(result.config), becomes[1]);
      assert.deepEqual(result.conflicts, [{ loser: 'shop/a', winner: 'shop/b', field }]);
    });

    it('is that of the first by name of two that are equally old, of two Services over one pod', () => {
      const result = compiledWith([overService(other, 'b', 'bill'), overService(one, 'a', 'pay')]);
      assert.deepEqual(read(result.config), becomes[0]);
      assert.deepEqual(result.conflicts, [{ loser: 'shop/b', winner: 'shop/a', field }]);
    });

    it('is no conflict where two say the same', () => {
      assert.deepEqual(compiledWith([overService(one, 'a'), overService(one, 'b')]).conflicts, []);
    });
  });
}

describe('spec.telemetry.metrics.labels', () => {
  it('is what is said, and nothing where nobody says anything', () => {
    const said: Said = { telemetry: { metrics: { labels: ['PathTemplate'] } } };
    assert.deepEqual(compiledWith([overMesh(said)]).config.telemetry, { metricLabels: ['PathTemplate'] });
    assert.equal(compiledWith([]).config.telemetry, undefined);
  });
});

describe('leaves of one object', () => {
  it('come from different policies', () => {
    const { config } = compiledWith([
      overMesh({ telemetry: { tracing: { endpoint: 'http://a:4318', samplePercent: 7 } } }),
      overNamespace({ inbound: { limits: { maxConnections: 5, maxBodySize: '1Mi' } } }),
      overService({ telemetry: { tracing: { endpoint: 'http://b:4318' } } }),
      overWorkload({ inbound: { limits: { maxBodySize: '2Mi' } } }),
    ]);
    assert.deepEqual(config.telemetry?.tracing, { endpoint: 'http://b:4318', samplePercent: 7 });
    assert.deepEqual(config.inbound.ports[0]?.limits, { maxConnections: 5, maxBodyBytes: 2_097_152 });
  });

  it('equal in bytes or time are the same, however they are written', () => {
    const { conflicts } = compiledWith([
      overService({ inbound: { limits: { maxBodySize: '1Ki', idleTimeout: '60s' } } }, 'a'),
      overService({ inbound: { limits: { maxBodySize: 1024, idleTimeout: '1m' } } }, 'b'),
    ]);
    assert.deepEqual(conflicts, []);
  });
});
