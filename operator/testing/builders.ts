import type { MeshPolicySpec } from '../../api/mesh-policy.ts';
import { Mesh } from '../mesh/mesh.ts';
import type {
  AcceptedRevision,
  Change,
  EndpointSlice,
  KeySet,
  MeshSettings,
  Policy,
  ReferenceGrant,
  Service,
  Workload,
} from '../mesh/model.ts';

/** Objects of a mesh as tests say them: what is not said is the plainest thing possible. */

export const SETTINGS: MeshSettings = {
  trustDomain: 'cluster.local',
  controlPlaneNamespace: 'weft-system',
  streamAddress: 'operator.test:15010',
};

export function workload(key: string, rest: Partial<Workload> = {}): Workload {
  const [namespace, name] = key.split('/') as [string, string];
  return {
    ...{ key, namespace, name, uid: `uid-of-${key}`, serviceAccount: name, labels: { app: name }, app: name },
    ...{ addresses: [], ready: true, finished: false, proxyId: `id-${namespace}-${name}`, ports: [] },
    ...rest,
  };
}

export function service(key: string, rest: Partial<Service> = {}): Service {
  const [namespace, name] = key.split('/') as [string, string];
  return { key, namespace, name, addresses: [], ports: [], selector: { app: name }, ...rest };
}

/** The slice `<service>-1` with these ready workloads, at the address given for each. */
export function slice(
  serviceKey: string,
  endpoints: Readonly<Record<string, string>>,
  ports: EndpointSlice['ports'] = [{ name: 'http', port: 8080 }],
): EndpointSlice {
  return {
    key: `${serviceKey}-1`,
    service: serviceKey,
    ports,
    endpoints: Object.entries(endpoints).map(([key, address]) => ({
      ...{ addresses: [address], ready: true, workload: key },
    })),
  };
}

export function policy(key: string, spec: MeshPolicySpec, rest: Partial<Policy> = {}): Policy {
  const [namespace, name] = key.split('/') as [string, string];
  const createdAt = '2026-01-01T00:00:00Z';
  return { key, namespace, name, uid: `uid-of-${key}`, generation: 1, createdAt, spec, ...rest };
}

export function keySet(uri: string, keys: readonly object[] = [], problem?: string): KeySet {
  return { key: uri, keys, ...(problem !== undefined && { problem }) };
}

/** Lets MeshPolicies of these namespaces name these Services of `<namespace>/<name>`'s; no names: all. */
export function referenceGrant(
  key: string,
  from: readonly string[],
  to: readonly string[] = [],
): ReferenceGrant {
  return {
    key,
    namespace: key.slice(0, key.indexOf('/')),
    from: from.map((namespace) => ({ namespace })),
    to: to.length === 0 ? [{ name: undefined }] : to.map((name) => ({ name })),
  };
}

type Value = Workload | Service | EndpointSlice | Policy | AcceptedRevision | KeySet | ReferenceGrant;

export function set(kind: Change['kind'], ...values: readonly Value[]): Change[] {
  return values.map((value) => ({ kind, key: value.key, value }) as Change);
}
export function remove(kind: Change['kind'], key: string): Change {
  return { kind, key, value: undefined } as Change;
}

export function meshOf(...changes: readonly (readonly Change[])[]): Mesh {
  const mesh = new Mesh(SETTINGS);
  mesh.apply(changes.flat());
  return mesh;
}
