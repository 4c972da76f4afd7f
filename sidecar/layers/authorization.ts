import { BlockList, isIPv4, isIPv6 } from 'node:net';
import type { AuthorizationRule, Operation, Principal } from '../../api/proxy-config.ts';
import type { Caller } from './caller.ts';
import { compilePathGlob } from './path-glob.ts';

/** What is asked for: a request, or (without method and path) a connection that is not parsed as HTTP. */
export interface Call {
  readonly caller: Caller;
  readonly method: string | undefined;
  /** in normal form; undefined also for CONNECT and `OPTIONS *`, which have none */
  readonly path: string | undefined;
}

/** `policy` is empty and `rule` is `default` when no rule decided. */
export interface Decision {
  readonly allowed: boolean;
  readonly policy: string;
  readonly rule: string;
}

type Matches = (call: Call) => boolean;
interface CompiledRule {
  readonly matches: Matches;
  readonly decision: Decision;
}

export interface Authorizer {
  readonly decide: (call: Call) => Decision;
  /**
   * What would be denied if the rules in Audit mode were enforced; undefined: nothing. The function itself
   * is absent when there are no such rules.
   */
  readonly audit: ((call: Call) => Decision | undefined) | undefined;
  /** some rule looks at paths, so that ambiguous ones must be refused */
  readonly looksAtPaths: boolean;
}

/**
 * Compiles the rules that apply to one port: Deny rules first, then Allow rules, then the default. Throws on
 * a rule it cannot enforce, so that the configuration is refused as a whole.
 */
export function compileAuthorization(
  rules: readonly AuthorizationRule[],
  port: number | undefined,
  defaultAction: 'Allow' | 'Deny',
): Authorizer {
  const applying = rules.filter(
    ({ ports }) => ports === undefined || (port !== undefined && ports.includes(port)),
  );
  const enforced = applying.filter(({ mode }) => mode === 'Enforce');
  const audited = applying.filter(({ mode }) => mode === 'Audit');
  const decide = compileDecision(enforced, {
    allowed: defaultAction === 'Allow',
    policy: '',
    rule: 'default',
  });
  return {
    decide,
    audit: audited.length === 0 ? undefined : compileAudit(applying, audited, defaultAction),
    looksAtPaths: applying.some(({ to }) => to?.some(({ paths }) => paths !== undefined)),
  };
}

function compileDecision(rules: readonly AuthorizationRule[], fallback: Decision): (call: Call) => Decision {
  const denies = rules.filter(({ action }) => action === 'Deny').map(compileRule);
  const allows = rules.filter(({ action }) => action === 'Allow').map(compileRule);
  const ordered = [...denies, ...allows];
  if (ordered.length === 0) return () => fallback;
  return (call) => {
    for (const { matches, decision } of ordered) if (matches(call)) return decision;
    return fallback;
  };
}

/** With an Allow rule of an audited policy enforced, what no rule allows would be denied (the implicit default). */
function compileAudit(
  all: readonly AuthorizationRule[],
  audited: readonly AuthorizationRule[],
  defaultAction: 'Allow' | 'Deny',
): (call: Call) => Decision | undefined {
  const allow = audited.find(({ action }) => action === 'Allow');
  const fallback: Decision = {
    allowed: allow === undefined && defaultAction === 'Allow',
    policy: allow?.policy ?? '',
    rule: 'default',
  };
  const decide = compileDecision(all, fallback);
  return (call) => {
    const decision = decide(call);
    return decision.allowed ? undefined : decision;
  };
}

function compileRule(rule: AuthorizationRule): CompiledRule {
  const from = rule.from?.map(compilePrincipal);
  const to = rule.to?.map((operation) => compileOperation(operation, rule.action === 'Deny'));
  return {
    matches: (call) => anyOf(from, call) && anyOf(to, call),
    decision: { allowed: rule.action === 'Allow', policy: rule.policy, rule: rule.name },
  };
}

function anyOf(matchers: readonly Matches[] | undefined, call: Call): boolean {
  return matchers === undefined || matchers.some((matches) => matches(call));
}

function allOf(matchers: readonly Matches[]): Matches {
  return (call) => matchers.every((matches) => matches(call));
}

function compilePrincipal(principal: Principal): Matches {
  const { spiffeId, namespace, serviceAccount, ipBlock } = principal;
  const matchers: Matches[] = [];
  if (spiffeId !== undefined) matchers.push(({ caller }) => caller.spiffeId === spiffeId);
  if (namespace !== undefined) matchers.push(({ caller }) => caller.namespace === namespace);
  if (serviceAccount === '*') matchers.push(({ caller }) => caller.serviceAccount !== undefined);
  else if (serviceAccount !== undefined) {
    if (namespace === undefined) throw new Error(`serviceAccount ${serviceAccount} without a namespace`);
    matchers.push(({ caller }) => caller.serviceAccount === serviceAccount);
  }
  if (ipBlock !== undefined) matchers.push(compileIpBlock(ipBlock));
  if (matchers.length === 0) throw new Error('a principal without any field');
  return allOf(matchers);
}

export function compileIpBlock(block: string): Matches {
  const match = /^([0-9A-Fa-f:.]+)\/([0-9]{1,3})$/.exec(block);
  const address = match?.[1] ?? '';
  const prefix = Number(match?.[2]);
  const isV4 = isIPv4(address);
  if (match === null || (!isV4 && !isIPv6(address)) || prefix > (isV4 ? 32 : 128)) {
    throw new Error(`not an address block: ${block}`);
  }
  const blocks = new BlockList();
  blocks.addSubnet(address, prefix, isV4 ? 'ipv4' : 'ipv6');
  return ({ caller }) => {
    if (isIPv4(caller.address)) return isV4 && blocks.check(caller.address, 'ipv4');
    return !isV4 && isIPv6(caller.address) && blocks.check(caller.address, 'ipv6');
  };
}

/**
 * `unknownMatches`: on what has no method or path a Deny rule matches as if its fields did, and an Allow
 * rule does not, so that not being parsed as HTTP never gives more.
 */
function compileOperation(operation: Operation, unknownMatches: boolean): Matches {
  const matchers: Matches[] = [];
  if (operation.methods !== undefined) {
    const methods = new Set(operation.methods);
    matchers.push(({ method }) => (method === undefined ? unknownMatches : methods.has(method)));
  }
  if (operation.paths !== undefined) {
    const globs = operation.paths.map(compilePathGlob);
    const isOneOf = (path: string) => globs.some((matches) => matches(path));
    matchers.push(({ path }) => {
      if (path === undefined) return unknownMatches;
      if (!path.includes(';')) return isOneOf(path);
      const plain = withoutParameters(path);
      return unknownMatches ? isOneOf(path) || isOneOf(plain) : isOneOf(path) && isOneOf(plain);
    });
  }
  return allOf(matchers);
}

/**
 * To servlet containers `/admin;x/users` is `/admin/users` (path parameters, RFC 3986 section 3.3), to others it
 * is not. A Deny rule therefore matches if it matches either, an Allow rule if it matches both.
 */
function withoutParameters(path: string): string {
  return path.replace(/;[^/]*/g, '').replace(/\/{2,}/g, '/');
}
