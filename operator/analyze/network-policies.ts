import { BlockList, isIPv6 } from 'node:net';
import type {
  V1LabelSelector,
  V1NetworkPolicy,
  V1NetworkPolicyPeer,
  V1NetworkPolicyPort,
  V1Pod,
} from '@kubernetes/client-node';
import { PORTS } from '../../api/names.ts';

/**
 * Which NetworkPolicies keep sidecars from the operator's stream, as far as the API tells: what a network plugin makes
 * of them it alone knows. https://kubernetes.io/docs/concepts/services-networking/network-policies/
 */
export interface PolicedCluster {
  readonly pods: readonly V1Pod[];
  readonly policies: readonly V1NetworkPolicy[];
  /** labels of the namespaces that could be read */
  readonly namespaces: ReadonlyMap<string, Labels>;
  readonly controlPlaneNamespace: string;
}
type Labels = Readonly<Record<string, string>>;
type Direction = 'Egress' | 'Ingress';

/** As the chart labels them. */
const OPERATOR: Labels = { 'app.kubernetes.io/name': 'weft', 'app.kubernetes.io/component': 'operator' };

/** Key of a pod → key of a policy that isolates it, or the operator from it. Empty without an operator. */
export function cutOffPods(cluster: PolicedCluster): ReadonlyMap<string, string> {
  const operators = cluster.pods.filter(
    ({ metadata }) =>
      metadata?.namespace === cluster.controlPlaneNamespace &&
      matches({ matchLabels: OPERATOR }, metadata.labels ?? {}),
  );
  const found = new Map<string, string>();
  if (operators.length === 0 || cluster.policies.length === 0) return found;
  for (const pod of cluster.pods) {
    const { namespace, name } = pod.metadata ?? {};
    const by = cutBy(cluster, pod, operators);
    if (by !== undefined) found.set(`${namespace}/${name}`, by);
  }
  return found;
}

/** Undefined while one operator can be reached. */
function cutBy(cluster: PolicedCluster, pod: V1Pod, operators: readonly V1Pod[]): string | undefined {
  const cuts = operators.map(
    (operator) =>
      isolatedBy(cluster, 'Egress', pod, operator) ?? isolatedBy(cluster, 'Ingress', operator, pod),
  );
  return cuts.includes(undefined) ? undefined : cuts[0];
}

/** The first of the policies that isolate `of`, if none of them lets `other` through. */
function isolatedBy(
  cluster: PolicedCluster,
  direction: Direction,
  of: V1Pod,
  other: V1Pod,
): string | undefined {
  const policies = cluster.policies.filter((policy) => isAbout(policy, direction, of));
  const isAllowed = policies.some((policy) =>
    rulesOf(policy, direction).some(
      ({ ports, peers }) =>
        (ports.length === 0 || ports.some(isStream)) &&
        (peers.length === 0 || peers.some((peer) => isPeer(cluster, policy, peer, other))),
    ),
  );
  const [first] = policies;
  return first === undefined || isAllowed
    ? undefined
    : `${first.metadata?.namespace}/${first.metadata?.name}`;
}

function isAbout({ metadata, spec }: V1NetworkPolicy, direction: Direction, pod: V1Pod): boolean {
  const types = spec?.policyTypes ?? (spec?.egress === undefined ? ['Ingress'] : ['Ingress', 'Egress']);
  return (
    types.includes(direction) &&
    metadata?.namespace === pod.metadata?.namespace &&
    matches(spec?.podSelector, pod.metadata?.labels ?? {})
  );
}

interface Rule {
  readonly ports: readonly V1NetworkPolicyPort[];
  /** none: everybody */
  readonly peers: readonly V1NetworkPolicyPeer[];
}

function rulesOf({ spec }: V1NetworkPolicy, direction: Direction): Rule[] {
  if (direction === 'Egress') {
    return (spec?.egress ?? []).map(({ ports = [], to = [] }) => ({ ports, peers: to }));
  }
  return (spec?.ingress ?? []).map((rule) => ({
    ports: rule.ports ?? [],
    peers: rule._from ?? fromOf(rule),
  }));
}

/** As the API writes it; the client's types call it `_from`. */
function fromOf(rule: object): readonly V1NetworkPolicyPeer[] {
  return (rule as { readonly from?: readonly V1NetworkPolicyPeer[] }).from ?? [];
}

/** The port by its number, or by the name that the chart gives it. */
function isStream({ protocol = 'TCP', port, endPort }: V1NetworkPolicyPort): boolean {
  if (protocol !== 'TCP') return false;
  if (port === undefined || port === 'stream') return true;
  const first = Number(port);
  return first <= PORTS.stream && PORTS.stream <= (endPort ?? first);
}

function isPeer(
  { namespaces }: PolicedCluster,
  policy: V1NetworkPolicy,
  { ipBlock, namespaceSelector, podSelector }: V1NetworkPolicyPeer,
  { metadata, status }: V1Pod,
): boolean {
  if (ipBlock !== undefined) {
    const addresses = status?.podIPs?.map(({ ip }) => ip) ?? [];
    const isIn = (ip: string) =>
      contains(ipBlock.cidr, ip) && !ipBlock.except?.some((each) => contains(each, ip));
    return addresses.some(isIn);
  }
  const namespace = metadata?.namespace ?? '';
  const ofNamespace = namespaces.get(namespace) ?? { 'kubernetes.io/metadata.name': namespace };
  const isThere =
    namespaceSelector === undefined
      ? policy.metadata?.namespace === namespace
      : matches(namespaceSelector, ofNamespace);
  return isThere && matches(podSelector, metadata?.labels ?? {});
}

function contains(cidr: string, ip: string): boolean {
  const [network = '', length = ''] = cidr.split('/');
  const family = isIPv6(network) ? 'ipv6' : 'ipv4';
  try {
    const list = new BlockList();
    list.addSubnet(network, Number(length), family);
    return list.check(ip, isIPv6(ip) ? 'ipv6' : 'ipv4');
  } catch {
    return false;
  }
}

/** An empty selector, and none, select everything. */
function matches(selector: V1LabelSelector | undefined, labels: Labels): boolean {
  const equal = Object.entries(selector?.matchLabels ?? {}).every(([name, value]) => labels[name] === value);
  return (
    equal &&
    (selector?.matchExpressions ?? []).every(({ key, operator, values = [] }) => {
      const value = labels[key];
      if (operator === 'In') return value !== undefined && values.includes(value);
      if (operator === 'NotIn') return value === undefined || !values.includes(value);
      return (operator === 'Exists') === (value !== undefined);
    })
  );
}
