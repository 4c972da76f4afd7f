import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import type { MeshPolicySpec } from '../../api/mesh-policy.ts';
import { Mesh } from '../mesh/mesh.ts';
import type { Change } from '../mesh/model.ts';
import { policy, remove, SETTINGS, service, set, slice, workload } from '../testing/builders.ts';
import { canonicalJson } from './canonical-json.ts';
import { compileDestination } from './destination.ts';
import { compileProxyConfig } from './proxy-config.ts';

const namespace = fc.constantFrom('shop', 'ops', 'weft-system');
const name = fc.constantFrom('a', 'b', 'c');
const key = fc.tuple(namespace, name).map(([ns, each]) => `${ns}/${each}`);
const address = fc.constantFrom('10.0.0.1', '10.0.0.2', '10.0.0.3');
const ports = fc.constantFrom<(string | number)[] | undefined>(undefined, ['http'], [9090], ['http', 9090]);

const target = fc.oneof(
  fc.constant({ kind: 'Mesh' } as const),
  ports.map((each) => ({ kind: 'Namespace', ...(each && { ports: each }) }) as const),
  fc
    .tuple(name, ports)
    .map(([service, each]) => ({ kind: 'Service', name: service, ...(each && { ports: each }) }) as const),
  name.map((app) => ({ kind: 'Workload', selector: { matchLabels: { app } } }) as const),
);
const rule = fc.record({
  name: fc.constantFrom('r', 's'),
  action: fc.constantFrom('Allow' as const, 'Deny' as const),
});
const inbound = fc.record(
  {
    mtls: fc.record({ mode: fc.constantFrom('Strict' as const, 'Permissive' as const) }),
    authorization: fc.record(
      {
        mode: fc.constantFrom('Enforce' as const, 'Audit' as const),
        default: fc.constantFrom('Allow' as const, 'Deny' as const),
        rules: fc.uniqueArray(rule, { minLength: 1, maxLength: 2, selector: (each) => each.name }),
      },
      { requiredKeys: ['rules'] },
    ),
  },
  { requiredKeys: ['mtls'] },
);
const policies = fc
  .record({ key, target, inbound, day: fc.integer({ min: 1, max: 3 }) })
  .map((each): Change[] => {
    const spec = { target: each.target, inbound: each.inbound } as MeshPolicySpec;
    return set('Policy', policy(each.key, spec, { createdAt: `2026-01-0${each.day}T00:00:00Z` }));
  });
const workloads = fc
  .record({ key, address, meshed: fc.boolean(), ready: fc.boolean() })
  .map((each): Change[] =>
    set(
      'Workload',
      workload(each.key, {
        ...{ addresses: [each.address], ready: each.ready, ports: [{ name: 'http', port: 8080 }] },
        ...(each.meshed ? {} : { proxyId: undefined }),
      }),
    ),
  );
const services = fc.tuple(key, address).map(([each, ip]): Change[] =>
  set(
    'Service',
    service(each, {
      addresses: [`10.96.0.${ip.at(-1)}`],
      ports: [{ name: 'http', port: 80, protocol: undefined }],
    }),
  ),
);
const slices = fc
  .tuple(key, key, address)
  .map(([each, behind, ip]): Change[] =>
    set('EndpointSlice', slice(each, { [`${each.split('/')[0]}/${behind.split('/')[1]}`]: ip })),
  );
/** One change a key, so that the order in which they come says nothing. */
const changes = fc
  .array(fc.oneof(policies, workloads, services, slices), { maxLength: 24 })
  .map((lists) => [
    ...new Map(lists.flat().map((change) => [`${change.kind} ${change.key}`, change])).values(),
  ]);

const KEYS = ['10.0.0.1:8080', '10.96.0.1:80', 'shop/a:80', 'ops/b:80'];

function everything(mesh: Mesh): string {
  const meshed = mesh.workloads().filter((each) => mesh.isMeshed(each));
  const destinations = KEYS.map((each) => compileDestination(mesh, each, workload('shop/web')));
  return canonicalJson([meshed.map((each) => compileProxyConfig(mesh, each)), destinations]);
}

function compileAll(batches: readonly (readonly Change[])[]): string {
  const mesh = new Mesh(SETTINGS);
  for (const batch of batches) mesh.apply(batch);
  return everything(mesh);
}

describe('compilation', () => {
  it('gives the same bytes whatever the order of the same changes', () => {
    fc.assert(
      fc.property(
        changes.chain((each) =>
          fc.tuple(fc.constant(each), fc.shuffledSubarray(each, { minLength: each.length })),
        ),
        ([one, other]) => assert.equal(compileAll([other]), compileAll(one.map((change) => [change]))),
      ),
      { numRuns: 150 },
    );
  });

  it('gives the same bytes after a detour over other objects', () => {
    fc.assert(
      fc.property(changes, changes, (detour, goal) => {
        const wanted = new Set(goal.map((change) => `${change.kind} ${change.key}`));
        const undo = detour.filter((change) => !wanted.has(`${change.kind} ${change.key}`));
        const batches = [detour, goal, undo.map((change) => remove(change.kind, change.key))];
        assert.equal(compileAll(batches), compileAll([goal]));
      }),
      { numRuns: 150 },
    );
  });

  it('changes nothing that was not marked dirty', () => {
    fc.assert(
      fc.property(changes, changes, (before, after) => {
        const mesh = new Mesh(SETTINGS);
        mesh.apply(before);
        const configs = new Map(mesh.workloads().map((each) => [each.key, configOf(mesh, each.key)]));
        const destinations = KEYS.map((each) =>
          canonicalJson(compileDestination(mesh, each, workload('shop/web'))),
        );
        const dirty = mesh.apply(after);
        for (const { key: each } of mesh.workloads()) {
          if (!dirty.workloads.has(each)) assert.equal(configOf(mesh, each), configs.get(each), each);
        }
        KEYS.forEach((each, index) => {
          if (dirty.hosts.has(each.slice(0, each.lastIndexOf(':')))) return;
          assert.equal(
            canonicalJson(compileDestination(mesh, each, workload('shop/web'))),
            destinations[index],
            each,
          );
        });
      }),
      { numRuns: 300 },
    );
  });
});

function configOf(mesh: Mesh, each: string): string | undefined {
  const found = mesh.workload(each);
  return found && mesh.isMeshed(found) ? canonicalJson(compileProxyConfig(mesh, found)) : undefined;
}
