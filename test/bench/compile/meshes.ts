import type { MeshPolicySpec } from '../../../api/mesh-policy.ts';
import type { Change, EndpointSlice, MeshSettings } from '../../../operator/mesh/model.ts';
import { policy, service, slice, workload } from '../../../operator/testing/builders.ts';

/** A mesh of apps of ten pods: each with two Services and five policies, each calling the next four apps. */
export interface MeshShape {
  readonly workloads: number;
  readonly namespaces: number;
}
export interface App {
  readonly namespace: string;
  readonly name: string;
  readonly pods: readonly string[];
  readonly calls: readonly string[];
}

export const PODS_PER_APP = 10;
const CALLS = 4;

export const SETTINGS: MeshSettings = {
  trustDomain: 'cluster.local',
  controlPlaneNamespace: 'weft-system',
  streamAddress: 'weft-operator.weft-system:15010',
};

export function appsOf({ workloads, namespaces }: MeshShape): App[] {
  const count = workloads / PODS_PER_APP;
  const nameOf = (app: number) => `app-${String(app).padStart(4, '0')}`;
  return Array.from({ length: count }, (_, app) => ({
    namespace: `team-${app % namespaces}`,
    name: nameOf(app),
    pods: Array.from({ length: PODS_PER_APP }, (_, pod) => `team-${app % namespaces}/${nameOf(app)}-${pod}`),
    calls: Array.from({ length: CALLS }, (_, step) => `${clusterIp((app + step + 1) % count)}:80`),
  }));
}

export function meshObjects(apps: readonly App[]): Change[] {
  return [
    ...apps.flatMap((app, index) => [...podsOf(app, index), ...servicesOf(app, index), ...policiesOf(app)]),
    change('Policy', policy('weft-system/all', meshWide(1))),
  ];
}

export function podsOf({ namespace, name, pods }: App, index: number): Change[] {
  return pods.map((key, pod) =>
    change(
      'Workload',
      workload(key, {
        ...{ serviceAccount: name, app: name, addresses: [podIp(index, pod)], namespace },
        labels: { app: name, version: pod % 2 === 0 ? 'v1' : 'v2', 'pod-template-hash': `${index}` },
        ports: [
          { name: 'http', port: 8080 },
          { name: 'metrics', port: 9090 },
        ],
      }),
    ),
  );
}

export function sliceOf({ namespace, name, pods }: App, index: number): EndpointSlice {
  return slice(`${namespace}/${name}`, Object.fromEntries(pods.map((key, pod) => [key, podIp(index, pod)])));
}

function servicesOf(app: App, index: number): Change[] {
  const { namespace, name } = app;
  const main = `${namespace}/${name}`;
  const ports = [{ name: 'http', port: 80, protocol: undefined, targetPort: 'http' }];
  const endpoints = sliceOf(app, index);
  const addresses = [clusterIp(index)];
  return [
    change('Service', service(main, { addresses, ports, selector: { app: name } })),
    change('EndpointSlice', endpoints),
    change('Service', service(`${main}-headless`, { ports, selector: { app: name } })),
    change('EndpointSlice', { ...endpoints, key: `${main}-headless-1`, service: `${main}-headless` }),
  ];
}

function policiesOf(app: App): Change[] {
  const { namespace, name } = app;
  const specs: Record<string, MeshPolicySpec> = {
    callers: callersSpec(app, 1),
    mtls: { target: { kind: 'Service', name, ports: ['http'] }, inbound: { mtls: { mode: 'Strict' } } },
    routes: routesSpec(app, 1),
    view: {
      target: { kind: 'Workload', selector: { matchLabels: { app: name, version: 'v2' } } },
      traffic: { to: [{ service: name }], timeout: { request: '5s' } },
    },
    logs: {
      target: { kind: 'Workload', selector: { matchLabels: { app: name } } },
      telemetry: { accessLog: { mode: 'All' } },
    },
  };
  return Object.entries(specs).map(([about, spec]) =>
    change('Policy', policy(`${namespace}/${name}-${about}`, spec)),
  );
}

/** About the pods of one app, so about ten proxies. */
export function callersSpec({ name }: App, generation: number): MeshPolicySpec {
  return {
    target: { kind: 'Workload', selector: { matchLabels: { app: name } } },
    inbound: {
      authorization: {
        rules: Array.from({ length: 5 }, (_, rule) => ({
          name: `rule-${rule}`,
          action: rule === 0 ? 'Deny' : 'Allow',
          from: [{ serviceAccount: `caller-${rule}` }, { namespace: 'ops', serviceAccount: '*' }],
          to: [{ methods: ['GET', 'POST'], paths: [`/v${generation}/items/*`, '/health'] }],
        })),
      },
    },
  };
}

/** Two subsets by weight, with retries; a change is one to the destinations of all who call the app. */
export function routesSpec({ name }: App, generation: number): MeshPolicySpec {
  const subset = (version: string, weight: number) => ({
    ...{ service: name, port: 80, weight },
    selector: { matchLabels: { version } },
  });
  return {
    target: { kind: 'Service', name },
    traffic: {
      routes: [
        {
          name: 'canary',
          match: [{ path: { type: 'PathPrefix', value: '/v2' } }],
          backends: [subset('v1', 90), subset('v2', 10)],
        },
        { name: 'rest', timeout: { request: `${generation}s` } },
      ],
      outlierDetection: { consecutiveErrors: 5 },
    },
  };
}

export function meshWide(generation: number): MeshPolicySpec {
  return {
    target: { kind: 'Mesh' },
    inbound: { mtls: { mode: 'Strict' }, limits: { maxConnections: 1000 + generation } },
  };
}

export function change<T extends { readonly key: string }>(kind: Change['kind'], value: T): Change {
  return { kind, key: value.key, value } as unknown as Change;
}

function podIp(app: number, pod: number): string {
  return `10.${Math.floor(app / 250)}.${app % 250}.${pod + 1}`;
}
function clusterIp(app: number): string {
  return `172.20.${Math.floor(app / 250)}.${(app % 250) + 1}`;
}
