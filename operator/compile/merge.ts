import type { InboundPort, ProxyConfig } from '../../api/proxy-config.ts';
import { compileRules } from './authorization.ts';
import type { CompiledOrigin } from './compiled-origin.ts';
import { type Conflict, distinct } from './conflict.ts';
import { inboundOrigins } from './inbound-origins.ts';
import type { KeysAt } from './issuers.ts';
import { isSame } from './leaf.ts';
import { NumberedList } from './numbered-list.ts';
import { conflictsOf, mergeScopes, type Scope } from './scopes.ts';
import type { Hit } from './target.ts';

/**
 * Merging of the policies about one workload, port by port and leaf by leaf: the most specific policy that
 * says something wins, lists replace lists, Deny rules add up, and nothing weakens what is mandatory.
 */
export interface Merged {
  /** the first of `ports` has no `port`: the default; then only ports that differ from it, ascending */
  readonly inbound: ProxyConfig['inbound'];
  readonly conflicts: readonly Conflict[];
  readonly origins: readonly CompiledOrigin[];
}

/**
 * @param hits the strongest first
 * @param knownPorts ports that the workload is known to have, with the protocol where it is declared
 */
export function mergeInbound(
  hits: readonly Hit[],
  knownPorts: ReadonlyMap<number, InboundPort['protocol']>,
  keysAt: KeysAt,
): Merged {
  const scopes = mergeScopes(hits, knownPorts, keysAt);
  const authorized = scopes.map(({ port, merged }) => ({ port, authorization: merged.authorization }));
  const rules = compileRules(hits, authorized);
  const lists: Lists = { rateLimits: new NumberedList(), issuers: new NumberedList() };
  const ports = portEntries(scopes, lists);
  const [rateLimits, issuers] = [lists.rateLimits.items, lists.issuers.items];
  return {
    inbound: {
      ports,
      rules: rules.map(({ rule }) => rule),
      ...(rateLimits.length > 0 && { rateLimits }),
      ...(issuers.length > 0 && { issuers }),
    },
    conflicts: distinct([...new Set(scopes.map(({ merged }) => merged))].flatMap(conflictsOf)),
    origins: inboundOrigins(scopes, rules),
  };
}

interface Lists {
  readonly rateLimits: NumberedList<NonNullable<ProxyConfig['inbound']['rateLimits']>[number]>;
  readonly issuers: NumberedList<NonNullable<ProxyConfig['inbound']['issuers']>[number]>;
}

function portEntries(scopes: readonly Scope[], lists: Lists): InboundPort[] {
  const [others, ...ports] = scopes.map((scope) => ({ scope, settings: settingsOf(scope, lists) }));
  const differing = ports.filter(
    ({ scope, settings }) => scope.protocol !== undefined || !isSame(settings, others!.settings),
  );
  return [
    others!.settings,
    ...differing.map(({ scope: { port, protocol }, settings }) => ({
      ...{ port, ...(protocol && { protocol }), ...settings },
    })),
  ] as InboundPort[];
}

function settingsOf({ merged }: Scope, lists: Lists): Omit<InboundPort, 'port' | 'protocol'> {
  const { byDefault, triedDefault } = merged.authorization;
  const { limits } = merged.limits;
  const rateLimits = lists.rateLimits.numbersOf(merged.rateLimits.items);
  const issuers = lists.issuers.numbersOf(merged.issuers.items);
  return {
    mtls: merged.mtls?.value ?? 'Permissive',
    authorizationDefault: byDefault?.value ?? 'Allow',
    ...(byDefault && { authorizationDefaultPolicy: byDefault.origin.policy }),
    ...(triedDefault && { auditedDefaultPolicy: triedDefault.origin.policy }),
    ...(limits && { limits }),
    ...(rateLimits.length > 0 && { rateLimits }),
    ...(issuers.length > 0 && { issuers }),
  };
}
