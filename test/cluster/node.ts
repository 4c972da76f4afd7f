// The first process of a cluster's node: it runs inside namespaces of its own and starts all the others there.
import { readFileSync } from 'node:fs';
import { clusterFiles, type NodeConfig } from './clusterfiles.ts';
import { runOk } from './command.ts';
import { startContainerd } from './containerd.ts';
import { type NodeStatus, serveControls } from './control.ts';
import { ControlPlane } from './controlplane.ts';
import type { Daemon } from './daemon.ts';
import { dnsManifests, startDns } from './dns.ts';
import { writeKubeconfig } from './kubeconfig.ts';
import { nodeName, startKubelet } from './kubelet.ts';
import { startKubeProxy } from './kubeproxy.ts';
import { coverDirectories, createNodeNetwork, nodeAddress } from './nodenetwork.ts';
import { relay } from './relay.ts';

const apiServerPort = 6443;
export const relayFd = 3;

function createControlPlane(config: NodeConfig): Promise<ControlPlane> {
  return ControlPlane.create({
    directory: config.directory,
    address: nodeAddress,
    ports: { etcd: 2379, etcdPeer: 2380, apiServer: apiServerPort },
    publicServer: config.publicServer,
    binaries: { ...config.binaries, etcd: config.etcd },
  });
}

async function startNode(
  config: NodeConfig,
  plane: ControlPlane,
  say: (detail: string) => void,
): Promise<Daemon> {
  const { directory, binaries } = config;
  const { kubeconfig } = clusterFiles(directory);
  say('the control plane and containerd start');
  await Promise.all([plane.start(), startContainerd(directory, config.pauseArchive)]);
  say('the node and DNS start');
  const kubelet = await startKubelet(binaries.kubelet, directory, plane, config.cgroup);
  await startKubeProxy(binaries['kube-proxy'], directory, plane);
  const inside = await plane.componentKubeconfig('node', 'admin', 'system:masters');
  const kubectl = [binaries.kubectl, '--kubeconfig', inside] as const;
  await startDns(binaries.coredns, directory, plane);
  await runOk(kubectl[0], [kubectl[1], kubectl[2], 'apply', '-f', '-'], { input: dnsManifests() });
  const node = `node/${nodeName}`;
  await runOk(kubectl[0], [kubectl[1], kubectl[2], 'wait', node, '--for=create', '--timeout=60s']);
  await runOk(kubectl[0], [kubectl[1], kubectl[2], 'wait', node, '--for=condition=Ready', '--timeout=120s']);
  writeKubeconfig(kubeconfig, plane.adminKubeconfig);
  return kubelet;
}

async function main(directory: string): Promise<void> {
  const config = JSON.parse(readFileSync(clusterFiles(directory).config, 'utf8')) as NodeConfig;
  let kubelet: Daemon | undefined;
  let status: NodeStatus = { phase: 'starting', detail: 'the namespaces are made' };
  const plane = await createControlPlane(config);
  await serveControls(clusterFiles(directory).control, {
    status: () => Promise.resolve(status),
    'stop-api-server': () => plane.stopApiServer(),
    'start-api-server': () => plane.startApiServer(),
    'pause-kubelet': async () => kubelet?.pause(),
    'resume-kubelet': async () => kubelet?.resume(),
  });
  try {
    await coverDirectories();
    await createNodeNetwork();
    await relay(relayFd, nodeAddress, apiServerPort);
    kubelet = await startNode(config, plane, (detail) => {
      status = { phase: 'starting', detail };
    });
    status = { phase: 'ready', detail: '' };
  } catch (error) {
    console.error(error);
    status = { phase: 'failed', detail: error instanceof Error ? error.message : String(error) };
  }
}

const [, , directory] = process.argv;
if (import.meta.main && directory) await main(directory);
