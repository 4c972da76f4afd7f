import { mkdirSync, writeFileSync } from 'node:fs';
import { runOk } from './command.ts';

/** Addresses of the node's own network namespace; nothing outside it can see them. */
export const nodeAddress = '10.200.0.1';
const nodeGateway = '10.200.0.254';
export const podRange = '10.244.0.0/16';
export const dnsService = '10.96.0.10';

async function ip(...args: string[]): Promise<void> {
  await runOk('ip', args);
}

/** Gives the namespace an address and a default route. */
export async function createNodeNetwork(): Promise<void> {
  await ip('link', 'set', 'lo', 'up');
  // A veth with both ends here stands for a network card: not every kernel has dummy devices.
  await ip('link', 'add', 'node0', 'type', 'veth', 'peer', 'name', 'wire0');
  await ip('addr', 'add', `${nodeAddress}/24`, 'dev', 'node0');
  await ip('link', 'set', 'node0', 'up');
  await ip('link', 'set', 'wire0', 'up');
  // It leads nowhere, but without it clients say "network is unreachable" before Service rules are looked at.
  await ip('route', 'add', 'default', 'via', nodeGateway, 'dev', 'node0');
  writeFileSync('/proc/sys/net/ipv4/ip_forward', '1');
}

/** Directories whose place no setting moves: the node gets empty ones of its own over the machine's. */
export async function coverDirectories(): Promise<void> {
  await runOk('mount', ['--make-rshared', '/']);
  for (const directory of ['/run', '/var/lib/cni', '/var/log/containers']) {
    mkdirSync(directory, { recursive: true });
    await runOk('mount', ['-t', 'tmpfs', 'tmpfs', directory]);
  }
}

/** Each pod is a routed veth: unlike a bridge, it needs no br_netfilter for Service rules to apply. */
export function cniConfig(): string {
  return JSON.stringify({
    cniVersion: '0.4.0',
    name: 'weft-test',
    plugins: [
      {
        type: 'ptp',
        ipam: { type: 'host-local', subnet: '10.244.0.0/24', routes: [{ dst: '0.0.0.0/0' }] },
      },
      { type: 'portmap', capabilities: { portMappings: true } },
    ],
  });
}
