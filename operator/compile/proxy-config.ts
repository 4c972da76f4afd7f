import { API_VERSION, OPERATOR_SERVICE_ACCOUNT } from '../../api/names.ts';
import type { InboundPort, ProxyConfig } from '../../api/proxy-config.ts';
import { spiffeId } from '../../api/spiffe.ts';
import type { Mesh } from '../mesh/mesh.ts';
import type { MeshSettings, Workload } from '../mesh/model.ts';
import { type Conflict, distinct } from './conflict.ts';
import { effectivePolicies } from './effective.ts';
import { mergeInbound } from './merge.ts';
import { inboundProtocols, protocolConflicts } from './protocol.ts';
import { type Hit, hitOf } from './target.ts';
import { versionOf } from './version.ts';

export interface CompiledProxy {
  readonly config: ProxyConfig;
  readonly conflicts: readonly Conflict[];
}

/** Pure: equal meshes give equal bytes. The workload must have a proxy id. */
export function compileProxyConfig(mesh: Mesh, workload: Workload): CompiledProxy {
  const policies = effectivePolicies(mesh, workload.namespace);
  const hits = policies.flatMap((policy) => hitOf(mesh, policy, workload) ?? []);
  const merged = mergeInbound(hits, knownPorts(mesh, workload));
  const content: Omit<ProxyConfig, 'version'> = {
    apiVersion: API_VERSION,
    kind: 'ProxyConfig',
    proxyId: workload.proxyId!,
    trustDomain: mesh.settings.trustDomain,
    workload: {
      name: workload.name,
      namespace: workload.namespace,
      serviceAccount: workload.serviceAccount,
      app: workload.app,
    },
    controlPlane: { address: mesh.settings.streamAddress, spiffeId: operatorSpiffeId(mesh.settings) },
    inbound: { ports: [...merged.ports], rules: [...merged.rules] },
    ...(workload.listeners && { listeners: workload.listeners }),
  };
  return {
    config: { ...content, version: versionOf(content, generations(hits)) },
    conflicts: distinct([
      ...merged.conflicts,
      ...mesh.servicesOver(workload).flatMap((service) => protocolConflicts(mesh, service)),
    ]),
  };
}

/** The one identity sidecars accept at the other end of the stream. */
export function operatorSpiffeId(settings: MeshSettings): string {
  return spiffeId({
    trustDomain: settings.trustDomain,
    namespace: settings.controlPlaneNamespace,
    serviceAccount: OPERATOR_SERVICE_ACCOUNT,
  });
}

function knownPorts(mesh: Mesh, workload: Workload): Map<number, InboundPort['protocol']> {
  const declared = workload.ports.map(({ port }) => [port, undefined] as const);
  return new Map<number, InboundPort['protocol']>([...declared, ...inboundProtocols(mesh, workload)]);
}

function generations(hits: readonly Hit[]): Map<string, number> {
  return new Map(hits.map(({ policy }) => [policy.uid, policy.generation]));
}
