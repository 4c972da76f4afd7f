import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { runOk } from './command.ts';

/** Addresses of the node's own network namespace; nothing outside it can see them. */
export const nodeAddress = '10.200.0.1';
const nodeGateway = '10.200.0.254';
export const dnsService = '10.96.0.10';
const SIX = {
  node: 'fd00:200::1',
  gateway: 'fd00:200::fe',
  pods: 'fd00:244::/64',
  services: 'fd00:96::/112',
};

/** With it the cluster has both families, IPv4 first: Services are of the first unless they say otherwise. */
const hasIpv6 = ['all', 'default'].every((each) => {
  try {
    return readFileSync(`/proc/sys/net/ipv6/conf/${each}/disable_ipv6`, 'utf8').trim() === '0';
  } catch {
    return false;
  }
});
const both = (four: string, six: string): string => (hasIpv6 ? `${four},${six}` : four);
export const nodeAddresses = both(nodeAddress, SIX.node);
export const podRange = both('10.244.0.0/16', SIX.pods);
export const serviceRange = both('10.96.0.0/16', SIX.services);

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
  if (hasIpv6) await addIpv6();
}

async function addIpv6(): Promise<void> {
  // Nobody else is there who could have the address.
  await ip('-6', 'addr', 'add', `${SIX.node}/64`, 'dev', 'node0', 'nodad');
  await ip('-6', 'route', 'add', 'default', 'via', SIX.gateway, 'dev', 'node0');
  writeFileSync('/proc/sys/net/ipv6/conf/all/forwarding', '1');
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
        ipam: {
          type: 'host-local',
          ranges: [[{ subnet: '10.244.0.0/24' }], ...(hasIpv6 ? [[{ subnet: SIX.pods }]] : [])],
          routes: [{ dst: '0.0.0.0/0' }, ...(hasIpv6 ? [{ dst: '::/0' }] : [])],
        },
      },
      { type: 'portmap', capabilities: { portMappings: true } },
    ],
  });
}
