import { keyOf, type PolicyView } from '../access/access.ts';
import { table } from '../run/view.ts';
import type { ProxyView } from './proxy-view.ts';
import { conditionOf } from './standing.ts';

/** Pure: proxies and policies as two tables. */
export function statusText(
  proxies: readonly ProxyView[],
  policies: readonly PolicyView[],
  nowMs: number,
): string[] {
  return [
    ...section(
      'no pod with a sidecar',
      ['PROXY', 'READY', 'STREAM', 'CONFIGURATION', 'CERTIFICATE', ''],
      proxies.map((proxy) => proxyRow(proxy, nowMs)),
    ),
    '',
    ...section(
      'no policy',
      ['POLICY', 'GENERATION', 'ACCEPTED', 'RESOLVED', 'IN FORCE', 'CONFLICTED', ''],
      policies.map(policyRow),
    ),
  ];
}

function section(none: string, head: string[], rows: readonly string[][]): string[] {
  return rows.length === 0 ? [none] : table([head, ...rows]);
}

function proxyRow(
  { proxy, ready, stream, configuration, behind, certificateExpires, problem }: ProxyView,
  nowMs: number,
): string[] {
  const isBehind = behind !== undefined && behind.length > 0;
  const held = configuration === undefined ? '-' : configuration.slice(0, 8);
  return [
    proxy,
    ready ? 'yes' : 'no',
    stream ?? '?',
    stream === undefined ? '?' : `${held} ${isBehind ? 'behind' : 'current'}`,
    certificateExpires === undefined ? '?' : expiry(Date.parse(certificateExpires) - nowMs),
    [problem, isBehind ? `older than it should be: ${behind.join(', ')}` : undefined]
      .filter(Boolean)
      .join('; '),
  ];
}

function policyRow(policy: PolicyView): string[] {
  const { generation, observedGeneration, proxies } = policy;
  const isSeen = generation !== undefined && observedGeneration >= generation;
  const said = (type: string) => conditionOf(policy, type)?.status ?? '-';
  const inForce = proxies === undefined ? '' : ` (${proxies.inForce} of ${proxies.targeted})`;
  return [
    keyOf(policy),
    `${generation ?? '?'}${isSeen ? '' : ' (not seen yet)'}`,
    said('Accepted'),
    said('ResolvedRefs'),
    `${said('InForce')}${inForce}`,
    said('Conflicted'),
    remark(policy),
  ];
}

/** What is wrong with it, if anything is. */
function remark(policy: PolicyView): string {
  const wrong = (['Accepted', 'ResolvedRefs', 'InForce'] as const)
    .map((type) => conditionOf(policy, type))
    .find((condition) => condition !== undefined && condition.status !== 'True');
  const conflict = conditionOf(policy, 'Conflicted');
  const about = wrong ?? (conflict?.status === 'True' ? conflict : undefined);
  return about === undefined ? '' : `${about.reason}: ${about.message}`;
}

function expiry(leftMs: number): string {
  if (leftMs <= 0) return 'expired';
  const minutes = Math.floor(leftMs / 60_000);
  return minutes < 60 ? `${minutes}m left` : `${Math.floor(minutes / 60)}h${minutes % 60}m left`;
}
