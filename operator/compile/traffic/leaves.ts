import type { Traffic } from '../../../api/mesh-policy.ts';
import type { EffectivePolicy } from '../effective.ts';
import type { Settled } from '../leaf.ts';
import { settleFixed } from '../mandatory.ts';
import type { TrafficHit } from './hits.ts';

/** What is merged by itself, by its path below `spec.traffic`. Lists and health checks are replaced whole. */
const LEAVES = {
  protocol: (traffic: Traffic) => traffic.protocol,
  routes: (traffic: Traffic) => traffic.routes,
  'timeout.connect': (traffic: Traffic) => traffic.timeout?.connect,
  'timeout.request': (traffic: Traffic) => traffic.timeout?.request,
  'timeout.idle': (traffic: Traffic) => traffic.timeout?.idle,
  'retryBudget.percent': (traffic: Traffic) => traffic.retryBudget?.percent,
  'retryBudget.minPerSecond': (traffic: Traffic) => traffic.retryBudget?.minPerSecond,
  'loadBalancing.algorithm': (traffic: Traffic) => traffic.loadBalancing?.algorithm,
  'loadBalancing.locality': (traffic: Traffic) => traffic.loadBalancing?.locality,
  'loadBalancing.slowStart': (traffic: Traffic) => traffic.loadBalancing?.slowStart,
  'loadBalancing.hash': (traffic: Traffic) => traffic.loadBalancing?.hash,
  'circuitBreaker.maxConnections': (traffic: Traffic) => traffic.circuitBreaker?.maxConnections,
  'circuitBreaker.maxPendingRequests': (traffic: Traffic) => traffic.circuitBreaker?.maxPendingRequests,
  'circuitBreaker.maxRequests': (traffic: Traffic) => traffic.circuitBreaker?.maxRequests,
  'circuitBreaker.maxRetries': (traffic: Traffic) => traffic.circuitBreaker?.maxRetries,
  'outlierDetection.consecutiveErrors': (traffic: Traffic) => traffic.outlierDetection?.consecutiveErrors,
  'outlierDetection.interval': (traffic: Traffic) => traffic.outlierDetection?.interval,
  'outlierDetection.baseEjection': (traffic: Traffic) => traffic.outlierDetection?.baseEjection,
  'outlierDetection.maxEjectedPercent': (traffic: Traffic) => traffic.outlierDetection?.maxEjectedPercent,
  'outlierDetection.successRate': (traffic: Traffic) => traffic.outlierDetection?.successRate,
  healthCheck: (traffic: Traffic) => traffic.healthCheck,
} satisfies Record<string, (traffic: Traffic) => unknown>;

export type LeafName = keyof typeof LEAVES;
type LeafValue<K extends LeafName> = NonNullable<ReturnType<(typeof LEAVES)[K]>>;
/** What stands for each leaf; absent: nobody says anything. */
export type Leaves = { readonly [K in LeafName]?: Settled<LeafValue<K>> };

/** What holds for a group of endpoints, whichever route leads there. */
export const GROUP_LEAVES: readonly LeafName[] = (Object.keys(LEAVES) as LeafName[]).filter(
  (name) =>
    name === 'timeout.connect' || /^(loadBalancing|circuitBreaker|outlierDetection|healthCheck)/.test(name),
);
const ALL_LEAVES = Object.keys(LEAVES) as LeafName[];

/** The most specific wins, leaf by leaf; what a mandatory policy says stays as it is. */
export function settleTraffic(hits: readonly TrafficHit[], names: readonly LeafName[] = ALL_LEAVES): Leaves {
  const settled = names.flatMap((name) => {
    const leaf = settleLeaf(hits, name);
    return leaf === undefined ? [] : [[name, leaf] as const];
  });
  return withoutUselessHash(Object.fromEntries(settled));
}

/** Undefined: nobody says anything. */
export function settleLeaf<K extends LeafName>(
  hits: readonly TrafficHit[],
  name: K,
): Settled<LeafValue<K>> | undefined {
  const field = `spec.traffic.${name}`;
  return settleFixed(
    hits.flatMap(({ policy, specificity }) => {
      const { traffic } = policy.spec;
      const value = traffic === undefined ? undefined : LEAVES[name](traffic);
      // The compiler does not see that the reader at a name returns what that name's leaf holds.
      return value === undefined ? [] : [{ policy, specificity, field, value: value as LeafValue<K> }];
    }),
  );
}

/** A policy says a hash only beside its algorithm; when another's algorithm wins that does not hash, it goes too. */
function withoutUselessHash(leaves: Leaves): Leaves {
  const algorithm = leaves['loadBalancing.algorithm']?.value;
  if (algorithm === 'RingHash' || algorithm === 'Maglev') return leaves;
  const { 'loadBalancing.hash': _useless, ...others } = leaves;
  return others;
}

/** What a policy says something of. */
export function leavesSaid({ spec }: EffectivePolicy): LeafName[] {
  const { traffic } = spec;
  return traffic === undefined ? [] : ALL_LEAVES.filter((name) => LEAVES[name](traffic) !== undefined);
}

/** Whether a policy says something of what holds for a group of endpoints. */
export function saysOfGroup({ spec }: EffectivePolicy): boolean {
  const { traffic } = spec;
  return traffic !== undefined && GROUP_LEAVES.some((name) => LEAVES[name](traffic) !== undefined);
}
