import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { stringify } from 'yaml';
import { type ControlPlane, clusterDomain } from './controlplane.ts';
import { Daemon } from './daemon.ts';
import { dnsService, nodeAddress } from './nodenetwork.ts';

function corefile(kubeconfig: string): string {
  // No cache: a test that makes a Service asks for its name at once. Other names do not exist: no way leads out.
  return `.:53 {
  bind ${nodeAddress}
  ready 127.0.0.1:8181
  errors
  kubernetes ${clusterDomain} in-addr.arpa {
    kubeconfig ${kubeconfig}
    pods insecure
    ttl 5
  }
  template ANY ANY . {
    rcode NXDOMAIN
  }
}
`;
}

/** The Service that pods ask: it has no selector, its one endpoint is the process on the node. */
export function dnsManifests(): string {
  const labels = { 'k8s-app': 'kube-dns' };
  const ports = ['UDP', 'TCP'].map((protocol) => ({
    name: `dns-${protocol.toLowerCase()}`,
    port: 53,
    protocol,
  }));
  const service = {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { name: 'kube-dns', namespace: 'kube-system', labels },
    spec: { clusterIP: dnsService, ports: ports.map((port) => ({ ...port, targetPort: 53 })) },
  };
  const endpoints = {
    apiVersion: 'discovery.k8s.io/v1',
    kind: 'EndpointSlice',
    metadata: {
      name: 'kube-dns-node',
      namespace: 'kube-system',
      labels: { ...labels, 'kubernetes.io/service-name': 'kube-dns' },
    },
    addressType: 'IPv4',
    endpoints: [{ addresses: [nodeAddress], conditions: { ready: true } }],
    ports,
  };
  return `${stringify(service)}---\n${stringify(endpoints)}`;
}

async function isReady(): Promise<boolean> {
  return (await fetch('http://127.0.0.1:8181/ready', { signal: AbortSignal.timeout(1_000) })).ok;
}

/** Runs cluster DNS as a process of the node: it needs no image. */
export async function startDns(command: string, directory: string, plane: ControlPlane): Promise<Daemon> {
  const config = await plane.componentKubeconfig('coredns', 'coredns', 'system:masters');
  const file = join(directory, 'Corefile');
  writeFileSync(file, corefile(config));
  const daemon = new Daemon({ name: 'coredns', command, args: ['-conf', file], directory, keepAlive: true });
  daemon.start();
  await daemon.waitUntil(isReady);
  return daemon;
}
