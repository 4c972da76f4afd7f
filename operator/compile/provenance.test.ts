import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import type { Destination } from '../../api/destination.ts';
import type { InboundPort, ProxyConfig } from '../../api/proxy-config.ts';
import { Mesh } from '../mesh/mesh.ts';
import type { Workload } from '../mesh/model.ts';
import { DESTINATION_KEYS, objects } from '../testing/arbitrary-mesh.ts';
import { SETTINGS } from '../testing/builders.ts';
import { valueByPath } from '../testing/paths.ts';
import type { CompiledOrigin } from './compiled-origin.ts';
import { compileDestination } from './destination.ts';
import type { Origin } from './leaf.ts';
import { compileProxyConfig } from './proxy-config.ts';
import { originsOfDestination } from './traffic/origins.ts';

/**
 * No compiled value without an origin: every leaf of what is sent to a sidecar is looked up among the origins,
 * except for what no policy decides.
 */

/** Whose configuration it is, and where the sidecar is: no policy says any of it. */
const IDENTITY = ['apiVersion', 'kind', 'version', 'proxyId', 'trustDomain', 'workload', 'controlPlane'];
/** Which Service it is, and which pods are behind it. */
const ADDRESSED = ['version', 'key', 'name', 'namespace', 'endpoints'];

/** What holds where nobody says anything; of such a value nobody is the origin. */
const DEFAULTS: Readonly<Record<string, unknown>> = {
  'inbound.mtls': 'Permissive',
  'inbound.authorization.default': 'Allow',
  'egress.mode': 'AllowAll',
  'egress.hosts': [],
  'telemetry.tracing.samplePercent': 1,
};

/** Fields of `traffic` that are merged as a whole; the other leaves have an origin each. */
const WHOLE = ['routes', 'healthCheck', 'loadBalancing.hash', 'outlierDetection.successRate'];
/** Compiled name → the name it has in a policy, where they differ by more than a unit. */
const WRITTEN: Readonly<Record<string, string>> = { 'traffic.connectMs': 'traffic.timeout.connect' };

interface Leaf {
  /** as in CompiledOrigin */
  readonly path: string;
  readonly port?: number | undefined;
  /** the compiled value; undefined: the policy has it in other units, and only who says it is compared */
  readonly value?: unknown;
  /** the policy that the configuration itself names for it */
  readonly policy?: string | undefined;
}

function leavesOf(config: ProxyConfig): Leaf[] {
  const { inbound, egress, telemetry, listeners: _ofTheDocument, ...others } = config;
  assert.deepEqual(
    Object.keys(others).filter((name) => !IDENTITY.includes(name)),
    [],
  );
  return [
    ...inbound.ports.flatMap((entry) => leavesOfPort(entry, inbound)),
    ...(egress === undefined
      ? []
      : [
          { path: 'egress.mode', value: egress.mode, policy: egress.policy },
          { path: 'egress.hosts', value: egress.hosts },
        ]),
    ...Object.entries(telemetry ?? {}).flatMap(([name, value]) => {
      if (name !== 'tracing') return [{ path: `telemetry.${name}`, value: value as unknown }];
      return Object.entries(value).map(([each, of]) => ({ path: `telemetry.tracing.${each}`, value: of }));
    }),
  ];
}

function leavesOfPort(entry: InboundPort, { rules, rateLimits = [], issuers = [] }: ProxyConfig['inbound']) {
  const { port, protocol, mtls, authorizationDefault, authorizationDefaultPolicy, limits, ...rest } = entry;
  const { rateLimits: limited = [], issuers: trusted = [], auditedDefaultPolicy, ...others } = rest;
  assert.deepEqual(others, {}, 'a field that this test does not know');
  const items = <T extends { readonly name: string; readonly policy: string }>(path: string, list: T[]) =>
    list.map((value) => ({ path: `${path}[${value.name}]`, port, value, policy: value.policy }));
  const here = rules.filter(
    ({ ports }) => ports === undefined || (port !== undefined && ports.includes(port)),
  );
  return [
    ...(protocol === undefined ? [] : [{ path: `ports.protocol[${port}]`, value: protocol }]),
    { path: 'inbound.mtls', port, value: mtls },
    {
      ...{ path: 'inbound.authorization.default', port },
      ...{ value: authorizationDefault, policy: authorizationDefaultPolicy },
    },
    ...(auditedDefaultPolicy === undefined
      ? []
      : [
          {
            ...{ path: 'inbound.authorization.auditedDefault', port },
            ...{ value: 'Deny', policy: auditedDefaultPolicy },
          },
        ]),
    ...Object.entries(limits ?? {}).map(([name, value]) => ({ path: `inbound.limits.${name}`, port, value })),
    ...items('inbound.authorization.rules', here),
    ...items(
      'inbound.rateLimits',
      limited.map((index) => rateLimits[index]!),
    ),
    ...items(
      'inbound.jwt.issuers',
      trusted.map((index) => issuers[index]!),
    ),
  ];
}

/** Of one port: its own entries are all there is to know of it. */
function candidates(origins: readonly CompiledOrigin[], { path, port }: Leaf): CompiledOrigin[] {
  const isOwn = port !== undefined && origins.some((each) => each.port === port);
  return origins.filter((each) => each.path === path && each.port === (isOwn ? port : undefined));
}

