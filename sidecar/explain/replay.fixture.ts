import type { AuthorizationRule, ProxyConfig } from '../../api/proxy-config.ts';
import type { ReplayRequest, ReplayResult } from '../../api/replay.ts';
import type { TrailRecord } from '../../api/trail-record.ts';
import { proxyConfig } from '../testing/fake-state.ts';
import { type ReplayOptions, replay } from './replay.ts';
import { recordOf } from './trail-record.fixture.ts';

export const NOW_MS = 1_000_000;
export const WEB = 'spiffe://cluster.local/ns/shop/sa/web';
export const inboundRecord = (more: Partial<TrailRecord> = {}) =>
  recordOf({ at: '10.0.0.2:8080', caller: WEB, encrypted: true, endedMs: NOW_MS, ...more });
export const outboundRecord = (more: Partial<TrailRecord> = {}) =>
  recordOf({ direction: 'outbound', at: 'shop/api:80', verdict: '', attempts: 1, endedMs: NOW_MS, ...more });

export function ruled(rules: readonly Partial<AuthorizationRule>[], port = {}, more = {}): ProxyConfig {
  const whole = rules.map((rule) => ({
    ...{ policy: 'shop/p', name: 'r', action: 'Allow', mode: 'Enforce' },
    ...rule,
  })) as AuthorizationRule[];
  const ports = [{ mtls: 'Permissive' as const, authorizationDefault: 'Deny' as const, ...port }];
  return proxyConfig('api', { inbound: { ports, rules: whole, ...more } });
}

export function run(
  request: ReplayRequest,
  records: readonly TrailRecord[],
  more: Partial<ReplayOptions> = {},
): ReplayResult {
  const steps = replay(request, {
    ...{ proxyId: 'api-proxy', records, config: proxyConfig('api'), destinations: [], nowMs: NOW_MS },
    ...more,
  });
  for (;;) {
    const step = steps.next(false);
    if (step.done === true) return step.value;
  }
}
/** `kind: from → to` of each change, with its count. */
export const changesOf = (...args: Parameters<typeof run>) =>
  run(...args).changes.map(({ kind, from, to, count }) => `${count} ${kind}: ${from} → ${to}`);
