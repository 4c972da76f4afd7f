import { durationMs } from '../../api/duration.ts';
import type { Inbound } from '../../api/mesh-policy.ts';
import type { InboundLimits } from '../../api/proxy-config.ts';
import { quantityBytes } from '../../api/quantity.ts';
import { type CompiledOrigin, originOfLeaf } from './compiled-origin.ts';
import type { Conflict } from './conflict.ts';
import type { Settled } from './leaf.ts';
import { settleAtLeast } from './mandatory.ts';
import { sayingsOf } from './sayings.ts';
import type { Hit } from './target.ts';

type Limits = NonNullable<Inbound['limits']>;

interface Leaf {
  readonly name: keyof InboundLimits;
  readonly field: keyof Limits;
  readonly read: (limits: Limits) => number | undefined;
}

/** The longest a timer of Node can wait: 24.8 days. */
export const TIMER_MAX_MS = 2_147_483_647;

const LEAVES: readonly Leaf[] = [
  { name: 'maxConnections', field: 'maxConnections', read: (limits) => limits.maxConnections },
  { name: 'maxPendingRequests', field: 'maxPendingRequests', read: (limits) => limits.maxPendingRequests },
  { name: 'maxHeaderBytes', field: 'maxHeaderSize', read: (limits) => bytes(limits.maxHeaderSize) },
  { name: 'maxBodyBytes', field: 'maxBodySize', read: (limits) => bytes(limits.maxBodySize) },
  { name: 'idleTimeoutMs', field: 'idleTimeout', read: (limits) => timeoutMs(limits.idleTimeout) },
];

export interface MergedLimits {
  /** undefined: none is set */
  readonly limits: InboundLimits | undefined;
  readonly origins: readonly CompiledOrigin[];
  readonly conflicts: readonly Conflict[];
}

/** Each limit is a leaf of its own; of two the higher is the weaker. */
export function mergeLimits(hits: readonly Hit[]): MergedLimits {
  const limits: { -readonly [K in keyof InboundLimits]: InboundLimits[K] } = {};
  const origins: CompiledOrigin[] = [];
  const conflicts: Conflict[] = [];
  for (const leaf of LEAVES) {
    const settled = settleLimit(hits, leaf);
    origins.push(originOfLeaf(`inbound.limits.${leaf.name}`, settled, undefined));
    if (settled === undefined) continue;
    limits[leaf.name] = settled.value;
    conflicts.push(...settled.conflicts);
  }
  return { limits: Object.keys(limits).length === 0 ? undefined : limits, origins, conflicts };
}

function settleLimit(hits: readonly Hit[], { name, field, read }: Leaf): Settled<number> | undefined {
  const said = sayingsOf(hits, `spec.inbound.limits.${field}`, ({ inbound }) => {
    return inbound?.limits && read(inbound.limits);
  });
  return settleAtLeast(said, name === 'idleTimeoutMs' ? isLongerTimeout : isHigher);
}

function isHigher(limit: number, than: number): boolean {
  return limit > than;
}
/** 0 is no timeout at all. */
function isLongerTimeout(timeout: number, than: number): boolean {
  return than !== 0 && (timeout === 0 || timeout > than);
}

function bytes(size: number | string | undefined): number | undefined {
  return size === undefined ? undefined : quantityBytes(size);
}
function timeoutMs(duration: string | undefined): number | undefined {
  return duration === undefined ? undefined : Math.min(durationMs(duration), TIMER_MAX_MS);
}
