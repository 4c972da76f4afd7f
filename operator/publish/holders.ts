import type { Version } from '../../api/version.ts';
import type { Policy, Workload } from '../mesh/model.ts';
import type { Acks, Held } from './acks.ts';
import type { Published } from './publisher.ts';
import type { Holder } from './status.ts';

/**
 * How a proxy stands to a policy; undefined: the policy is neither in its configuration nor in a destination it
 * is subscribed to, or the pod is not ready, or is told to end. A proxy that has never connected is counted as not connected, so
 * that what a policy protects is never taken for protected.
 */
export function holderOf(
  policy: Policy,
  workload: Workload,
  published: Published,
  acks: Acks,
  startedMs: number,
): Holder | undefined {
  if (!workload.ready || workload.terminating) return undefined;
  const pod = workload.namespace === policy.namespace ? workload.name : workload.key;
  const proxy = acks.get(workload.key);
  const config: Held = {
    acked: proxy?.config.acked,
    refused: proxy?.config.refused,
    sent: published.config.version,
  };
  const all = [config, ...(proxy?.destinations.values() ?? [])];
  const about = all.filter(({ sent }) => generation(sent, policy) !== undefined);
  const held = about.find((each) => !isInForce(each, policy));
  const sinceMs = Math.max(published.sinceMs, proxy?.sinceMs ?? startedMs);
  const { withheld } = published;
  const wanted = generation(withheld?.version, policy);
  if (withheld !== undefined && wanted !== undefined && wanted !== generation(config.sent, policy)) {
    return { pod, state: 'Refused', sinceMs, reason: withheld.reason };
  }
  if (about.length === 0) return undefined;
  if (proxy?.connected !== true) return { pod, state: 'NotConnected', sinceMs, reason: 'NotConnected' };
  if (held === undefined) return { pod, state: 'InForce', sinceMs, reason: '' };
  const { refused } = held;
  if (refused !== undefined && refused.version.hash === held.sent?.hash) {
    return { pod, state: 'Refused', sinceMs, reason: `Refused: ${refused.reason}` };
  }
  return { pod, state: 'Lagging', sinceMs, reason: 'NotAcknowledged' };
}

function generation(version: Version | undefined, { uid }: Policy): number | undefined {
  const policies = version?.policies ?? {};
  return Object.hasOwn(policies, uid) ? policies[uid] : undefined;
}

function isInForce({ sent, acked }: Held, policy: Policy): boolean {
  return (generation(acked, policy) ?? -1) >= generation(sent, policy)!;
}
