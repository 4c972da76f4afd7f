import type { Operation, PolicyRule } from '../../../api/mesh-policy.ts';
import type { AuthorizationRule, InboundPort } from '../../../api/proxy-config.ts';
import type { EffectivePolicy } from '../../compile/effective.ts';
import type { Found } from './codes.ts';
import { coversPath, coversRule } from './covers.ts';
import { entriesOf, type Inspection, onPolicy, rulesField } from './inspection.ts';

/** Rules of authorization that do not do what they say. */

function eachRule(
  { policies }: Inspection,
  find: (policy: EffectivePolicy, rule: PolicyRule) => readonly Found[],
): Found[] {
  return policies.flatMap((policy) =>
    (policy.spec.inbound?.authorization?.rules ?? []).flatMap((rule) => find(policy, rule)),
  );
}

/** A Deny rule that never denies is a hole; an Allow rule that never allows is a locked door. */
function severityOf({ action }: Pick<PolicyRule, 'action'>): Found['severity'] {
  return action === 'Deny' ? 'error' : 'warning';
}

export function contradictoryOperations(inspection: Inspection): Found[] {
  return eachRule(inspection, (policy, rule) =>
    (rule.to ?? []).flatMap((operation, index) => {
      const contradiction = contradictionOf(operation, rule.action);
      if (contradiction === undefined) return [];
      const [message, fix] = contradiction;
      return onPolicy(policy, `${rulesField(rule.name)}.to[${index}]`, {
        ...{ severity: severityOf(rule), code: 'NeverMatches', fix },
        message: `no request matches: ${message}`,
      });
    }),
  );
}

function contradictionOf(
  { methods, paths, headers = [], grpc }: Operation,
  action: PolicyRule['action'],
): [message: string, fix: string] | undefined {
  // A Deny rule looks at the path alone.
  if (grpc !== undefined && action === 'Allow' && methods !== undefined && !methods.includes('POST')) {
    return [`gRPC is POST, and methods has ${methods.join(', ')}`, 'remove methods'];
  }
  if (grpc !== undefined && paths !== undefined) {
    const called = (grpc.methods ?? ['*']).map((method) => `/${grpc.service}/${method}`);
    const meets = paths.some((path) =>
      called.some((each) => coversPath(path, each) || coversPath(each, path)),
    );
    if (!meets && paths.every(isWholeSegments)) {
      return [
        `calls of ${grpc.service} have paths like ${called[0]}, and paths has ${paths.join(', ')}`,
        'remove paths',
      ];
    }
  }
  const twice = headers.find((header, index) =>
    headers.some(
      (each, at) =>
        at < index && each.name.toLowerCase() === header.name.toLowerCase() && each.value !== header.value,
    ),
  );
  if (twice === undefined || action === 'Deny') return undefined;
  return [
    `header ${twice.name} is to have two values, and names of headers have no case`,
    'make it two entries of `to`, of which any may match',
  ];
}

/** Of globs inside a segment it is not certain what they meet. */
function isWholeSegments(path: string): boolean {
  return path.split('/').every((segment) => !segment.includes('*') || segment === '*' || segment === '**');
}

export function unknownIssuers(inspection: Inspection): Found[] {
  return eachRule(inspection, (policy, rule) => {
    const issuer = rule.when?.jwt.issuer;
    if (issuer === undefined) return [];
    const configs = inspection.proxiesOf(policy).map(({ compiled }) => compiled.config);
    const compiled = configs.flatMap((config) =>
      rulesOf(config.inbound.rules, policy, rule).map(({ ports }) => ({ config, ports })),
    );
    const isKnown = compiled.some(({ config, ports }) =>
      entriesOf(config, ports).some(({ issuers = [] }) =>
        issuers.some((index) => config.inbound.issuers?.[index]?.issuer === issuer),
      ),
    );
    if (compiled.length === 0 || isKnown) return [];
    const known = [
      ...new Set(configs.flatMap(({ inbound }) => (inbound.issuers ?? []).map((each) => each.issuer))),
    ];
    return [
      onPolicy(policy, `${rulesField(rule.name)}.when.jwt.issuer`, {
        ...{ severity: severityOf(rule), code: 'UnknownIssuer' },
        message: `no token of ${issuer} is ever verified here, so the rule never matches`,
        fix:
          known.length === 0
            ? 'list the issuer in spec.inbound.jwt.issuers of a policy with the same target'
            : `list the issuer in spec.inbound.jwt.issuers, or write one of ${known.sort().join(', ')}`,
      }),
    ];
  });
}

