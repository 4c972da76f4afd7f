import type { Operation, PolicyRule, Source } from '../../api/mesh-policy.ts';
import type {
  AuthorizationRule,
  Operation as CompiledOperation,
  Principal,
  When,
} from '../../api/proxy-config.ts';
import { compareText } from './canonical-json.ts';
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
    ...(rule.when && { when: compileWhen(rule.when) }),
  };
}

/** A service account without namespace is one of the policy's own namespace. */
export function compilePrincipal(from: Source, policyNamespace: string): Principal {
  const { spiffeId, ipBlock, namespace, serviceAccount } = from;
  if (spiffeId !== undefined) return { spiffeId };
  if (ipBlock !== undefined) return { ipBlock };
  return { namespace: namespace ?? policyNamespace, serviceAccount: serviceAccount ?? '*' };
}

function compileOperation({ methods, paths, hosts, headers, grpc }: Operation): CompiledOperation {
  return {
    ...(methods && { methods: [...methods] }),
    ...(paths && { paths: [...paths] }),
    ...(hosts && { hosts: hosts.map(normalHost) }),
    ...(headers && { headers: headers.map(({ name, value }) => ({ name: name.toLowerCase(), value })) }),
    ...(grpc && { grpc: { service: grpc.service, ...(grpc.methods && { methods: [...grpc.methods] }) } }),
  };
}

/** Sorted by name: a map has no order. */
function compileWhen({ jwt }: NonNullable<PolicyRule['when']>): When {
  const { issuer, claims } = jwt;
  if (claims === undefined) return { jwt: { issuer } };
  const sorted = Object.entries(claims).sort(([a], [b]) => compareText(a, b));
  return { jwt: { issuer, claims: sorted.map(([name, values]) => ({ name, values: [...values] })) } };
}

/** As requests are compared with it: lower case, without the dot of a fully qualified name. */
export function normalHost(host: string): string {
  return host.toLowerCase().replace(/\.$/, '');
}
