import type { DestinationRoute, RetryPolicy, RouteMatch } from '../../api/destination-traffic.ts';
import { Expressions } from './expression.ts';
import { PathIndex } from './path-index.ts';
import { CompiledMatch, RequestValues, type RouteRequest } from './route-match.ts';

/** Timeouts: 0 is none, -1 is not set. */
export interface CompiledRoute {
  /** empty when the destination has no routes */
  readonly name: string;
  /** its place in the table */
  readonly index: number;
  readonly requestTimeoutMs: number;
  readonly attemptTimeoutMs: number;
  readonly idleTimeoutMs: number;
  readonly retry: RetryPolicy | undefined;
  readonly source: DestinationRoute;
}

/** One match of one route. Of those that match a request the one with the lowest rank is taken. */
interface Candidate {
  readonly rank: number;
  readonly match: CompiledMatch;
  readonly route: CompiledRoute | undefined;
}

/**
 * The routes of one destination. `find` takes the first that matches, as going through the list would, in
 * time that does not depend on how many routes have other paths.
 */
export class RouteTable {
  readonly routes: readonly CompiledRoute[];
  readonly #values = new RequestValues();
  readonly #byPath = new PathIndex<Candidate>();
  readonly #anyPath: Candidate[] = [];
  readonly #pathExpressions: Candidate[] = [];
  /** the first route that takes every request; those after it are never reached */
  readonly #last: Candidate;
  readonly #isConstant: boolean;

  constructor(routes: readonly DestinationRoute[]) {
    const expressions = new Expressions();
    this.routes = routes.length === 0 ? [compileRoute({ name: '' }, 0)] : routes.map(compileRoute);
    const last = routes.length === 0 ? 0 : routes.findIndex(takesEveryRequest);
    this.#last = {
      rank: last === -1 ? routes.length : last,
      match: new CompiledMatch({}, this.#values, expressions),
      route: this.routes[last],
    };
    for (let rank = 0; rank < this.#last.rank; rank += 1) {
      for (const match of routes[rank]?.match ?? []) this.#add(match, this.routes[rank]!, expressions);
    }
    this.#isConstant = this.#last.rank === 0;
  }

  /** Undefined: no route takes the request. */
  find(request: RouteRequest): CompiledRoute | undefined {
    if (this.#isConstant) return this.#last.route;
    const { method, path } = request;
    this.#values.begin(request);
    let best = firstMatch(this.#anyPath, method, this.#last);
    if (path !== undefined) {
      // longer paths come first by precedence, so what they find most often ends the search of the others
      for (let i = this.#byPath.lookup(path) - 1; i >= 0; i -= 1) {
        best = firstMatch(this.#byPath.found[i]!, method, best);
      }
      // one after the other, so only those that can still be better than what was found
      best = firstMatch(this.#pathExpressions, method, best);
    }
    this.#values.end();
    return best.route;
  }

  #add(match: RouteMatch, route: CompiledRoute, expressions: Expressions): void {
    const compiled = new CompiledMatch(match, this.#values, expressions);
    const candidate: Candidate = { rank: route.index, match: compiled, route };
    const { path } = match;
    if (path === undefined) this.#anyPath.push(candidate);
    else if (path.type === 'RegularExpression') this.#pathExpressions.push(candidate);
    else if (path.type === 'Exact') this.#byPath.addExact(path.value, candidate);
    else this.#byPath.addPrefix(path.value.replace(/\/$/, ''), candidate);
  }
}

export function compileRoutes(routes: readonly DestinationRoute[] | undefined): RouteTable {
  return new RouteTable(routes ?? []);
}

function compileRoute(source: DestinationRoute, index: number): CompiledRoute {
  const { name, timeout, retry } = source;
  return {
    name,
    index,
    requestTimeoutMs: timeout?.requestMs ?? -1,
    attemptTimeoutMs: timeout?.attemptMs ?? -1,
    idleTimeoutMs: timeout?.idleMs ?? -1,
    retry,
    source,
  };
}

function takesEveryRequest({ match }: DestinationRoute): boolean {
  return match === undefined || match.some(isEmpty);
}

function isEmpty({ path, methods, headers, queryParams }: RouteMatch): boolean {
  return (path ?? methods ?? headers ?? queryParams) === undefined;
}

/** The better one of `best` and the first of the bucket, which is sorted by rank, that matches. */
function firstMatch(bucket: readonly Candidate[], method: string, best: Candidate): Candidate {
  for (let i = 0; i < bucket.length; i += 1) {
    const candidate = bucket[i]!;
    if (candidate.rank >= best.rank) return best;
    if (candidate.match.matches(method)) return candidate;
  }
  return best;
}
