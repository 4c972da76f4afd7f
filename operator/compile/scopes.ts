import type { InboundPort, Issuer, MtlsMode, RateLimit } from '../../api/proxy-config.ts';
import { type MergedAuthorization, mergeAuthorization } from './authorization.ts';
import type { Conflict } from './conflict.ts';
import { type KeysAt, mergeIssuers } from './issuers.ts';
import type { Settled } from './leaf.ts';
import { type MergedLimits, mergeLimits } from './limits.ts';
import { settleAtLeast } from './mandatory.ts';
import { type MergedList, mergeRateLimits } from './rate-limits.ts';
import { sayingsOf } from './sayings.ts';
import type { Hit } from './target.ts';

/** What holds on one port, or on all that have no scope of their own. */
export interface Scope {
  /** container port; undefined: all others */
  readonly port: number | undefined;
  readonly protocol: InboundPort['protocol'];
  /** whether policies with ports are about this one */
  readonly isOwn: boolean;
  readonly merged: MergedScope;
}

export interface MergedScope {
  readonly mtls: Settled<MtlsMode> | undefined;
  readonly authorization: MergedAuthorization;
  readonly limits: MergedLimits;
  readonly rateLimits: MergedList<RateLimit>;
  readonly issuers: MergedList<Issuer>;
}

/**
 * All others first, then the ports ascending. Ports about which the same policies are share what is merged.
 * @param knownPorts ports that the workload is known to have, with the protocol where it is declared
 */
export function mergeScopes(
  hits: readonly Hit[],
  knownPorts: ReadonlyMap<number, InboundPort['protocol']>,
  keysAt: KeysAt,
): Scope[] {
  const ports = [...new Set([...knownPorts.keys(), ...hits.flatMap((hit) => hit.ports ?? [])])];
  const merged = new Map<string, MergedScope>();
  return [undefined, ...ports.sort((a, b) => a - b)].map((port) => {
    const here = hits.filter((hit) => appliesTo(hit, port));
    const own = here.filter((hit) => hit.ports !== undefined).map(({ policy }) => policy.key);
    const known = merged.get(own.join(' ')) ?? mergeScope(here, keysAt);
    merged.set(own.join(' '), known);
    const protocol = port === undefined ? undefined : knownPorts.get(port);
    return { port, protocol, isOwn: own.length > 0, merged: known };
  });
}

export function conflictsOf({ mtls, authorization, limits, rateLimits, issuers }: MergedScope): Conflict[] {
  const parts = [mtls, authorization.byDefault, authorization.allow, limits, rateLimits, issuers];
  return parts.flatMap((part) => part?.conflicts ?? []);
}

function mergeScope(hits: readonly Hit[], keysAt: KeysAt): MergedScope {
  const modes = sayingsOf(hits, 'spec.inbound.mtls.mode', ({ inbound }) => inbound?.mtls?.mode);
  return {
    mtls: settleAtLeast(modes, (mode) => mode === 'Permissive'),
    authorization: mergeAuthorization(hits),
    limits: mergeLimits(hits),
    rateLimits: mergeRateLimits(hits),
    issuers: mergeIssuers(hits, keysAt),
  };
}

function appliesTo({ ports }: Hit, port: number | undefined): boolean {
  return ports === undefined || (port !== undefined && ports.includes(port));
}
