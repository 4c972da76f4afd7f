import { APP_ADDRESS, DEFAULT_WORKLOAD_ADDRESS, type WorkloadDocument } from '../../api/workload.ts';
import type { EndpointSlice, Service, ServicePort, Workload } from '../mesh/model.ts';

/** Names the folder of the workload's files and stands in its certificate; the CLI computes the same. */
export function proxyIdOf({ metadata }: WorkloadDocument): string {
  return `${metadata.namespace}-${metadata.name}`;
}
export function keyOf(document: Keyed): string {
  if ('key' in document) return document.key;
  const { namespace, name } = document.metadata;
  return `${namespace}/${name}`;
}

/** A document, or what was made of one. */
export type Keyed =
  | { readonly metadata: { readonly name: string; readonly namespace?: string } }
  | { readonly key: string };

/**
 * The ports of policies and destinations are the ports of the inbound listener: it is what callers dial. Whether
 * the app is ready nobody says here, so it is taken to be.
 */
export function toWorkload(document: WorkloadDocument): Workload {
  const { metadata, spec } = document;
  const address = spec.address ?? DEFAULT_WORKLOAD_ADDRESS;
  const labels = spec.labels ?? {};
  return {
    key: keyOf(document),
    namespace: metadata.namespace,
    name: metadata.name,
    uid: keyOf(document),
    serviceAccount: spec.serviceAccount,
    labels,
    app: labels['app.kubernetes.io/name'] ?? labels.app ?? metadata.name,
    addresses: [address],
    ready: true,
    finished: false,
    proxyId: proxyIdOf(document),
    ports: (spec.ports ?? []).map(({ name, port }) => ({ name, port })),
    listeners: {
      inbound: (spec.ports ?? []).map(({ port, appPort }) => ({
        address,
        port,
        appAddress: APP_ADDRESS,
        appPort,
      })),
      outbound: (spec.outbound ?? []).map(({ port, service, servicePort }) => ({
        address: APP_ADDRESS,
        port,
        destination: `${qualifiedService(service, metadata.namespace)}:${servicePort}`,
      })),
      admin: { address, port: spec.admin.port },
    },
  };
}

/** `payments` → `shop/payments`; what names its namespace stays as it is. */
export function qualifiedService(service: string, namespace: string): string {
  return service.includes('/') ? service : `${namespace}/${service}`;
}

/**
 * Services as the documents that back them describe them together. Instances on one machine listen on different
 * ports, so a port of the Service is known by name, and each instance's number leads to all of that name.
 */
export function toServices(documents: readonly WorkloadDocument[]): Service[] {
  const services = new Map<string, { namespace: string; name: string; ports: ServicePort[] }>();
  for (const { metadata, spec } of documents) {
    if (spec.service === undefined) continue;
    const key = `${metadata.namespace}/${spec.service}`;
    const service = services.get(key) ?? { namespace: metadata.namespace, name: spec.service, ports: [] };
    for (const port of spec.ports ?? []) {
      if (service.ports.some((known) => known.port === port.port)) continue;
      service.ports.push({ name: portName(port), port: port.port, protocol: port.protocol });
    }
    services.set(key, service);
  }
  return [...services].map(([key, service]) => ({ key, ...service, addresses: [], selector: {} }));
}

export function toEndpointSlices(documents: readonly WorkloadDocument[]): EndpointSlice[] {
  return documents.flatMap((document) => {
    const { metadata, spec } = document;
    if (spec.service === undefined) return [];
    const address = spec.address ?? DEFAULT_WORKLOAD_ADDRESS;
    return {
      key: keyOf(document),
      service: `${metadata.namespace}/${spec.service}`,
      ports: (spec.ports ?? []).map((port) => ({ name: portName(port), port: port.port })),
      endpoints: [{ addresses: [address], ready: true, workload: keyOf(document) }],
    };
  });
}

function portName({ name, port }: { readonly name?: string; readonly port: number }): string {
  return name ?? `port-${port}`;
}
