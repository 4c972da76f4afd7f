import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import type { PolicyRule } from '../../api/mesh-policy.ts';
import type { ProxyConfig } from '../../api/proxy-config.ts';
import { Mesh } from '../mesh/mesh.ts';
import type { Policy } from '../mesh/model.ts';
import { objects } from '../testing/arbitrary-mesh.ts';
import { meshOf, policy, SETTINGS, service, set, workload } from '../testing/builders.ts';
import {
  compiledWith,
  mandatory,
  overMesh,
  overNamespace,
  overService,
  type Said,
} from '../testing/compiled.ts';
import type { CompiledOrigin } from './compiled-origin.ts';
import { compileProxyConfig } from './proxy-config.ts';

const strict: Said = { inbound: { mtls: { mode: 'Strict' } } };
const permissive: Said = { inbound: { mtls: { mode: 'Permissive' } } };
const rule = (name: string, action: PolicyRule['action']): PolicyRule => ({
  ...{ name, action, from: [{ namespace: 'shop', serviceAccount: name }] },
});
const rules = (...list: PolicyRule[]): Said => ({ inbound: { authorization: { rules: list } } });

function short({ path, port, origin, value, lost }: CompiledOrigin) {
  const from = origin && `${origin.policy}@${origin.generation} ${origin.field}`;
  return { path, port, from, value, lost: lost.map((each) => `${each.origin.policy}: ${each.value}`) };
}
const find = (origins: readonly CompiledOrigin[], path: string) =>
  origins.filter((each) => each.path === path).map(short);

describe('the origins of a configuration', () => {
  it('name every default where nobody says anything', () => {
    const { origins } = compiledWith([]);
    assert.deepEqual(
      origins.map(({ path, value }) => [path, value]),
      [
        ['inbound.mtls', 'Permissive'],
        ['inbound.authorization.default', 'Allow'],
        ['inbound.authorization.rules', []],
        ['inbound.jwt.issuers', []],
        ['inbound.rateLimits', []],
        ['inbound.limits.maxConnections', undefined],
        ['inbound.limits.maxPendingRequests', undefined],
        ['inbound.limits.maxHeaderBytes', undefined],
        ['inbound.limits.maxBodyBytes', undefined],
        ['inbound.limits.idleTimeoutMs', undefined],
        ['egress.mode', 'AllowAll'],
        ['egress.hosts', []],
        ['telemetry.accessLog', { mode: 'Errors' }],
        ['telemetry.tracing.endpoint', undefined],
        ['telemetry.tracing.samplePercent', 1],
        ['telemetry.metricLabels', []],
      ],
    );
    assert.ok(origins.every(({ origin, lost, port }) => !origin && lost.length === 0 && port === undefined));
  });

  it('name policy, generation and field, and what lost, the strongest first', () => {
    const { origins } = compiledWith([
      overMesh(permissive),
      overNamespace(permissive),
      { ...overService(strict), generation: 7 },
    ]);
    assert.deepEqual(find(origins, 'inbound.mtls'), [
      {
        ...{ path: 'inbound.mtls', port: undefined, value: 'Strict' },
        from: 'shop/s@7 spec.inbound.mtls.mode',
        lost: ['shop/n: Permissive', 'weft-system/m: Permissive'],
      },
    ]);
  });

  it('are told apart for the ports that policies are about', () => {
    const { origins } = compiledWith([overNamespace(strict), overNamespace(permissive, 'p', ['admin'])]);
    assert.deepEqual(
      find(origins, 'inbound.mtls').map(({ port, value, from, lost }) => [port, value, from, lost]),
      [
        [undefined, 'Strict', 'shop/n@1 spec.inbound.mtls.mode', []],
        [9090, 'Permissive', 'shop/p@1 spec.inbound.mtls.mode', ['shop/n: Strict']],
      ],
    );
    const paths = (of: number | undefined) =>
      origins.filter(({ port }) => port === of).map(({ path }) => path);
    assert.deepEqual(
      paths(9090),
      paths(undefined).filter((path) => path.startsWith('inbound.')),
    );
  });

  it('of a default that Allow rules imply are those rules', () => {
    const { origins } = compiledWith([overService(rules(rule('web', 'Allow')))]);
    assert.deepEqual(
      find(origins, 'inbound.authorization.default').map(({ from, value }) => [from, value]),
      [['shop/s@1 spec.inbound.authorization.rules', 'Deny']],
    );
  });

  it('of the protocol of a port are a policy about its Service, or the Service itself', () => {
    const web = service('shop/web', {
      ports: [{ name: 'http', port: 80, protocol: 'HTTP', targetPort: 8080 }],
    });
    const pod = workload('shop/web', { ports: [{ name: 'http', port: 8080 }] });
    const tcp = policy('shop/p', {
      target: { kind: 'Service', name: 'web' },
      traffic: { protocol: 'TCP' },
    });
    const origins = (...policies: Policy[]) => {
      const mesh = meshOf(set('Service', web), set('Workload', pod), set('Policy', ...policies));
      return find(compileProxyConfig(mesh, pod).origins, 'ports.protocol[8080]');
    };
    const said = { path: 'ports.protocol[8080]', port: undefined, lost: [] };
    assert.deepEqual(origins(), [{ ...said, value: 'HTTP', from: undefined }]);
    assert.deepEqual(origins(tcp), [{ ...said, value: 'TCP', from: 'shop/p@1 spec.traffic.protocol' }]);
  });

  it('of rules name each rule, where it holds', () => {
    const { origins } = compiledWith([
      overMesh(rules(rule('bot', 'Deny'))),
      overNamespace(rules(rule('web', 'Allow'))),
      overNamespace(rules(rule('ops', 'Allow')), 'p', ['admin']),
    ]);
    const named = origins.filter(({ path }) => path.startsWith('inbound.authorization.rules'));
    assert.deepEqual(
      named.map(({ path, port, origin, lost }) => [path, port, origin?.policy, lost.length]),
      [
        ['inbound.authorization.rules[bot]', undefined, 'weft-system/m', 0],
        ['inbound.authorization.rules[web]', undefined, 'shop/n', 0],
        ['inbound.authorization.rules[bot]', 9090, 'weft-system/m', 1],
        ['inbound.authorization.rules[ops]', 9090, 'shop/p', 0],
      ],
    );
  });

  it('of what is mandatory name what it overruled', () => {
    const { origins } = compiledWith([mandatory(overMesh(strict)), overNamespace(permissive)]);
    assert.deepEqual(
      find(origins, 'inbound.mtls').map(({ from, lost }) => [from, lost]),
      [['weft-system/m@1 spec.inbound.mtls.mode', ['shop/n: Permissive']]],
    );
  });

  it('say of any mesh what its configurations say', () => {
    let compared = 0;
    fc.assert(
      fc.property(objects(24), (changes) => {
        const mesh = new Mesh(SETTINGS);
        mesh.apply(changes);
        for (const workload of mesh.workloads().filter((each) => mesh.isMeshed(each))) {
          const { config, origins } = compileProxyConfig(mesh, workload);
          assert.deepEqual(valuesOf(origins), valuesIn(config));
          compared += config.inbound.rules.length;
        }
      }),
      { numRuns: 100, seed: 5 },
    );
    assert.ok(compared > 20, `${compared} rules were compared`);
  });
});

