import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { MeshPolicySpec, PolicyRule } from '../../api/mesh-policy.ts';
import { assertProxyConfig } from '../../api/validate.ts';
import type { Policy } from '../mesh/model.ts';
import { meshOf, policy, service, set, slice, workload } from '../testing/builders.ts';
import { compileProxyConfig } from './proxy-config.ts';

const pay = workload('shop/pay', {
  addresses: ['10.0.0.1'],
  ports: [
    { name: 'http', port: 8080 },
    { name: 'admin', port: 9090 },
  ],
});

function compiled(...policies: Policy[]) {
  const mesh = meshOf(
    set('Workload', pay),
    set(
      'Service',
      service('shop/pay', { ports: [{ name: 'http', port: 80, protocol: undefined, targetPort: 'http' }] }),
    ),
    set('Policy', ...policies),
  );
  const result = compileProxyConfig(mesh, pay);
  assertProxyConfig(result.config);
  return result;
}
const mtls = (mode: 'Strict' | 'Permissive'): MeshPolicySpec => ({ inbound: { mtls: { mode } } });
const rules = (...list: PolicyRule[]): MeshPolicySpec => ({ inbound: { authorization: { rules: list } } });
const allow = (name: string): PolicyRule => ({ name, action: 'Allow', from: [{ serviceAccount: name }] });
const deny = (name: string): PolicyRule => ({ name, action: 'Deny', from: [{ serviceAccount: name }] });
const byDefault = (value: 'Allow' | 'Deny'): MeshPolicySpec => ({
  inbound: { authorization: { default: value } },
});
const MESH = { target: { kind: 'Mesh' } } as const;
const SERVICE = { target: { kind: 'Service', name: 'pay' } } as const;
const WORKLOAD = { target: { kind: 'Workload', selector: { matchLabels: { app: 'pay' } } } } as const;

describe('a proxy configuration', () => {
  it('without policies is permissive and open', () => {
    const { config } = compiled();
    assert.deepEqual(config.inbound, {
      ports: [{ mtls: 'Permissive', authorizationDefault: 'Allow' }],
      rules: [],
    });
    assert.deepEqual(config.version.policies, {});
  });

  it('names the workload, the trust domain, and the one identity of the control plane', () => {
    const { config } = compiled();
    assert.deepEqual(config.workload, { name: 'pay', namespace: 'shop', serviceAccount: 'pay', app: 'pay' });
    assert.equal(config.controlPlane.spiffeId, 'spiffe://cluster.local/ns/weft-system/sa/weft-operator');
    assert.equal(config.controlPlane.address, 'operator.test:15010');
    assert.equal(config.proxyId, 'id-shop-pay');
  });

  it('has the generation of every policy that is about the workload in its version', () => {
    const other = policy('shop/other', { target: { kind: 'Service', name: 'web' }, ...mtls('Strict') });
    const { config } = compiled(policy('shop/a', mtls('Strict'), { generation: 3 }), other);
    assert.deepEqual(config.version.policies, { 'uid-of-shop/a': 3 });
  });

  it('changes its version with a generation whose content is the same', () => {
    const one = compiled(policy('shop/a', mtls('Strict'))).config.version;
    const two = compiled(policy('shop/a', mtls('Strict'), { generation: 2 })).config.version;
    assert.equal(one.hash, two.hash);
    assert.notDeepEqual(one, two);
  });

  it('is not touched by a policy of another namespace', () => {
    const { config } = compiled(policy('ops/a', mtls('Strict')));
    assert.equal(config.inbound.ports[0]?.mtls, 'Permissive');
  });
});

