import type { AuthorizationRule } from '../../api/proxy-config.ts';
import type { Caller } from './caller.ts';
import { type Decision, type DecisionRule, DecisionTable } from './decision-table.ts';
import type { CallerMatches } from './ip-block.ts';
import type { VerifiedTokens } from './jwt-claims.ts';
import { CompiledOperation } from './operation.ts';
import { compilePrincipal } from './principal.ts';
import { compileConditions } from './request-conditions.ts';
import { RequestValues, type RouteRequest } from './route-match.ts';

export type { Decision } from './decision-table.ts';
export { compileIpBlock } from './ip-block.ts';

/** What is asked for: a request, or (without method and path) a connection that is not parsed as HTTP. */
export interface Call {
  readonly caller: Caller;
  readonly method: string | undefined;
  /** in normal form; undefined also for CONNECT and `OPTIONS *`, which have none */
  readonly path: string | undefined;
  /** the request itself; undefined: not parsed as HTTP */
  readonly request?: RouteRequest | undefined;
  /** absent: none */
  readonly tokens?: VerifiedTokens;
}

export interface Authorizer {
  readonly decide: (call: Call) => Decision;
  /**
   * What would be denied if what is in Audit mode were enforced; undefined: nothing. The function itself is
   * absent when nothing is.
   */
  readonly audit: ((call: Call) => Decision | undefined) | undefined;
  /** once per connection and configuration: what depends on the caller is decided here */
  readonly forCaller: (caller: Caller) => CallerAuthorizer;
  /** some rule looks at paths, so that ambiguous ones must be refused */
  readonly looksAtPaths: boolean;
}

/** What one caller may do. Methods, and paths in normal form, are undefined as in `Call`. */
export class CallerAuthorizer {
  readonly #enforced: DecisionTable;
  readonly #audited: DecisionTable | undefined;

  constructor(enforced: DecisionTable, audited: DecisionTable | undefined) {
    this.#enforced = enforced;
    this.#audited = audited;
  }

  decide(
    method: string | undefined,
    path: string | undefined,
    request?: RouteRequest | undefined,
    tokens?: VerifiedTokens,
  ): Decision {
    return this.#enforced.decide(method, path, request, tokens);
  }

  /** Of what no rule allows; see DecisionTable. */
  lackOfToken(request: RouteRequest, tokens: VerifiedTokens): string {
    return this.#enforced.lackOfToken(request.method, request.path, request, tokens);
  }

