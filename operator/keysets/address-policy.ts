import { BlockList, isIPv4, isIPv6 } from 'node:net';
import type { Mesh } from '../mesh/mesh.ts';

/** Why the operator must not connect to an address that a policy led to; undefined: it may. */
export type AddressPolicy = (address: string) => string | undefined;

/**
 * Addresses that mean the machine or the network the operator runs in, whoever owns the name that led to them:
 * whoever may write a policy must not make the operator speak to them. Private ranges are not among them, since
 * an identity provider may well live inside the cluster.
 * Source: IANA's special-purpose address registries (RFC 6890); metadata services of the large clouds.
 */
const REFUSED: readonly (readonly [range: string, why: string])[] = [
  ['0.0.0.0/8', 'unspecified'],
  ['127.0.0.0/8', 'loopback'],
  ['169.254.0.0/16', 'link-local'],
  ['192.0.0.0/24', 'reserved'],
  ['224.0.0.0/4', 'multicast'],
  ['240.0.0.0/4', 'reserved'],
  ['100.100.100.200/32', 'a cloud metadata service'],
  ['168.63.129.16/32', 'a cloud metadata service'],
  // unspecified, loopback and IPv4-compatible
  ['::/96', 'loopback or unspecified'],
  ['fe80::/10', 'link-local'],
  ['fec0::/10', 'site-local'],
  ['ff00::/8', 'multicast'],
  ['fd00:ec2::254/128', 'a cloud metadata service'],
  ['fd20:ce::254/128', 'a cloud metadata service'],
  // tunnels, which carry an IPv4 address of the sender's choice
  ['64:ff9b:1::/48', 'a tunnel'],
  ['2001::/32', 'a tunnel'],
  ['2002::/16', 'a tunnel'],
];

const LISTS = REFUSED.map(([range, why]) => ({ list: listOf(range), why }));

export const refuseSpecialAddresses: AddressPolicy = (address) => {
  const plain = embeddedIPv4(address) ?? address;
  if (!isIPv4(plain) && !isIPv6(plain)) return 'no address';
  const family = isIPv4(plain) ? 'ipv4' : 'ipv6';
  return LISTS.find(({ list }) => list.check(plain, family))?.why;
};

/** The API server, and what runs beside the operator, as far as the mesh knows it. */
export function refuseControlPlane(
  mesh: Pick<Mesh, 'settings' | 'serviceByAddress' | 'workloadsByAddress' | 'slicesOf'>,
  apiServerHost: string | undefined,
): AddressPolicy {
  const ours = new Set([mesh.settings.controlPlaneNamespace, 'kube-system']);
  return (address) => {
    const plain = embeddedIPv4(address) ?? address;
    const service = mesh.serviceByAddress(plain);
    const isApiServer = plain === apiServerHost || service?.key === API_SERVER || isEndpoint(mesh, plain);
    if (isApiServer) return 'the API server';
    const workloads = mesh.workloadsByAddress(plain);
    const isOurs =
      (service !== undefined && ours.has(service.namespace)) ||
      workloads.some(({ namespace }) => namespace === mesh.settings.controlPlaneNamespace);
    return isOurs ? 'of the control plane' : undefined;
  };
}

export function anyOf(...policies: readonly AddressPolicy[]): AddressPolicy {
  return (address) => {
    for (const policy of policies) {
      const why = policy(address);
      if (why !== undefined) return why;
    }
    return undefined;
  };
}

const API_SERVER = 'default/kubernetes';

function isEndpoint(mesh: Pick<Mesh, 'slicesOf'>, address: string): boolean {
  return mesh
    .slicesOf(API_SERVER)
    .some(({ endpoints }) => endpoints.some(({ addresses }) => addresses.includes(address)));
}

function listOf(range: string): BlockList {
  const [network, prefix] = range.split('/') as [string, string];
  const list = new BlockList();
  list.addSubnet(network, Number(prefix), isIPv4(network) ? 'ipv4' : 'ipv6');
  return list;
}

/** Of IPv4-mapped addresses (RFC 4291, 2.5.5.2) and those of NAT64 (RFC 6052), however they are written. */
function embeddedIPv4(address: string): string | undefined {
  if (!isIPv6(address) || !EMBEDDING.check(address, 'ipv6')) return undefined;
  // the URL parser writes every IPv6 address in one form, without dots (RFC 5952)
  const groups = new URL(`http://[${address.replace(/%.*/, '')}]`).hostname.slice(1, -1).split(':');
  const [high, low] = groups.slice(-2).map((group) => Number.parseInt(group || '0', 16)) as [number, number];
  return [high >> 8, high & 0xff, low >> 8, low & 0xff].join('.');
}

const EMBEDDING = new BlockList();
EMBEDDING.addSubnet('::ffff:0:0', 96, 'ipv6');
EMBEDDING.addSubnet('64:ff9b::', 96, 'ipv6');
