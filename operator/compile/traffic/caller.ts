import { addressBlock } from '../../../api/address-block.ts';
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

/** As in authorization rules, address blocks included: a service account without namespace is one of the policy's own. */
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
  if (ipBlock !== undefined) return consumer.addresses.some(addressBlock(ipBlock));
  if ((namespace ?? policyNamespace) !== consumer.namespace) return false;
  return serviceAccount === '*' || serviceAccount === consumer.serviceAccount;
}
