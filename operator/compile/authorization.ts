import type { PolicyRule } from '../../api/mesh-policy.ts';
import type { AuthorizationRule, InboundPort } from '../../api/proxy-config.ts';
import type { EffectivePolicy } from './effective.ts';
import { originOf, type Saying, type Settled } from './leaf.ts';
import { type HeldLists, isMandatory, settleAtLeast, settleLists } from './mandatory.ts';
import { compileRule } from './rule.ts';
import { sayingsOf } from './sayings.ts';
import type { Hit } from './target.ts';

/**
 * Who may call, on one port.
 *
 * - A policy in Audit mode is tried, not in force: what is enforced is as if it were not there, its `default`
 *   included; all its rules go along, marked Audit, and so does a default of Deny that would follow from it.
 * - A policy with nothing but Deny rules leaves the Allow rules below it alone. Were its list to replace them,
 *   adding a prohibition would permit everything else.
 * - The default where nobody wrote one: Deny where an enforced Allow rule applies, else Allow.
 */
export interface MergedAuthorization {
  /** undefined: Allow, because nobody says anything */
  readonly byDefault: Settled<InboundPort['authorizationDefault']> | undefined;
  /** the Allow rules that are in force here; Deny rules add up and are in force wherever their policy is */
  readonly allow: HeldLists<readonly PolicyRule[]>;
  /** Deny, where it is Allow now and would be Deny if policies in Audit mode were enforced; undefined: no change */
  readonly triedDefault: Settled<'Deny'> | undefined;
}

const DEFAULT = 'spec.inbound.authorization.default';
const RULES = 'spec.inbound.authorization.rules';

export function mergeAuthorization(hits: readonly Hit[]): MergedAuthorization {
  const enforced = hits.filter(({ policy }) => modeOf(policy) === 'Enforce');
  const inForce = settleAuthorization(enforced);
  if (enforced.length === hits.length || inForce.byDefault?.value === 'Deny') {
    return { ...inForce, triedDefault: undefined };
  }
  const { byDefault: tried } = settleAuthorization(hits);
  const triedDefault = tried?.value === 'Deny' ? { ...tried, value: tried.value } : undefined;
  return { ...inForce, triedDefault };
}

function settleAuthorization(hits: readonly Hit[]): Pick<MergedAuthorization, 'byDefault' | 'allow'> {
  const allow = settleLists(sayingsOf(hits, RULES, allowRules));
  const said = sayingsOf(hits, DEFAULT, ({ inbound }) => inbound?.authorization?.default);
  const mandated = allow.lists
    .filter((list) => isMandatory(list) && !hasDefault(list.policy))
    .map(denyOthers);
  const byDefault = settleAtLeast([...said, ...mandated], (value) => value === 'Allow');
  return { byDefault: byDefault ?? implied(allow.lists), allow };
}

export function modeOf({ spec }: Pick<EffectivePolicy, 'spec'>): AuthorizationRule['mode'] {
  return spec.inbound?.authorization?.mode ?? 'Enforce';
}

function allowRules({ inbound }: EffectivePolicy['spec']): readonly PolicyRule[] | undefined {
  const rules = inbound?.authorization?.rules?.filter((rule) => rule.action === 'Allow') ?? [];
  return rules.length === 0 ? undefined : rules;
}
function hasDefault({ spec }: EffectivePolicy): boolean {
  return spec.inbound?.authorization?.default !== undefined;
}

/** To allow some is to deny others; of a mandatory policy that cannot be taken back by another's default. */
function denyOthers({ policy, specificity, field }: Saying<unknown>): Saying<'Allow' | 'Deny'> {
  return { policy, specificity, field, value: 'Deny' };
}
function implied(lists: readonly Saying<unknown>[]): MergedAuthorization['byDefault'] {
  const [strongest] = lists;
  return strongest && { value: 'Deny', origin: originOf(strongest), lost: [], conflicts: [] };
}

/** Of one merged set of ports: the rules of a policy hold there. */
export interface AuthorizedScope {
  /** undefined: all ports that are in no other scope */
  readonly port: number | undefined;
  readonly authorization: MergedAuthorization;
}

export interface CompiledRule {
  readonly hit: Hit;
  readonly rule: AuthorizationRule;
}

/** All rules of all policies, Deny first, then the strongest policy first, then as they are written. */
export function compileRules(hits: readonly Hit[], scopes: readonly AuthorizedScope[]): CompiledRule[] {
  return hits.flatMap((hit) => rulesOf(hit, scopes)).sort(denyFirst);
}

function rulesOf(hit: Hit, scopes: readonly AuthorizedScope[]): CompiledRule[] {
  const { policy } = hit;
  const mode = modeOf(policy);
  return (policy.spec.inbound?.authorization?.rules ?? []).flatMap((rule) => {
    const isReplaceable = rule.action === 'Allow' && mode === 'Enforce';
    const ports = isReplaceable ? portsWhereAllowed(hit, scopes) : hit.ports;
    return ports?.length === 0 ? [] : [{ hit, rule: compileRule(policy, rule, mode, ports) }];
  });
}

/**
 * A rule cannot say "all ports but 8080". Where a policy with ports has replaced the Allow rules of one
 * without, the latter's are written out for the other ports the workload is known to have; on ports nobody
 * declared they allow nothing, so the error is on the closed side.
 */
function portsWhereAllowed({ policy }: Hit, scopes: readonly AuthorizedScope[]): number[] | undefined {
  const here = scopes.filter(({ authorization }) =>
    authorization.allow.lists.some((list) => list.policy === policy),
  );
  if (here.length === scopes.length) return undefined;
  return here.flatMap(({ port }) => port ?? []);
}

function denyFirst(a: CompiledRule, b: CompiledRule): number {
  return Number(a.rule.action === 'Allow') - Number(b.rule.action === 'Allow');
}