function leavesOfDestination(destination: Destination): Leaf[] {
  const { protocol, traffic, backends = [], ...others } = destination;
  assert.deepEqual(
    Object.keys(others).filter((name) => !ADDRESSED.includes(name)),
    [],
  );
  return [
    ...(protocol === undefined ? [] : [{ path: 'traffic.protocol', value: protocol }]),
    ...trafficLeaves('traffic', traffic ?? {}),
    ...backends.flatMap(({ name, traffic: of }) =>
      trafficLeaves('traffic', of ?? {}).map((leaf) => ({ ...leaf, path: `backends[${name}].${leaf.path}` })),
    ),
  ];
}

/** In the words of a policy: without units. */
function trafficLeaves(path: string, value: object): Leaf[] {
  return Object.entries(value).flatMap(([name, inner]) => {
    const here = WRITTEN[`${path}.${name}`] ?? `${path}.${name.replace(/Ms$/, '')}`;
    const isWhole = WHOLE.some((whole) => here === `traffic.${whole}`);
    if (isWhole || typeof inner !== 'object') return [{ path: here }];
    return trafficLeaves(here, inner);
  });
}

function assertOrigin(mesh: Mesh, leaf: Leaf, found: readonly CompiledOrigin[]): Origin | undefined {
  const said = found.filter(({ origin }) => leaf.policy === undefined || origin?.policy === leaf.policy);
  const where = `${leaf.path} ${leaf.port ?? ''}`;
  assert.ok(said.length > 0, `${where} has no origin`);
  if ('value' in leaf)
    assert.ok(
      said.some(({ value }) => isEqual(value, leaf.value)),
      `${where}: another value`,
    );
  const [{ origin, value }] = said as [CompiledOrigin];
  if (origin === undefined) {
    const isDeclared = leaf.path === 'traffic.protocol' || leaf.path.startsWith('ports.protocol[');
    if (!isDeclared) assert.deepEqual(value, DEFAULTS[leaf.path], `${where} is of nobody`);
    return undefined;
  }
  const policy = mesh.policy(origin.policy);
  assert.ok(policy !== undefined, `${where} is of ${origin.policy}, which does not exist`);
  const specs = [policy, mesh.accepted(policy)].filter((each) => each?.generation === origin.generation);
  const written = specs.some((each) => valueByPath(each, origin.field) !== undefined);
  assert.ok(written, `${where}: ${origin.policy}@${origin.generation} has no ${origin.field}`);
  return origin;
}

function isEqual(a: unknown, b: unknown): boolean {
  try {
    assert.deepEqual(a, b);
    return true;
  } catch {
    return false;
  }
}

const meshed = (mesh: Mesh): Workload[] => mesh.workloads().filter((each) => mesh.isMeshed(each));

describe('every compiled value of any mesh', () => {
  it('of a sidecar’s configuration is said by a field of a policy, or is a default', () => {
    const seen = new Map<string, number>();
    fc.assert(
      fc.property(objects(28), (changes) => {
        const mesh = new Mesh(SETTINGS);
        mesh.apply(changes);
        for (const workload of meshed(mesh)) {
          const { config, origins } = compileProxyConfig(mesh, workload);
          for (const leaf of leavesOf(config)) {
            if (assertOrigin(mesh, leaf, candidates(origins, leaf))) count(seen, leaf.path);
          }
        }
      }),
      { numRuns: 150, seed: 11 },
    );
    assertSeen(seen, [
      ...[
        'inbound.mtls',
        'inbound.authorization.default',
        'inbound.authorization.rules',
        'inbound.rateLimits',
      ],
      ...[
        'inbound.authorization.auditedDefault',
        'inbound.jwt.issuers',
        'inbound.limits',
        'ports.protocol',
        'egress.mode',
        'egress.hosts',
      ],
      ...['telemetry.accessLog', 'telemetry.tracing.endpoint', 'telemetry.metricLabels'],
    ]);
  });

  it('of a destination is said by a field of a policy, or is the Service’s own protocol', () => {
    const seen = new Map<string, number>();
    const keys = DESTINATION_KEYS.filter((each) => each.includes('/'));
    fc.assert(
      fc.property(objects(28), (changes) => {
        const mesh = new Mesh(SETTINGS);
        mesh.apply(changes);
        for (const consumer of meshed(mesh)) keys.map((key) => lookAtDestination(mesh, key, consumer, seen));
      }),
      { numRuns: 150, seed: 12 },
    );
    assertSeen(seen, [
      ...[
        'traffic.protocol',
        'traffic.routes',
        'traffic.timeout',
        'traffic.retryBudget',
        'traffic.healthCheck',
      ],
      ...['traffic.loadBalancing', 'traffic.circuitBreaker', 'traffic.outlierDetection', 'backends['],
    ]);
  });
});

function lookAtDestination(mesh: Mesh, key: string, consumer: Workload, seen: Map<string, number>): void {
  const destination = compileDestination(mesh, key, consumer);
  if (destination === null) return;
  const origins = originsOfDestination(mesh, key, consumer)!;
  for (const leaf of leavesOfDestination(destination)) {
    if (assertOrigin(mesh, leaf, candidates(origins, leaf))) count(seen, leaf.path);
  }
}

function count(seen: Map<string, number>, path: string): void {
  seen.set(path, (seen.get(path) ?? 0) + 1);
}
/** A generator that no longer makes something would make the properties hold of nothing. */
function assertSeen(seen: ReadonlyMap<string, number>, wanted: readonly string[]): void {
  const missing = wanted.filter((each) => ![...seen.keys()].some((path) => path.startsWith(each)));
  assert.deepEqual(missing, []);
}