export function rulesOfOtherProtocols(inspection: Inspection): Found[] {
  return eachRule(inspection, (policy, rule) => {
    const isHttp = rule.to !== undefined || rule.when !== undefined;
    if (!isHttp) return [];
    const entries = inspection
      .proxiesOf(policy)
      .flatMap(({ compiled: { config } }) =>
        rulesOf(config.inbound.rules, policy, rule).flatMap(({ ports }) =>
          numbered(entriesOf(config, ports), ports),
        ),
      );
    const opaque = entries.filter(({ protocol }) => isOpaque(protocol));
    const field = rulesField(rule.name);
    if (opaque.length > 0 && rule.action === 'Deny') return [deniesEverything(policy, field, opaque)];
    const isWholly = entries.length > 0 && opaque.length === entries.length;
    return isWholly ? [allowsNothing(policy, field, opaque)] : [];
  });
}

function deniesEverything(policy: EffectivePolicy, field: string, ports: readonly InboundPort[]): Found {
  return onPolicy(policy, field, {
    ...{ severity: 'warning', code: 'HttpRuleOnOpaque' },
    message: `denies every connection of its callers to port ${portsOf(ports)}, which is declared ${protocolsOf(ports)} and carried as bytes: nothing is known of requests there, and Deny errs on the closed side`,
    fix: 'name the ports that speak HTTP in target.ports, or declare the port HTTP, HTTP2 or GRPC if it speaks that',
  });
}
function allowsNothing(policy: EffectivePolicy, field: string, ports: readonly InboundPort[]): Found {
  return onPolicy(policy, field, {
    ...{ severity: 'warning', code: 'HttpRuleOnOpaque' },
    message: `never matches: port ${portsOf(ports)} is declared ${protocolsOf(ports)} and carried as bytes, so nothing is known of requests`,
    fix: 'allow the callers alone (from, without to and when), or declare the port HTTP, HTTP2 or GRPC if it speaks that',
  });
}

/** The ports that are known; what a port without number speaks nobody has said. */
function numbered(
  entries: readonly InboundPort[],
  ports: readonly number[] | undefined,
): readonly InboundPort[] {
  if (ports === undefined) return entries.filter(({ port }) => port !== undefined);
  return entries.map((entry, index) => ({ ...entry, port: ports[index]! }));
}
export function isOpaque(protocol: InboundPort['protocol']): boolean {
  return protocol === 'TCP';
}
function protocolsOf(entries: readonly InboundPort[]): string {
  return [...new Set(entries.map(({ protocol }) => protocol))].join(' or ');
}
function portsOf(entries: readonly InboundPort[]): string {
  return [...new Set(entries.map(({ port }) => port))].join(', ');
}

/** The rule as it is compiled for one proxy; none: it holds on no port there. */
function rulesOf(
  rules: readonly AuthorizationRule[],
  { key }: EffectivePolicy,
  { name }: PolicyRule,
): AuthorizationRule[] {
  return rules.filter((each) => each.policy === key && each.name === name);
}

/** Deny rules are looked at first, so what they take whole no Allow rule gets. */
export function deniedAllowRules({ proxies, trustDomain }: Inspection): Found[] {
  return proxies.flatMap(({ compiled }) => {
    const enforced = compiled.config.inbound.rules.filter(({ mode }) => mode === 'Enforce');
    const denies = enforced.filter(({ action }) => action === 'Deny');
    return enforced
      .filter(({ action }) => action === 'Allow')
      .flatMap((allow) => {
        const deny = denies.find((each) => coversRule(each, allow, trustDomain));
        if (deny === undefined) return [];
        return onPolicy({ key: allow.policy }, rulesField(allow.name), {
          ...{ severity: 'warning', code: 'AllowIsDenied' },
          message: `allows nothing: Deny rule ${deny.name} of ${deny.policy} takes all of it first`,
          fix: `remove this rule, or narrow rule ${deny.name} of ${deny.policy}`,
        });
      });
  });
}
