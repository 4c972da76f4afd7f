import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Inbound } from '../../api/mesh-policy.ts';
import type { InboundPort, ProxyConfig } from '../../api/proxy-config.ts';
import { policy } from '../testing/builders.ts';
import {
  compiledWith,
  mandatory,
  overMesh,
  overNamespace,
  overService,
  overWorkload,
  type Said,
} from '../testing/compiled.ts';

const inbound = (said: Inbound): Said => ({ inbound: said });
const byDefault = (value: 'Allow' | 'Deny') => inbound({ authorization: { default: value } });
const limits = (said: NonNullable<Inbound['limits']>) => inbound({ limits: said });
const port = ({ inbound: { ports } }: ProxyConfig): InboundPort => ports[0]!;

/** A leaf of which one value is weaker than another. */
interface HeldLeaf {
  readonly leaf: string;
  readonly held: Said;
  readonly weaker: Said;
  readonly stricter: Said;
  readonly read: (config: ProxyConfig) => unknown;
  /** of what is held, and of what is stricter */
  readonly becomes: readonly [unknown, unknown];
}
const heldLimit = (
  field: keyof NonNullable<Inbound['limits']>,
  compiled: keyof NonNullable<InboundPort['limits']>,
  [held, weaker, stricter]: readonly [unknown, unknown, unknown],
  becomes: HeldLeaf['becomes'],
): HeldLeaf => ({
  leaf: `limits.${field}`,
  ...{ held: limits({ [field]: held }), weaker: limits({ [field]: weaker }) },
  stricter: limits({ [field]: stricter }),
  read: (config) => port(config).limits?.[compiled],
  becomes,
});
const HELD: readonly HeldLeaf[] = [
  {
    leaf: 'mtls.mode',
    held: inbound({ mtls: { mode: 'Strict' } }),
    weaker: inbound({ mtls: { mode: 'Permissive' } }),
    stricter: inbound({ mtls: { mode: 'Strict' } }),
    read: (config) => port(config).mtls,
    becomes: ['Strict', 'Strict'],
  },
  {
    leaf: 'authorization.default',
    ...{ held: byDefault('Deny'), weaker: byDefault('Allow'), stricter: byDefault('Deny') },
    read: (config) => port(config).authorizationDefault,
    becomes: ['Deny', 'Deny'],
  },
  heldLimit('maxConnections', 'maxConnections', [10, 11, 9], [10, 9]),
  heldLimit('maxPendingRequests', 'maxPendingRequests', [10, 11, 9], [10, 9]),
  heldLimit('maxHeaderSize', 'maxHeaderBytes', ['1Ki', '1Mi', 1000], [1024, 1000]),
  heldLimit('maxBodySize', 'maxBodyBytes', ['1Ki', '1Mi', 0], [1024, 0]),
  heldLimit('idleTimeout', 'idleTimeoutMs', ['5m', '0s', '1s'], [300_000, 1000]),
  {
    leaf: 'egress.mode',
    held: { egress: { mode: 'AllowListed' } },
    weaker: { egress: { mode: 'AllowAll' } },
    stricter: { egress: { mode: 'AllowListed' } },
    read: (config) => config.egress?.mode,
    becomes: ['AllowListed', 'AllowListed'],
  },
];

describe('a mandatory value', () => {
  for (const { leaf, held, weaker, stricter, read, becomes } of HELD) {
    const [expected, narrowed] = becomes;
    it(`of ${leaf} is not weakened by anything more specific, which is told so`, () => {
      for (const specific of [overNamespace, overService, overWorkload]) {
        const result = compiledWith([mandatory(overMesh(held)), specific(weaker, 'weak')]);
        assert.deepEqual(read(result.config), expected);
        const field = result.conflicts[0]?.field ?? '';
        assert.ok(field.endsWith(leaf), field);
        assert.deepEqual(result.conflicts, [
          { loser: 'shop/weak', winner: 'weft-system/m', field, mandatory: true },
        ]);
      }
    });
    it(`of ${leaf} may be made stricter`, () => {
      const result = compiledWith([mandatory(overMesh(held)), overWorkload(stricter)]);
      assert.deepEqual(read(result.config), narrowed);
      assert.deepEqual(result.conflicts, []);
    });
    it(`of ${leaf} is not weakened by an older policy of the whole mesh`, () => {
      const younger = { ...mandatory(overMesh(held)), createdAt: '2026-05-01T00:00:00Z' };
      assert.deepEqual(read(compiledWith([overMesh(weaker, 'a'), younger]).config), expected);
    });
    it(`of ${leaf} is not weakened by a mandatory one`, () => {
      const policies = [mandatory(overMesh(held)), mandatory(overMesh(weaker, 'x', [8080, 9090, 'http']))];
      const { config } = compiledWith(policies);
      for (const each of config.inbound.ports) {
        const only = { ...config, inbound: { ...config.inbound, ports: [each] } };
        assert.deepEqual(read(only), expected);
      }
    });
    it(`of ${leaf} is overruled like any other where it is not the stricter one`, () => {
      assert.deepEqual(
        read(compiledWith([mandatory(overMesh(weaker)), overNamespace(held)]).config),
        expected,
      );
    });
  }

  it('of a timeout without end is overruled by any', () => {
    const { config } = compiledWith([
      mandatory(overMesh(limits({ idleTimeout: '0s' }))),
      overNamespace(limits({ idleTimeout: '1h' })),
    ]);
    assert.equal(port(config).limits?.idleTimeoutMs, 3_600_000);
  });

  it('does not blame who was overruled by another already', () => {
    const { config, conflicts } = compiledWith([
      mandatory(overMesh(limits({ maxConnections: 100 }))),
      overNamespace(limits({ maxConnections: 50 })),
      overService(limits({ maxConnections: 200 })),
    ]);
    assert.equal(port(config).limits?.maxConnections, 100);
    assert.deepEqual(
      conflicts.map(({ loser }) => loser),
      ['shop/s'],
    );
  });

  it('of telemetry stays as it is, since nothing there is stricter than something else', () => {
    const held: Said = {
      telemetry: { accessLog: { mode: 'Errors' }, tracing: { endpoint: 'http://a:4318' } },
    };
    const other: Said = {
      telemetry: { accessLog: { mode: 'All' }, tracing: { endpoint: 'http://b:4318', samplePercent: 9 } },
    };
    const { config, conflicts } = compiledWith([mandatory(overMesh(held)), overNamespace(other)]);
    assert.deepEqual(config.telemetry, {
      accessLog: { mode: 'Errors' },
      tracing: { endpoint: 'http://a:4318', samplePercent: 9 },
    });
    assert.deepEqual(
      conflicts.map((each) => [each.field, each.mandatory]),
      [
        ['spec.telemetry.accessLog', true],
        ['spec.telemetry.tracing.endpoint', true],
      ],
    );
  });

  it('counts only in the control plane’s namespace', () => {
    const { config } = compiledWith([
      mandatory(overNamespace(inbound({ mtls: { mode: 'Strict' } }))),
      overWorkload(inbound({ mtls: { mode: 'Permissive' } })),
    ]);
    assert.equal(port(config).mtls, 'Permissive');
    assert.deepEqual(Object.keys(config.version.policies), ['uid-of-shop/w']);
  });

  it('is about pods of the control plane’s namespace alone where its target is not the mesh', () => {
    const { config } = compiledWith([
      mandatory(policy('weft-system/n', inbound({ mtls: { mode: 'Strict' } }))),
    ]);
    assert.equal(port(config).mtls, 'Permissive');
  });
});
