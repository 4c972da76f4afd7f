import type { CompiledRule, MergedAuthorization } from './authorization.ts';
import { type CompiledOrigin, originOfLeaf, originsOfList } from './compiled-origin.ts';
import { type Lost, originOf } from './leaf.ts';
import type { Scope } from './scopes.ts';

/** Ports that no policy names stand under all others, whose values are theirs. */
export function inboundOrigins(scopes: readonly Scope[], rules: readonly CompiledRule[]): CompiledOrigin[] {
  return scopes
    .filter(({ port, isOwn }) => port === undefined || isOwn)
    .flatMap((scope) => originsOfScope(scope, rules));
}

function originsOfScope({ port, merged }: Scope, rules: readonly CompiledRule[]): CompiledOrigin[] {
  const { mtls, authorization, limits, rateLimits, issuers } = merged;
  const origins = [
    originOfLeaf('inbound.mtls', mtls, 'Permissive'),
    originOfLeaf('inbound.authorization.default', authorization.byDefault, 'Allow'),
    ...(authorization.triedDefault === undefined
      ? []
      : [originOfLeaf('inbound.authorization.auditedDefault', authorization.triedDefault, undefined)]),
    ...originsOfRules(
      rules.filter((rule) => holdsOn(rule, port, authorization)),
      authorization.allow.lost,
    ),
    ...originsOfList('inbound.jwt.issuers', issuers.items, issuers.lost),
    ...originsOfList('inbound.rateLimits', rateLimits.items, rateLimits.lost),
    ...limits.origins,
  ];
  return port === undefined ? origins : origins.map((each) => ({ ...each, port }));
}

function originsOfRules(rules: readonly CompiledRule[], lost: readonly Lost[]): CompiledOrigin[] {
  const items = rules.map(({ hit, rule }) => ({
    value: rule,
    origin: originOf({ policy: hit.policy, field: `spec.inbound.authorization.rules[${rule.name}]` }),
  }));
  return originsOfList('inbound.authorization.rules', items, lost);
}

/** By its policy, not by its ports: those of an Allow rule may be written out for want of "all ports but". */
function holdsOn(
  { hit, rule }: CompiledRule,
  port: number | undefined,
  { allow }: MergedAuthorization,
): boolean {
  const isAbout = hit.ports === undefined || (port !== undefined && hit.ports.includes(port));
  const isReplaceable = rule.action === 'Allow' && rule.mode === 'Enforce';
  return isAbout && (!isReplaceable || allow.lists.some(({ policy }) => policy === hit.policy));
}
