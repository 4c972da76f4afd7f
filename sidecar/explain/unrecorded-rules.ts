import type { AuthorizationRule, ProxyConfig } from '../../api/proxy-config.ts';

/**
 * Rules may ask for what is not kept of a request: fields of its head but the host, and tokens. Two versions of a
 * configuration enclose every verdict it can give. In the most open one Deny rules that ask for such things never
 * match, and Allow rules match as if they had not asked; in the most closed one it is the other way round. What both
 * say is certain. Limits and issuers stay out of it.
 */
export interface Enclosing {
  readonly mostOpen: ProxyConfig;
  readonly mostClosed: ProxyConfig;
  /** what a rule asks for, by `ruleKey`; absent: nothing that is not kept */
  readonly asks: ReadonlyMap<string, string>;
}

export function ruleKey({ policy, name }: { readonly policy: string; readonly name: string }): string {
  return `${policy} ${name}`;
}

export function enclose(config: ProxyConfig): Enclosing {
  const { rules } = config.inbound;
  const asks = new Map<string, string>();
  for (const rule of rules) {
    const asked = askOf(rule);
    if (asked !== undefined) asks.set(ruleKey(rule), asked);
  }
  const withRules = (loosened: AuthorizationRule['action']): ProxyConfig => ({
    ...config,
    inbound: {
      ...config.inbound,
      ports: config.inbound.ports.map(({ issuers: _, ...port }) => port),
      rules: rules.flatMap((rule) =>
        rule.action === loosened ? matchesIfItMay(rule) : matchesIfItMust(rule),
      ),
    },
  });
  return { mostOpen: withRules('Allow'), mostClosed: withRules('Deny'), asks };
}

function askOf(rule: AuthorizationRule): string | undefined {
  const asks: string[] = [];
  if (rule.when !== undefined) asks.push('a token');
  if (rule.to?.some(({ headers }) => headers !== undefined)) asks.push('headers');
  if (rule.action === 'Allow' && rule.to?.some(({ grpc }) => grpc !== undefined)) asks.push('a content type');
  return asks.length === 0 ? undefined : asks.join(' and ');
}

/** As if it did not ask. */
function matchesIfItMay({ when: _, ...rule }: AuthorizationRule): AuthorizationRule[] {
  return [{ ...rule, ...(rule.to && { to: rule.to.map(({ headers: _asked, ...operation }) => operation) }) }];
}

/** Only where it does not ask. */
function matchesIfItMust(rule: AuthorizationRule): AuthorizationRule[] {
  if (rule.when !== undefined) return [];
  if (rule.to === undefined) return [rule];
  const to = rule.to.filter(({ headers }) => headers === undefined);
  return to.length === 0 ? [] : [{ ...rule, to }];
}
