import { API_VERSION, OPERATOR_SERVICE_ACCOUNT } from '../../api/names.ts';
import type { InboundPort, ProxyConfig } from '../../api/proxy-config.ts';
import { spiffeId } from '../../api/spiffe.ts';
import type { Mesh } from '../mesh/mesh.ts';
import type { MeshSettings, Workload } from '../mesh/model.ts';
import type { CompiledOrigin } from './compiled-origin.ts';
import { type Conflict, distinct } from './conflict.ts';
import { mergeEgress } from './egress.ts';
import { mergeInbound } from './merge.ts';
import { inboundProtocols } from './protocol.ts';
import { withoutPorts } from './sayings.ts';
import { type Hit, hitsOn } from './target.ts';
import { mergeTelemetry } from './telemetry.ts';
import { versionOf } from './version.ts';
import { zoneOf } from './zone.ts';

export interface CompiledProxy {
  readonly config: ProxyConfig;
  readonly conflicts: readonly Conflict[];
  /** of every compiled value and every default, who said it; not part of the configuration */
  readonly origins: readonly CompiledOrigin[];
}

/** Pure: equal meshes give equal bytes. The workload must have a proxy id. */
export function compileProxyConfig(mesh: Mesh, workload: Workload): CompiledProxy {
  const hits = hitsOn(mesh, workload);
  const inbound = mergeInbound(hits, knownPorts(mesh, workload), mesh);
  const ofPod = withoutPorts(hits);
  const { egress, ...ofEgress } = mergeEgress(ofPod);
  const { telemetry, ...ofTelemetry } = mergeTelemetry(ofPod);
  const zone = zoneOf(mesh, workload);
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
      ...(zone && { zone }),
    },
    controlPlane: { address: mesh.settings.streamAddress, spiffeId: operatorSpiffeId(mesh.settings) },
    inbound: inbound.inbound,
    ...(egress && { egress }),
    ...(telemetry && { telemetry }),
    ...(workload.listeners && { listeners: workload.listeners }),
  };
  return {
    config: { ...content, version: versionOf(content, generations(hits)) },
    conflicts: distinct([inbound, ofEgress, ofTelemetry].flatMap(({ conflicts }) => conflicts)),
    origins: [inbound, ofEgress, ofTelemetry].flatMap(({ origins }) => origins),
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

/** Of all that may be in it: `traffic` is for callers, but for the protocol, which the Service's own sidecars are told. */
function generations(hits: readonly Hit[]): Map<string, number> {
  const held = hits.filter(({ policy: { spec } }) => {
    const { inbound, egress, telemetry, traffic } = spec;
    const isProtocol = traffic?.protocol !== undefined && traffic.to === undefined;
    return isProtocol || [inbound, egress, telemetry].some((part) => part !== undefined);
  });
  return new Map(held.map(({ policy }) => [policy.uid, policy.generation]));
}
