import type { V1Endpoint, V1EndpointSlice } from '@kubernetes/client-node';
import type { EndpointSlice } from '../../mesh/model.ts';

const LABEL_SERVICE_NAME = 'kubernetes.io/service-name';
const LABEL_MANAGED_BY = 'endpointslice.kubernetes.io/managed-by';
const OF_KUBERNETES = 'endpointslice-controller.k8s.io';

/**
 * EndpointSlice → EndpointSlice; undefined for slices of no Service and for slices of DNS names.
 * Source: https://kubernetes.io/docs/concepts/services-networking/endpoint-slices/
 */
export function translateEndpointSlice(slice: V1EndpointSlice): EndpointSlice | undefined {
  const { name, namespace, labels } = slice.metadata ?? {};
  const service = labels?.[LABEL_SERVICE_NAME];
  if (!name || !namespace || !service || slice.addressType === 'FQDN') return undefined;
  return {
    key: `${namespace}/${name}`,
    service: `${namespace}/${service}`,
    ...(labels[LABEL_MANAGED_BY] === OF_KUBERNETES && { followsPods: true }),
    ports: (slice.ports ?? []).flatMap(({ name: portName, port, protocol }) =>
      port !== undefined && port !== null && (protocol ?? 'TCP') === 'TCP'
        ? [{ name: portName || undefined, port }]
        : [],
    ),
    endpoints: (slice.endpoints ?? []).map((endpoint) => ({
      addresses: endpoint.addresses,
      // "nil should be interpreted as true" (EndpointConditions.ready)
      ready: endpoint.conditions?.ready !== false,
      ...(isDraining(endpoint) && { draining: true }),
      workload: workloadOf(endpoint, namespace),
      ...(endpoint.zone && { zone: endpoint.zone }),
    })),
  };
}

function isDraining({ conditions }: V1Endpoint): boolean {
  return conditions?.ready === false && conditions.serving === true && conditions.terminating === true;
}

/** Slices may be written by hand: one that names a pod of another namespace is not believed. */
function workloadOf({ targetRef }: V1Endpoint, namespace: string): string | undefined {
  if (targetRef?.kind !== 'Pod' || !targetRef.name) return undefined;
  return (targetRef.namespace ?? namespace) === namespace ? `${namespace}/${targetRef.name}` : undefined;
}
