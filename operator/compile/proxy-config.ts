import { API_VERSION, OPERATOR_SERVICE_ACCOUNT } from '../../api/names.ts';
import type { InboundPort, ProxyConfig } from '../../api/proxy-config.ts';
import { spiffeId } from '../../api/spiffe.ts';
import type { Mesh } from '../mesh/mesh.ts';
import type { MeshSettings, Workload } from '../mesh/model.ts';
import type { CompiledOrigin } from './compiled-origin.ts';
import { type Conflict, distinct } from './conflict.ts';
import { mergeEgress } from './egress.ts';
import { mergeInbound } from './merge.ts';
import { type DeclaredProtocol, inboundProtocols, protocolOrigins } from './protocol.ts';
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

/**
 * Pure: equal meshes give equal bytes. The workload must have a proxy id.
 * @param hits the strongest first; absent: all that are about it now
 */
export function compileProxyConfig(
  mesh: Mesh,
  workload: Workload,
  hits: readonly Hit[] = hitsOn(mesh, workload),
): CompiledProxy {
  const protocols = inboundProtocols(mesh, workload);
  const keysAt = (uri: string) => mesh.keysIn(workload.namespace, uri);
  const inbound = mergeInbound(hits, knownPorts(workload, protocols), keysAt);
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
    config: { ...content, version: versionOf(content, generationsIn(hits)) },
    conflicts: distinct([inbound, ofEgress, ofTelemetry].flatMap(({ conflicts }) => conflicts)),
    origins: [
      ...inbound.origins,
      ...protocolOrigins(protocols),
      ...[ofEgress, ofTelemetry].flatMap(({ origins }) => origins),
    ],
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

function knownPorts(
  workload: Workload,
  protocols: ReadonlyMap<number, DeclaredProtocol>,
): Map<number, InboundPort['protocol']> {
  const ports = new Map<number, InboundPort['protocol']>(workload.ports.map(({ port }) => [port, undefined]));
  for (const [port, { protocol }] of protocols) ports.set(port, protocol);
  return ports;
}

/** Policy uid → generation, of all that may be in it: `traffic` is for callers, but for the protocol, which the Service's own sidecars are told. */
export function generationsIn(hits: readonly Hit[]): Map<string, number> {
  const held = hits.filter(({ policy: { spec } }) => {
    const { inbound, egress, telemetry, traffic } = spec;
    const isProtocol = traffic?.protocol !== undefined && traffic.to === undefined;
    return isProtocol || [inbound, egress, telemetry].some((part) => part !== undefined);
  });
  return new Map(held.map(({ policy }) => [policy.uid, policy.generation]));
}
