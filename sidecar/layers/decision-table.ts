import { NO_TOKENS, type VerifiedTokens } from './jwt-claims.ts';
import { type CompiledOperation, isOneOf, withoutParameters } from './operation.ts';
import type { PathGlob } from './path-glob.ts';
import { PathIndex } from './path-index.ts';
import type { RequestValues, RouteRequest } from './route-match.ts';

/**
 * `policy` is empty and `rule` is `default` when no rule decided. One object per rule and mode lives as long as
 * the configuration, so that what is counted per decision can hang on it.
 */
export interface Decision {
  readonly allowed: boolean;
  readonly policy: string;
  readonly rule: string;
}

export interface DecisionRule {
  readonly decision: Decision;
  /** any of them; undefined: every request and connection */
  readonly operations: readonly CompiledOperation[] | undefined;
}

/** So many ways to be allowed with a token are looked at to say what was missing. */
const MAX_TOLD = 64;

/** One way for a rule to match. Of those that match the one with the lowest rank decides. */
interface Candidate {
  readonly rank: number;
  readonly operation: CompiledOperation | undefined;
  /** absent when the index has already compared all of the path */
  readonly glob: PathGlob | undefined;
  /** there is more to compare than method and `glob` */
  readonly asksMore: boolean;
  readonly decision: Decision;
}

/**
 * The rules that are left for one caller. `decide` takes the first that matches, as going through the list would,
 * in time that does not depend on how many rules have other paths. Paths with parameters, requests without a path
 * and globs with two `*` in one segment are the only ones it allocates for.
 */
export class DecisionTable {
  readonly #rules: DecisionRule[] = [];
  readonly #byPath = new PathIndex<Candidate>();
  readonly #anyPath: Candidate[] = [];
  #looksAtPaths = false;
  /** what rules with conditions read from; undefined: there are none */
  readonly #values: RequestValues | undefined;
  /** what would be allowed if a token said so, for `lackOfToken` */
  readonly #byToken: CompiledOperation[] = [];
  /** what decides when no rule before it does */
  readonly #last: Candidate;

  /** `rules` in the order in which they are asked. */
  constructor(rules: readonly DecisionRule[], fallback: Decision, values?: RequestValues) {
    let decision = fallback;
    for (const rule of rules) {
      if (rule.operations === undefined || rule.operations.some(({ isAny }) => isAny)) {
        decision = rule.decision;
        break;
      }
      for (const operation of rule.operations) {
        this.#add(this.#rules.length, operation, rule.decision);
        if (rule.decision.allowed && operation.conditions?.asksForToken) this.#byToken.push(operation);
      }
      this.#rules.push(rule);
    }
    const rank = this.#rules.length;
    this.#last = { rank, operation: undefined, glob: undefined, asksMore: false, decision };
    const hasConditions = this.#rules.some(({ operations }) =>
      operations?.some(({ conditions }) => conditions !== undefined),
    );
    this.#values = hasConditions ? values : undefined;
  }

  /** `request` undefined: what is asked for is not parsed as HTTP, or nothing but its method and path is known. */
  decide(
    method: string | undefined,
    path: string | undefined,
    request: RouteRequest | undefined = undefined,
    tokens: VerifiedTokens = NO_TOKENS,
  ): Decision {
    if (this.#rules.length === 0) return this.#last.decision;
    if (this.#values === undefined || request === undefined) return this.#find(method, path, false, tokens);
    this.#values.begin(request);
    const decision = this.#find(method, path, true, tokens);
    this.#values.end();
    return decision;
  }

  /**
   * What of a token is missing for the first rule that would allow it otherwise; empty: it is not for want of one.
   * For those who rule the policy: it is not to be told to the caller.
   */
  lackOfToken(
    method: string | undefined,
    path: string | undefined,
    request: RouteRequest,
    tokens: VerifiedTokens,
  ): string {
    if (this.#values === undefined || this.#byToken.length === 0) return '';
    const plain = path === undefined ? undefined : withoutParameters(path);
    let lack = '';
    this.#values.begin(request);
    for (let i = 0; i < Math.min(this.#byToken.length, MAX_TOLD) && lack === ''; i += 1) {
      const operation = this.#byToken[i]!;
      if (!operation.matchesMethod(method) || !operation.matchesPath(path, plain)) continue;
      lack = operation.conditions!.lackOfToken(method, tokens);
    }
    this.#values.end();
    return lack;
  }

  #find(
    method: string | undefined,
    path: string | undefined,
    isHttp: boolean,
    tokens: VerifiedTokens,
  ): Decision {
    if (this.#looksAtPaths && (path === undefined || path.includes(';'))) {
      return this.#goThrough(method, path, isHttp, tokens);
    }
    let best = firstMatch(this.#anyPath, method, '', isHttp, tokens, this.#last);
    if (this.#looksAtPaths && path !== undefined) {
      for (let i = this.#byPath.lookup(path) - 1; i >= 0; i -= 1) {
        best = firstMatch(this.#byPath.found[i]!, method, path, isHttp, tokens, best);
      }
    }
    return best.decision;
  }

  #add(rank: number, operation: CompiledOperation, decision: Decision): void {
    const asksMore = (operation.conditions ?? operation.furtherGlobs) !== undefined;
    if (operation.globs === undefined) {
      this.#anyPath.push({ rank, operation, glob: undefined, asksMore, decision });
      return;
    }
    this.#looksAtPaths = true;
    for (const glob of operation.globs) {
      const isWildcard = glob.kind === 'wildcard';
      const candidate = { rank, operation, glob: isWildcard ? glob : undefined, asksMore, decision };
      if (glob.kind === 'exact') this.#byPath.addExact(glob.literal, candidate);
      else this.#byPath.addPrefix(glob.literal, candidate);
    }
  }

  /** For what the index does not know: no path at all, and paths that may be read in two ways. */
  #goThrough(
    method: string | undefined,
    path: string | undefined,
    isHttp: boolean,
    tokens: VerifiedTokens,
  ): Decision {
    const plain = path === undefined ? undefined : withoutParameters(path);
    const rule = this.#rules.find(({ operations }) =>
      operations?.some(
        (operation) =>
          operation.matchesMethod(method) &&
          operation.matchesPath(path, plain) &&
          (operation.conditions === undefined || operation.conditions.matches(isHttp, method, tokens)),
      ),
    );
    return rule?.decision ?? this.#last.decision;
  }
}

/** The better one of `best` and the first of the bucket, which is sorted by rank, that matches. */
function firstMatch(
  bucket: readonly Candidate[],
  method: string | undefined,
  path: string,
  isHttp: boolean,
  tokens: VerifiedTokens,
  best: Candidate,
): Candidate {
  for (let i = 0; i < bucket.length; i += 1) {
    const candidate = bucket[i]!;
    if (candidate.rank >= best.rank) return best;
    if (!candidate.operation!.matchesMethod(method)) continue;
    if (candidate.glob !== undefined && !candidate.glob.matches(path)) continue;
    if (!candidate.asksMore || holds(candidate.operation!, method, path, isHttp, tokens)) return candidate;
  }
  return best;
}

/** What is left of an operation whose method and indexed path are known to match. */
function holds(
  { conditions, furtherGlobs }: CompiledOperation,
  method: string | undefined,
  path: string,
  isHttp: boolean,
  tokens: VerifiedTokens,
): boolean {
  if (furtherGlobs !== undefined && !isOneOf(furtherGlobs, path)) return false;
  return conditions === undefined || conditions.matches(isHttp, method, tokens);
}
