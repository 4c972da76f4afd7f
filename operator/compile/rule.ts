import type { Operation, PolicyRule, Source } from '../../api/mesh-policy.ts';
import type { AuthorizationRule, Operation as CompiledOperation, Principal } from '../../api/proxy-config.ts';
import type { EffectivePolicy } from './effective.ts';

/** A rule as the sidecar reads it: callers fully qualified, ports as numbers, its origin beside it. */
export function compileRule(
  policy: EffectivePolicy,
  rule: PolicyRule,
  mode: AuthorizationRule['mode'],
  ports: readonly number[] | undefined,
): AuthorizationRule {
  return {
    policy: policy.key,
    name: rule.name,
    action: rule.action,
    mode,
    ...(ports && { ports: [...ports] }),
    ...(rule.from && { from: rule.from.map((from) => compilePrincipal(from, policy.namespace)) }),
    ...(rule.to && { to: rule.to.map(compileOperation) }),
  };
}

/** A service account without namespace is one of the policy's own namespace. */
export function compilePrincipal(from: Source, policyNamespace: string): Principal {
  const { spiffeId, ipBlock, namespace, serviceAccount } = from;
  if (spiffeId !== undefined) return { spiffeId };
  if (ipBlock !== undefined) return { ipBlock };
  return { namespace: namespace ?? policyNamespace, serviceAccount: serviceAccount ?? '*' };
}

/** Other fields never get here: a policy with fields that are not enforced is not accepted. */
function compileOperation({ methods, paths }: Operation): CompiledOperation {
  return { ...(methods && { methods: [...methods] }), ...(paths && { paths: [...paths] }) };
}
