import type { PolicyRule } from '../../api/mesh-policy.ts';
import type { AuthorizationRule, InboundPort } from '../../api/proxy-config.ts';
import { canonicalJson } from './canonical-json.ts';
import { byPrecedence, type Conflict, distinct } from './conflict.ts';
import { compileRule } from './rule.ts';
import type { Hit } from './target.ts';

/**
 * Merging of the policies about one workload, port by port and leaf by leaf: the most specific policy that
 * says something wins, lists replace lists, and Deny rules add up.
 *
 * - A policy in Audit mode is tried, not in force: what is enforced is as if it were not there, its `default`
 *   included; all its rules go along, marked Audit.
 * - A policy with nothing but Deny rules leaves the Allow rules below it alone. Were its list to replace them,
 *   adding a prohibition would permit everything else.
 * - The default where nobody wrote one: Deny where an enforced Allow rule applies, else Allow.
 */
export interface Merged {
  /** the first has no `port`: the default; then only ports that differ from it, ascending */
  readonly ports: readonly InboundPort[];
  readonly rules: readonly AuthorizationRule[];
  readonly conflicts: readonly Conflict[];
}

type Scope = number | 'other';

/** @param knownPorts ports that the workload is known to have, with the protocol where it is declared */
export function mergeInbound(
  hits: readonly Hit[],
  knownPorts: ReadonlyMap<number, InboundPort['protocol']>,
): Merged {
  const ranked = [...hits].sort((a, b) => b.specificity - a.specificity || byPrecedence(a.policy, b.policy));
  const ports = [...new Set([...knownPorts.keys(), ...ranked.flatMap((hit) => hit.ports ?? [])])];
  const scopes: Scope[] = ['other', ...ports.sort((a, b) => a - b)];
  const conflicts: Conflict[] = [];
  const merged = scopes.map((scope) => mergeScope(scope, ranked, conflicts));
  return {
    ports: portEntries(merged, knownPorts),
    rules: ranked.flatMap((hit) => rulesOf(hit, merged)).sort(denyFirst),
    conflicts: distinct(conflicts),
  };
}

interface MergedScope {
  readonly scope: Scope;
  readonly mtls: InboundPort['mtls'];
  readonly authorizationDefault: InboundPort['authorizationDefault'];
  /** whose Allow rules are in force here */
  readonly allow: Hit | undefined;
}

function mergeScope(scope: Scope, ranked: readonly Hit[], conflicts: Conflict[]): MergedScope {
  const here = ranked.filter((hit) => appliesTo(hit, scope));
  const enforced = here.filter((hit) => !isAudit(hit));
  const mtls = winner(
    here,
    conflicts,
    'spec.inbound.mtls.mode',
    (hit) => hit.policy.spec.inbound?.mtls?.mode,
  );
  const authorization = 'spec.inbound.authorization';
  const byDefault = winner(
    enforced,
    conflicts,
    `${authorization}.default`,
    (hit) => authorizationOf(hit)?.default,
  );
  const allow = winner(enforced, conflicts, `${authorization}.rules`, allowRules);
  return {
    scope,
    mtls: mtls?.value ?? 'Permissive',
    authorizationDefault: byDefault?.value ?? (allow === undefined ? 'Allow' : 'Deny'),
    allow: allow?.hit,
  };
}

/** The first that says something; those as specific that say something else are conflicts. */
function winner<T>(
  ranked: readonly Hit[],
  conflicts: Conflict[],
  field: string,
  read: (hit: Hit) => T | undefined,
): { readonly hit: Hit; readonly value: T } | undefined {
  const hit = ranked.find((each) => read(each) !== undefined);
  if (hit === undefined) return undefined;
  const value = read(hit)!;
  for (const other of ranked) {
    const theirs = other === hit || other.specificity !== hit.specificity ? undefined : read(other);
    if (theirs === undefined || canonicalJson(theirs) === canonicalJson(value)) continue;
    conflicts.push({ loser: other.policy.key, winner: hit.policy.key, field });
  }
  return { hit, value };
}

function appliesTo(hit: Hit, scope: Scope): boolean {
  return hit.ports === undefined || (scope !== 'other' && hit.ports.includes(scope));
}
function authorizationOf(hit: Hit) {
  return hit.policy.spec.inbound?.authorization;
}
function isAudit(hit: Hit): boolean {
  return authorizationOf(hit)?.mode === 'Audit';
}
function allowRules(hit: Hit): PolicyRule[] | undefined {
  const rules = authorizationOf(hit)?.rules?.filter((rule) => rule.action === 'Allow') ?? [];
  return rules.length === 0 ? undefined : rules;
}

function portEntries(
  merged: readonly MergedScope[],
  protocols: ReadonlyMap<number, InboundPort['protocol']>,
): InboundPort[] {
  const [other] = merged;
  return merged.flatMap((entry) => {
    const protocol = entry.scope === 'other' ? undefined : protocols.get(entry.scope);
    const { mtls, authorizationDefault } = entry;
    const settings = { mtls, authorizationDefault, ...(protocol && { protocol }) };
    if (entry.scope === 'other') return [settings];
    const same = mtls === other!.mtls && authorizationDefault === other!.authorizationDefault;
    return same && protocol === undefined ? [] : [{ port: entry.scope, ...settings }];
  });
}

function rulesOf(hit: Hit, merged: readonly MergedScope[]): AuthorizationRule[] {
  const mode = isAudit(hit) ? 'Audit' : 'Enforce';
  return (authorizationOf(hit)?.rules ?? []).flatMap((rule) => {
    const replaceable = rule.action === 'Allow' && mode === 'Enforce';
    const ports = replaceable ? portsWhereAllowed(hit, merged) : hit.ports;
    return ports?.length === 0 ? [] : [compileRule(hit.policy, rule, mode, ports)];
  });
}

/**
 * A rule cannot say "all ports but 8080". Where a policy with ports has replaced the Allow rules of one
 * without, the latter's are written out for the other ports the workload is known to have; on ports nobody
 * declared they allow nothing, so the error is on the closed side.
 */
function portsWhereAllowed(hit: Hit, merged: readonly MergedScope[]): readonly number[] | undefined {
  const here = merged.filter((entry) => entry.allow === hit);
  if (here.length === merged.length) return undefined;
  return here.flatMap((entry) => (entry.scope === 'other' ? [] : [entry.scope]));
}

function denyFirst(a: AuthorizationRule, b: AuthorizationRule): number {
  return Number(a.action === 'Allow') - Number(b.action === 'Allow');
}
