import type { Principal } from '../../api/proxy-config.ts';
import { type CallerMatches, compileIpBlock } from './ip-block.ts';

/** All given fields must match. Throws on a principal that says nothing, or not enough. */
export function compilePrincipal(principal: Principal): CallerMatches {
  const { spiffeId, namespace, serviceAccount, ipBlock } = principal;
  const matchers: CallerMatches[] = [];
  if (spiffeId !== undefined) matchers.push(({ caller }) => caller.spiffeId === spiffeId);
  if (namespace !== undefined) matchers.push(({ caller }) => caller.namespace === namespace);
  if (serviceAccount === '*') matchers.push(({ caller }) => caller.serviceAccount !== undefined);
  else if (serviceAccount !== undefined) {
    if (namespace === undefined) throw new Error(`serviceAccount ${serviceAccount} without a namespace`);
    matchers.push(({ caller }) => caller.serviceAccount === serviceAccount);
  }
  if (ipBlock !== undefined) matchers.push(compileIpBlock(ipBlock));
  if (matchers.length === 0) throw new Error('a principal without any field');
  return (call) => matchers.every((matches) => matches(call));
}
