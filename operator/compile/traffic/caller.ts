import { BlockList, isIPv6 } from 'node:net';
import type { Source } from '../../../api/mesh-policy.ts';
import { spiffeId } from '../../../api/spiffe.ts';
import type { Workload } from '../../mesh/model.ts';

/** Whether a consumer is one of the callers that a match of a route is for; absent: it is for every caller. */
export function isCaller(
  from: readonly Source[] | undefined,
  policyNamespace: string,
  consumer: Workload,
  trustDomain: string,
): boolean {
  return from === undefined || from.some((each) => isSource(each, policyNamespace, consumer, trustDomain));
}

/** As in authorization rules: a service account without namespace is one of the policy's own. */
function isSource(
  { spiffeId: id, ipBlock, namespace, serviceAccount = '*' }: Source,
  policyNamespace: string,
  consumer: Workload,
  trustDomain: string,
): boolean {
  if (id !== undefined) {
    const { namespace: ns, serviceAccount: account } = consumer;
    return id === spiffeId({ trustDomain, namespace: ns, serviceAccount: account });
  }
  if (ipBlock !== undefined) return consumer.addresses.some((address) => isInside(ipBlock, address));
  if ((namespace ?? policyNamespace) !== consumer.namespace) return false;
  return serviceAccount === '*' || serviceAccount === consumer.serviceAccount;
}

/** CIDR notation: RFC 4632 section 3.1, RFC 4291 section 2.3. */
function isInside(block: string, address: string): boolean {
  const [network = '', bits] = block.split('/');
  const list = new BlockList();
  list.addSubnet(network, Number(bits), familyOf(network));
  return list.check(address, familyOf(address));
}

function familyOf(address: string): 'ipv4' | 'ipv6' {
  return isIPv6(address) ? 'ipv6' : 'ipv4';
}