describe('the most specific policy wins', () => {
  const levels: [string, Policy][] = [
    ['Mesh', policy('weft-system/m', { ...MESH, ...mtls('Strict') })],
    ['Namespace', policy('shop/n', mtls('Permissive'))],
    ['Service', policy('shop/s', { ...SERVICE, ...mtls('Strict') })],
    ['Workload', policy('shop/w', { ...WORKLOAD, ...mtls('Permissive') })],
  ];
  for (let count = 1; count <= levels.length; count++) {
    const [name, winner] = levels[count - 1]!;
    it(`of kind ${name}, over what is wider`, () => {
      const { config, conflicts } = compiled(
        ...levels
          .slice(0, count)
          .map(([, each]) => each)
          .reverse(),
      );
      assert.equal(config.inbound.ports[0]?.mtls, winner.spec.inbound?.mtls?.mode);
      assert.deepEqual(conflicts, []);
    });
  }

  it('leaf by leaf: what it does not say comes from wider ones', () => {
    const { config } = compiled(
      policy('shop/n', mtls('Strict')),
      policy('shop/w', { ...WORKLOAD, ...byDefault('Deny') }),
    );
    assert.deepEqual(config.inbound.ports, [
      { mtls: 'Strict', authorizationDefault: 'Deny', authorizationDefaultPolicy: 'shop/w' },
    ]);
  });

  it('and one with ports wins over one without, of the same kind, on those ports', () => {
    const { config } = compiled(
      policy('shop/all', mtls('Strict')),
      policy('shop/port', { target: { kind: 'Namespace', ports: ['admin'] }, ...mtls('Permissive') }),
    );
    assert.deepEqual(config.inbound.ports, [
      { mtls: 'Strict', authorizationDefault: 'Allow' },
      { port: 9090, mtls: 'Permissive', authorizationDefault: 'Allow' },
    ]);
  });

  it('but ports of a wider kind do not win over a narrower kind', () => {
    const { config } = compiled(
      policy('shop/w', { ...WORKLOAD, ...mtls('Strict') }),
      policy('shop/port', { target: { kind: 'Namespace', ports: [9090] }, ...mtls('Permissive') }),
    );
    assert.deepEqual(config.inbound.ports, [{ mtls: 'Strict', authorizationDefault: 'Allow' }]);
  });
});

describe('ports', () => {
  it('of a Service are the container ports behind them', () => {
    const { config } = compiled(
      policy('shop/s', { target: { ...SERVICE.target, ports: [80] }, ...mtls('Strict') }),
    );
    assert.deepEqual(
      config.inbound.ports.map(({ port, mtls: mode }) => [port, mode]),
      [
        [undefined, 'Permissive'],
        [8080, 'Strict'],
      ],
    );
  });

  it('that the workload does not have make the policy be about something else', () => {
    const { config } = compiled(
      policy('shop/n', { target: { kind: 'Namespace', ports: ['grpc'] }, ...mtls('Strict') }),
    );
    assert.deepEqual(config.version.policies, {});
  });

  it('have the protocol that the Service or its policy declares', () => {
    const { config } = compiled(policy('shop/s', { ...SERVICE, traffic: { protocol: 'TCP' } }));
    assert.deepEqual(config.inbound.ports[1], {
      port: 8080,
      protocol: 'TCP',
      mtls: 'Permissive',
      authorizationDefault: 'Allow',
    });
  });

  it('are taken from the slices where the Service does not say its targetPort', () => {
    const mesh = meshOf(
      set('Workload', pay),
      set('Service', service('shop/pay', { ports: [{ name: 'http', port: 80, protocol: 'HTTP' }] })),
      set('EndpointSlice', slice('shop/pay', { 'shop/pay': '10.0.0.1' })),
    );
    const { config } = compileProxyConfig(mesh, pay);
    assert.deepEqual(
      config.inbound.ports.map(({ port, protocol }) => [port, protocol]),
      [
        [undefined, undefined],
        [8080, 'HTTP'],
      ],
    );
  });
});

