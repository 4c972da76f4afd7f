import type { V1Service } from '@kubernetes/client-node';
import type { Service } from '../../mesh/model.ts';
import { protocolOf } from './protocol.ts';

/**
 * Service → Service; undefined for what lacks a name or a namespace and for `ExternalName`, which is an alias
 * in DNS without addresses or endpoints. Only cluster IPs count as addresses: `externalIPs` may be claimed by
 * anyone who can edit a Service (CVE-2020-8554).
 */
export function translateService(service: V1Service): Service | undefined {
  const { name, namespace } = service.metadata ?? {};
  if (!name || !namespace || service.spec?.type === 'ExternalName') return undefined;
  const { clusterIP, clusterIPs, ports, selector } = service.spec ?? {};
  const hasSelector = Object.keys(selector ?? {}).length > 0;
  const addresses = [...new Set([...(clusterIPs ?? []), clusterIP])];
  return {
    key: `${namespace}/${name}`,
    namespace,
    name,
    addresses: addresses.filter((ip): ip is string => Boolean(ip) && ip !== 'None'),
    ports: (ports ?? [])
      .filter(({ protocol }) => protocol === undefined || protocol === 'TCP')
      .map((port) => ({
        name: port.name || undefined,
        port: port.port,
        protocol: protocolOf(port.appProtocol),
        // Without a selector the slices are somebody's own, and targetPort means nothing.
        ...(hasSelector && isTargetPort(port.targetPort) && { targetPort: port.targetPort }),
      })),
    selector: selector ?? {},
  };
}

function isTargetPort(value: unknown): value is number | string {
  return typeof value === 'number' ? value > 0 : typeof value === 'string' && value !== '';
}
