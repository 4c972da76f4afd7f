import { closest } from '../../../api/closest.ts';
import type { Source } from '../../../api/mesh-policy.ts';
import type { Principal } from '../../../api/proxy-config.ts';
import type { EffectivePolicy } from '../../compile/effective.ts';
import { compilePrincipal } from '../../compile/rule.ts';
import type { Workload } from '../../mesh/model.ts';
import type { Found } from './codes.ts';
import { byName, coversCallers } from './covers.ts';
import { entriesOf, type Inspection, onPolicy, rulesField, some } from './inspection.ts';

/** Callers that rules and routes name, and those they forget. */

interface NamedCaller {
  readonly policy: EffectivePolicy;
  readonly field: string;
  readonly source: Source;
}

function namedCallers({ policies }: Inspection): NamedCaller[] {
  return policies.flatMap((policy) => {
    const { inbound, traffic } = policy.spec;
    const lists = [
      ...(inbound?.authorization?.rules ?? []).map(
        ({ name, from = [] }) => [rulesField(name), from] as const,
      ),
      ...(traffic?.routes ?? []).flatMap(({ name, match = [] }) =>
        match.map(({ from = [] }, index) => [`spec.traffic.routes[${name}].match[${index}]`, from] as const),
      ),
    ];
    return lists.flatMap(([where, from]) =>
      from.map((source, index) => ({ policy, field: `${where}.from[${index}]`, source })),
    );
  });
}

export function unknownCallers(inspection: Inspection): Found[] {
  const all = identitiesOf(inspection.workloads);
  const proven = new Set(identitiesOf(inspection.proxies.map(({ workload }) => workload)));
  return namedCallers(inspection).flatMap(({ policy, field, source }) => {
    const principal = byName(compilePrincipal(source, policy.namespace), inspection.trustDomain);
    if (principal.namespace === undefined) return [];
    const fits = all.filter((identity) => isIdentity(principal, identity));
    const name = `${principal.namespace}/${principal.serviceAccount}`;
    if (fits.length === 0) return [onPolicy(policy, field, notFound(principal, name, all))];
    if (fits.some((identity) => proven.has(identity))) return [];
    return [
      onPolicy(policy, field, {
        ...{ severity: 'warning', code: 'CallerWithoutSidecar' },
        message: `never matches: no pod of ${name} has a sidecar, so none of them has an identity`,
        fix: `label namespace ${principal.namespace} weft.dev/inject: enabled and roll its pods out again`,
      }),
    ];
  });
}

function notFound(
  { namespace = '', serviceAccount = '*' }: Principal,
  name: string,
  known: readonly string[],
): Omit<Found, 'where'> {
  const meant = closest(name, known);
  const ofNamespace = known.filter((each) => each.startsWith(`${namespace}/`));
  const message =
    ofNamespace.length === 0
      ? `matches nobody now: namespace ${namespace} has no pods`
      : `matches nobody now: no pod of namespace ${namespace} runs as service account ${serviceAccount}`;
  const there = ofNamespace.length === 0 ? '' : `; there are ${some(ofNamespace)}`;
  const fix =
    meant === undefined
      ? `correct the name, or ignore this until its pods run${there}`
      : `did you mean ${meant}?`;
  return { severity: 'warning', code: 'CallerNotFound', message, fix };
}

export function identitiesOf(workloads: readonly Workload[]): string[] {
  return [
    ...new Set(workloads.map(({ namespace, serviceAccount }) => `${namespace}/${serviceAccount}`)),
  ].sort();
}
export function isIdentity({ namespace, serviceAccount }: Principal, identity: string): boolean {
  if (serviceAccount === '*') return identity.startsWith(`${namespace}/`);
  return identity === `${namespace}/${serviceAccount}`;
}

/** Addresses are for callers without identity, and Strict lets none of those in. */
export function ipBlocksUnderStrict(inspection: Inspection): Found[] {
  return inspection.policies.flatMap((policy) =>
    (policy.spec.inbound?.authorization?.rules ?? []).flatMap(({ name, action, from = [] }) => {
      if (action !== 'Allow' || !from.some(({ ipBlock }) => ipBlock !== undefined)) return [];
      const entries = inspection.proxiesOf(policy).flatMap(({ compiled: { config } }) => {
        const rules = config.inbound.rules.filter((rule) => rule.policy === policy.key && rule.name === name);
        return rules.flatMap(({ ports }) => entriesOf(config, ports));
      });
      if (entries.length === 0 || entries.some(({ mtls }) => mtls !== 'Strict')) return [];
      return from.flatMap(({ ipBlock }, index) => {
        if (ipBlock === undefined) return [];
        return onPolicy(policy, `${rulesField(name)}.from[${index}]`, {
          ...{ severity: 'warning', code: 'IpBlockUnderStrict' },
          message: `callers without identity never get this far: mtls is Strict here, and ipBlock is for them`,
          fix: 'name the caller by serviceAccount, or make the port they call Permissive',
        });
      });
    }),
  );
}

const RULES = 'spec.inbound.authorization.rules';

/** To allow some is to deny all others, though nobody wrote so. */
export function deniedByAllowRules(inspection: Inspection): Found[] {
  const callers = identitiesOf(inspection.proxies.map(({ workload }) => workload));
  const losers = new Map<string, Set<string>>();
  for (const { workload, compiled } of inspection.proxies) {
    for (const { path, port, value, origin } of compiled.origins) {
      if (path !== 'inbound.authorization.default' || value !== 'Deny' || origin?.field !== RULES) continue;
      const allows = compiled.config.inbound.rules.filter(
        ({ action, mode, ports }) =>
          action === 'Allow' &&
          mode === 'Enforce' &&
          (ports === undefined || port === undefined || ports.includes(port)),
      );
      const known = losers.get(origin.policy) ?? new Set();
      losers.set(origin.policy, known);
      for (const identity of callers) {
        const own = `${workload.namespace}/${workload.serviceAccount}`;
        const [namespace = '', serviceAccount = ''] = identity.split('/');
        const isAllowed = allows.some(({ from }) =>
          coversCallers(from, [{ namespace, serviceAccount }], inspection.trustDomain),
        );
        if (identity !== own && !isAllowed) known.add(identity);
      }
    }
  }
  return [...losers]
    .filter(([, lost]) => lost.size > 0)
    .map(([policy, lost]) => deniedOthers(policy, [...lost].sort()));
}

function deniedOthers(policy: string, lost: readonly string[]): Found {
  return onPolicy({ key: policy }, RULES, {
    ...{ severity: 'info', code: 'AllowDeniesOthers' },
    message: `its Allow rules deny everybody else, of the callers that exist now ${some(lost)}`,
    fix: 'add an Allow rule for those who should call; write default: Deny beside the rules to say that it is meant',
  });
}