  /** What would be denied if the rules in Audit mode were enforced; undefined: nothing. */
  audit(
    method: string | undefined,
    path: string | undefined,
    request?: RouteRequest | undefined,
    tokens?: VerifiedTokens,
  ): Decision | undefined {
    if (this.#audited === undefined) return undefined;
    const decision = this.#audited.decide(method, path, request, tokens);
    return decision.allowed ? undefined : decision;
  }
}

/** A rule with its place among those that apply to the port. */
interface PlacedRule extends DecisionRule {
  readonly place: number;
}

interface RuleList {
  /** Deny rules first */
  readonly rules: readonly PlacedRule[];
  readonly fallback: Decision;
}

/**
 * Compiles the rules that apply to one port: Deny rules first, then Allow rules, then the default. Throws on
 * a rule it cannot enforce, so that the configuration is refused as a whole. `defaultPolicy`: the one whose words
 * or Allow rules make the default; empty: none does. `auditedPolicy`: the one in Audit mode by which the default
 * would be Deny; empty: there is none.
 */
export function compileAuthorization(
  rules: readonly AuthorizationRule[],
  port: number | undefined,
  defaultAction: 'Allow' | 'Deny',
  defaultPolicy = '',
  auditedPolicy = '',
): Authorizer {
  const applying = rules.filter(
    ({ ports }) => ports === undefined || (port !== undefined && ports.includes(port)),
  );
  const callers = applying.map(({ from }) => from?.map(compilePrincipal));
  const values = new RequestValues();
  const fallback = { allowed: defaultAction === 'Allow', policy: defaultPolicy, rule: 'default' };
  const enforced = compileEnforced(applying, fallback, values);
  const audited = compileAudited(applying, fallback, auditedPolicy, values);
  const forCaller = rememberCallers(callers, (matched) => {
    const tableOf = ({ rules, fallback }: RuleList) =>
      new DecisionTable(
        rules.filter(({ place }) => matched[place] === 1),
        fallback,
        values,
      );
    return new CallerAuthorizer(tableOf(enforced), audited && tableOf(audited));
  });
  return {
    forCaller,
    decide: ({ caller, method, path, request, tokens }) =>
      forCaller(caller).decide(method, path, request, tokens),
    audit:
      audited &&
      (({ caller, method, path, request, tokens }) => forCaller(caller).audit(method, path, request, tokens)),
    looksAtPaths: applying.some(({ to }) => to?.some(({ paths, grpc }) => (paths ?? grpc) !== undefined)),
  };
}

function compileEnforced(
  applying: readonly AuthorizationRule[],
  fallback: Decision,
  values: RequestValues,
): RuleList {
  const compiled = applying.map((rule, place) => compileRule(rule, place, values));
  return { rules: denyFirst(compiled, applying, ['Enforce']), fallback };
}

/** @param auditedPolicy by which what no rule matches would be denied; empty: it would be as it is */
function compileAudited(
  applying: readonly AuthorizationRule[],
  fallback: Decision,
  auditedPolicy: string,
  values: RequestValues,
): RuleList | undefined {
  if (auditedPolicy === '' && !applying.some(({ mode }) => mode === 'Audit')) return undefined;
  const denied = { allowed: false, policy: auditedPolicy, rule: 'default' };
  const compiled = applying.map((rule, place) => compileRule(rule, place, values));
  return {
    rules: denyFirst(compiled, applying, ['Enforce', 'Audit']),
    fallback: auditedPolicy === '' ? { ...fallback } : denied,
  };
}

function compileRule(rule: AuthorizationRule, place: number, values: RequestValues): PlacedRule {
  const isDeny = rule.action === 'Deny';
  const to = rule.to ?? (rule.when && [{}]);
  const operations = to?.map(
    (operation) =>
      new CompiledOperation(operation, isDeny, compileConditions(operation, rule.when, isDeny, values)),
  );
  return { place, operations, decision: { allowed: !isDeny, policy: rule.policy, rule: rule.name } };
}

function denyFirst(
  compiled: readonly PlacedRule[],
  applying: readonly AuthorizationRule[],
  modes: readonly AuthorizationRule['mode'][],
): readonly PlacedRule[] {
  const inMode = compiled.filter(({ place }) => modes.includes(applying[place]!.mode));
  const isDeny = ({ decision }: PlacedRule) => !decision.allowed;
  return [...inMode.filter(isDeny), ...inMode.filter((rule) => !isDeny(rule))];
}

/** Callers who differ in which rules match them, per port. Others are compiled again. */
const MAX_REMEMBERED = 64;

/**
 * `compile` gets a 1 for each rule that matches the caller. Callers whom the same rules match share one result;
 * of too many the oldest is forgotten.
 */
function rememberCallers(
  callers: readonly (readonly CallerMatches[] | undefined)[],
  compile: (matched: Uint8Array) => CallerAuthorizer,
): (caller: Caller) => CallerAuthorizer {
  const remembered = new Map<string, CallerAuthorizer>();
  const matched = Buffer.alloc(callers.length);
  return (caller) => {
    const call = { caller };
    callers.forEach((from, place) => {
      matched[place] = from === undefined || from.some((matches) => matches(call)) ? 1 : 0;
    });
    const key = matched.toString('latin1');
    const known = remembered.get(key);
    if (known !== undefined) return known;
    const compiled = compile(matched);
    if (remembered.size >= MAX_REMEMBERED) remembered.delete(remembered.keys().next().value!);
    remembered.set(key, compiled);
    return compiled;
  };
}
