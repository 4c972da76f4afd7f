import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { stringify } from 'yaml';
import { containerdSocket } from './containerd.ts';
import { type ControlPlane, clusterDomain } from './controlplane.ts';
import { Daemon } from './daemon.ts';
import { dnsService, nodeAddress, nodeAddresses } from './nodenetwork.ts';

export const nodeName = 'weft-node';

function kubeletConfig(directory: string, authority: string, cgroup: string): object {
  return {
    apiVersion: 'kubelet.config.k8s.io/v1beta1',
    kind: 'KubeletConfiguration',
    authentication: {
      x509: { clientCAFile: authority },
      webhook: { enabled: true },
      anonymous: { enabled: false },
    },
    authorization: { mode: 'Webhook' },
    cgroupDriver: 'cgroupfs',
    cgroupRoot: `/${cgroup}`,
    failCgroupV1: false,
    failSwapOn: false,
    clusterDNS: [dnsService],
    clusterDomain,
    containerRuntimeEndpoint: `unix://${containerdSocket}`,
    resolvConf: join(directory, 'resolv.conf'),
    podLogsDir: join(directory, 'pod-logs'),
    volumePluginDir: join(directory, 'volume-plugins'),
    staticPodPath: '',
    // The machine's disk and memory are its owner's business: no pod is evicted and no image removed for them.
    localStorageCapacityIsolation: false,
    evictionHard: {
      'memory.available': '1Mi',
      'nodefs.available': '0%',
      'nodefs.inodesFree': '0%',
      'imagefs.available': '0%',
      'imagefs.inodesFree': '0%',
    },
    imageGCHighThresholdPercent: 100,
    imageGCLowThresholdPercent: 99,
    shutdownGracePeriod: '0s',
  };
}

export async function startKubelet(
  command: string,
  directory: string,
  plane: ControlPlane,
  cgroup: string,
): Promise<Daemon> {
  const config = await plane.componentKubeconfig('kubelet', `system:node:${nodeName}`, 'system:nodes');
  const file = join(directory, 'kubelet.yaml');
  writeFileSync(join(directory, 'resolv.conf'), `nameserver ${nodeAddress}\n`);
  writeFileSync(file, stringify(kubeletConfig(directory, plane.authority.path('ca.crt'), cgroup)));
  const args = [
    `--config=${file}`,
    `--kubeconfig=${config}`,
    `--root-dir=${join(directory, 'kubelet')}`,
    `--hostname-override=${nodeName}`,
    `--node-ip=${nodeAddresses}`,
  ];
  const daemon = new Daemon({ name: 'kubelet', command, args, directory, keepAlive: true });
  daemon.start();
  return daemon;
}