describe('authorization', () => {
  const names = (list: readonly { name: string }[]) => list.map(({ name }) => name);

  it('denies by default where an Allow rule applies', () => {
    const { config } = compiled(policy('shop/s', { ...SERVICE, ...rules(allow('web')) }));
    assert.equal(config.inbound.ports[0]?.authorizationDefault, 'Deny');
    assert.deepEqual(config.inbound.rules, [
      {
        policy: 'shop/s',
        name: 'web',
        action: 'Allow',
        mode: 'Enforce',
        from: [{ namespace: 'shop', serviceAccount: 'web' }],
      },
    ]);
  });

  it('adds up Deny rules of several policies, each on the ports of its own', () => {
    const { config } = compiled(
      policy('shop/admin', { target: { kind: 'Namespace', ports: ['admin'] }, ...rules(deny('web')) }),
      policy('shop/both', { ...WORKLOAD, ...rules(deny('ops')) }),
      policy('shop/http', { target: { ...SERVICE.target, ports: [80] }, ...rules(deny('web')) }),
      policy('shop/other', { target: { kind: 'Namespace', ports: ['grpc'] }, ...rules(deny('all')) }),
    );
    const named = config.inbound.rules.map(({ policy: by, name, action, ports }) => [
      by,
      name,
      action,
      ports,
    ]);
    assert.deepEqual(named.sort(), [
      ['shop/admin', 'web', 'Deny', [9090]],
      ['shop/both', 'ops', 'Deny', undefined],
      ['shop/http', 'web', 'Deny', [8080]],
    ]);
    assert.deepEqual(config.inbound.ports, [{ mtls: 'Permissive', authorizationDefault: 'Allow' }]);
  });

  it('allows by default with Deny rules alone', () => {
    const { config } = compiled(policy('shop/s', { ...SERVICE, ...rules(deny('web')) }));
    assert.equal(config.inbound.ports[0]?.authorizationDefault, 'Allow');
  });

  it('follows an explicit default, from whichever policy', () => {
    const { config } = compiled(
      policy('shop/n', byDefault('Allow')),
      policy('shop/s', { ...SERVICE, ...rules(allow('web')) }),
    );
    assert.equal(config.inbound.ports[0]?.authorizationDefault, 'Allow');
  });

  it('replaces Allow rules by those of the more specific policy, and adds up Deny rules, Deny first', () => {
    const { config } = compiled(
      policy('shop/n', rules(allow('web'), deny('cron'))),
      policy('shop/s', { ...SERVICE, ...rules(allow('ops'), deny('bot')) }),
    );
    assert.deepEqual(names(config.inbound.rules), ['bot', 'cron', 'ops']);
  });

  it('keeps the Allow rules below a policy that only prohibits', () => {
    const { config } = compiled(
      policy('shop/n', rules(allow('web'))),
      policy('shop/s', { ...SERVICE, ...rules(deny('bot')) }),
    );
    assert.deepEqual(names(config.inbound.rules), ['bot', 'web']);
    assert.equal(config.inbound.ports[0]?.authorizationDefault, 'Deny');
  });

  it('keeps rules to their ports, and the wider Allow rules off them', () => {
    const { config } = compiled(
      policy('shop/n', rules(allow('web'))),
      policy('shop/s', { target: { ...SERVICE.target, ports: ['http'] }, ...rules(allow('ops')) }),
    );
    assert.deepEqual(
      config.inbound.rules.map(({ name, ports }) => [name, ports]),
      [
        ['ops', [8080]],
        ['web', [9090]],
      ],
    );
    assert.deepEqual(config.inbound.ports, [
      { mtls: 'Permissive', authorizationDefault: 'Deny', authorizationDefaultPolicy: 'shop/n' },
      { port: 8080, mtls: 'Permissive', authorizationDefault: 'Deny', authorizationDefaultPolicy: 'shop/s' },
    ]);
  });

  it('enforces, beside a policy in Audit mode, what it would without it', () => {
    const audit: MeshPolicySpec['inbound'] = {
      authorization: { mode: 'Audit', default: 'Deny', rules: [allow('ops')] },
    };
    const { config } = compiled(
      policy('shop/n', rules(allow('web'))),
      policy('shop/w', { ...WORKLOAD, inbound: audit }),
    );
    assert.deepEqual(
      config.inbound.rules.map(({ name, mode }) => [name, mode]),
      [
        ['ops', 'Audit'],
        ['web', 'Enforce'],
      ],
    );
    assert.equal(config.inbound.ports[0]?.authorizationDefault, 'Deny');
    const alone = compiled(policy('shop/w', { ...WORKLOAD, inbound: audit }));
    assert.equal(alone.config.inbound.ports[0]?.authorizationDefault, 'Allow');
  });

  it('tells who would deny by default if what is in Audit mode were enforced', () => {
    const trial = (authorization: object, key = 'shop/n') =>
      policy(key, { inbound: { authorization: { mode: 'Audit', ...authorization } } });
    const audited = (...policies: Policy[]) => {
      const [entry] = compiled(...policies).config.inbound.ports;
      return [entry?.authorizationDefault, entry?.auditedDefaultPolicy];
    };
    const onWorkload = (said: 'Allow' | 'Deny') =>
      policy('shop/w', { ...WORKLOAD, inbound: { authorization: { default: said } } });
    assert.deepEqual(audited(trial({ default: 'Deny' })), ['Allow', 'shop/n']);
    assert.deepEqual(audited(trial({ rules: [allow('ops')] })), ['Allow', 'shop/n']);
    assert.deepEqual(audited(trial({ default: 'Allow', rules: [allow('ops')] })), ['Allow', undefined]);
    // What is more specific would still say otherwise.
    assert.deepEqual(audited(trial({ default: 'Deny' }), onWorkload('Allow')), ['Allow', undefined]);
    // It is so already.
    assert.deepEqual(audited(trial({ default: 'Deny' }), onWorkload('Deny')), ['Deny', undefined]);
  });

  it('qualifies callers', () => {
    const from = [
      { serviceAccount: 'web' },
      { namespace: 'ops' },
      { namespace: 'ops', serviceAccount: '*' },
      { spiffeId: 'spiffe://other.example/ns/a/sa/b' },
      { ipBlock: '10.0.0.0/8' },
    ];
    const { config } = compiled(policy('shop/n', rules({ name: 'r', action: 'Allow', from })));
    assert.deepEqual(config.inbound.rules[0]?.from, [
      { namespace: 'shop', serviceAccount: 'web' },
      { namespace: 'ops', serviceAccount: '*' },
      { namespace: 'ops', serviceAccount: '*' },
      { spiffeId: 'spiffe://other.example/ns/a/sa/b' },
      { ipBlock: '10.0.0.0/8' },
    ]);
  });
});