/** What all ports without an entry have, and what is about the whole pod. */
function valuesOf(origins: readonly CompiledOrigin[]) {
  const here = origins.filter(({ port }) => port === undefined);
  const one = (path: string) => here.find((each) => each.path === path);
  const list = (path: string) =>
    here
      .filter((each) => each.path.startsWith(`${path}[`))
      .map(({ origin, value }) => [origin?.policy, value]);
  const limits = here.filter(({ path, value }) => path.startsWith('inbound.limits.') && value !== undefined);
  return {
    mtls: one('inbound.mtls')?.value,
    byDefault: [
      one('inbound.authorization.default')?.value,
      one('inbound.authorization.default')?.origin?.policy,
    ],
    rateLimits: list('inbound.rateLimits'),
    issuers: list('inbound.jwt.issuers'),
    limits: Object.fromEntries(
      limits.map(({ path, value }) => [path.slice('inbound.limits.'.length), value]),
    ),
    egress: [one('egress.mode')?.value, one('egress.mode')?.origin?.policy, one('egress.hosts')?.value],
    accessLog: one('telemetry.accessLog')?.value,
    tracing: one('telemetry.tracing.endpoint')?.value,
    metricLabels: one('telemetry.metricLabels')?.value,
  };
}

function valuesIn({ inbound, egress, telemetry }: ProxyConfig): ReturnType<typeof valuesOf> {
  const [others] = inbound.ports;
  const listed = (list: readonly { readonly policy: string }[] = [], places: readonly number[] = []) =>
    places.map((place) => [list[place]?.policy, list[place]]);
  return {
    mtls: others?.mtls,
    byDefault: [others?.authorizationDefault, others?.authorizationDefaultPolicy],
    rateLimits: listed(inbound.rateLimits, others?.rateLimits),
    issuers: listed(inbound.issuers, others?.issuers),
    limits: { ...others?.limits },
    egress: [egress?.mode ?? 'AllowAll', egress?.policy, egress?.hosts ?? []],
    accessLog: telemetry?.accessLog ?? { mode: 'Errors' },
    tracing: telemetry?.tracing?.endpoint,
    metricLabels: telemetry?.metricLabels ?? [],
  };
}
