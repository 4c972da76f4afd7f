import type { ControlPlane } from './controlplane.ts';
import { Daemon } from './daemon.ts';
import { nodeName } from './kubelet.ts';
import { podRange } from './nodenetwork.ts';

/** Its health answers only after the first rules are in place. */
async function rulesWritten(): Promise<boolean> {
  return (await fetch('http://127.0.0.1:10256/healthz', { signal: AbortSignal.timeout(1_000) })).ok;
}

export async function startKubeProxy(
  command: string,
  directory: string,
  plane: ControlPlane,
): Promise<Daemon> {
  const config = await plane.componentKubeconfig('kube-proxy', 'system:kube-proxy');
  const args = [
    `--kubeconfig=${config}`,
    `--hostname-override=${nodeName}`,
    `--cluster-cidr=${podRange}`,
    '--proxy-mode=iptables',
    '--iptables-localhost-nodeports=false',
    // The rules of a small cluster are written in no time: a new Service need not wait for a batch.
    '--iptables-min-sync-period=100ms',
    // Zero leaves a setting alone: these may be read-only, and kube-proxy would end.
    '--conntrack-max-per-core=0',
    '--conntrack-tcp-timeout-established=0',
    '--conntrack-tcp-timeout-close-wait=0',
  ];
  const daemon = new Daemon({ name: 'kube-proxy', command, args, directory, keepAlive: true });
  daemon.start();
  await daemon.waitUntil(rulesWritten);
  return daemon;
}
