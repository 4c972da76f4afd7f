import type { AuthorizationRule } from '../../../api/proxy-config.ts';
import { identitiesOf, isIdentity } from './callers.ts';
import type { Found } from './codes.ts';
import { byName } from './covers.ts';
import { type Inspection, onPolicy } from './inspection.ts';

const RULES = 'spec.inbound.authorization.rules';

/** Ports where only callers who do not exist may enter: every request is denied. */
export function lockedOut(inspection: Inspection): Found[] {
  const identities = identitiesOf(inspection.workloads);
  const closed = new Map<string, string>();
  for (const { workload, compiled } of inspection.proxies) {
    for (const { path, port, value } of compiled.origins) {
      if (path !== 'inbound.authorization.default' || value !== 'Deny') continue;
      const allows = compiled.config.inbound.rules.filter((rule) => isAllowing(rule, port));
      const letsIn = (rule: AuthorizationRule) => letsAnyoneIn(rule, identities, inspection.trustDomain);
      if (allows.some(letsIn)) continue;
      for (const { policy } of allows) closed.set(policy, `${workload.namespace}/${workload.app}`);
    }
  }
  return [...closed].map(([policy, app]) =>
    onPolicy({ key: policy }, RULES, {
      ...{ severity: 'error', code: 'LockedOut' },
      message: `every request to ${app} is denied: its Allow rules name only callers that do not exist`,
      fix: 'correct the callers that CallerNotFound names, or start them first',
    }),
  );
}

function isAllowing({ action, mode, ports }: AuthorizationRule, port: number | undefined): boolean {
  return (
    action === 'Allow' &&
    mode === 'Enforce' &&
    (ports === undefined || port === undefined || ports.includes(port))
  );
}

/** Who is not named by namespace and service account may exist anywhere. */
function letsAnyoneIn(
  { from }: AuthorizationRule,
  identities: readonly string[],
  trustDomain: string,
): boolean {
  if (from === undefined) return true;
  return from.some((each) => {
    const principal = byName(each, trustDomain);
    return (
      principal.namespace === undefined || identities.some((identity) => isIdentity(principal, identity))
    );
  });
}