describe('of two equally specific policies', () => {
  it('the older wins, and the other is told by whom it is overruled', () => {
    const { config, conflicts } = compiled(
      policy('shop/a', mtls('Permissive'), { createdAt: '2026-02-01T00:00:00Z' }),
      policy('shop/b', mtls('Strict')),
    );
    assert.equal(config.inbound.ports[0]?.mtls, 'Strict');
    assert.deepEqual(conflicts, [{ loser: 'shop/a', winner: 'shop/b', field: 'spec.inbound.mtls.mode' }]);
  });
  it('of the same age the first by name wins', () => {
    const { config } = compiled(policy('shop/b', mtls('Permissive')), policy('shop/a', mtls('Strict')));
    assert.equal(config.inbound.ports[0]?.mtls, 'Strict');
  });
  it('that say the same, none is in conflict', () => {
    assert.deepEqual(
      compiled(policy('shop/a', mtls('Strict')), policy('shop/b', mtls('Strict'))).conflicts,
      [],
    );
  });
});

describe('a policy that is not acceptable', () => {
  const bad = { inbound: { mtls: { mode: 'Sometimes' } } } as unknown as MeshPolicySpec;

  it('has no effect when it never was', () => {
    const { config } = compiled(policy('shop/a', bad));
    assert.deepEqual(config.version.policies, {});
    assert.equal(config.inbound.ports[0]?.mtls, 'Permissive');
  });

  it('leaves what was accepted last in force', () => {
    const mesh = meshOf(
      set('Workload', pay),
      set('Policy', policy('shop/a', bad, { generation: 5 })),
      set('AcceptedRevision', { key: 'shop/a', uid: 'uid-of-shop/a', generation: 4, spec: mtls('Strict') }),
    );
    const { config } = compileProxyConfig(mesh, pay);
    assert.equal(config.inbound.ports[0]?.mtls, 'Strict');
    assert.deepEqual(config.version.policies, { 'uid-of-shop/a': 4 });
  });
});
