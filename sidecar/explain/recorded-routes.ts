import type { Destination } from '../../api/destination.ts';
import type { DestinationRoute, RouteMatch } from '../../api/destination-traffic.ts';
import type { TrailRecord } from '../../api/trail-record.ts';
import { compileRoutes, type RouteTable } from '../layers/route-table.ts';
import { recordedRequest } from './recorded-request.ts';

/** Of the routes of a destination, which one takes a request that is kept. */
export class RecordedRoutes {
  readonly #routes: readonly DestinationRoute[];
  readonly #hasRoutes: boolean;
  /** only matches that ask for nothing that is not kept */
  readonly #certain: RouteTable;
  /** every match, as if it did not ask for such things; the same table where none does */
  readonly #possible: RouteTable;
  /** what decides which route is taken, as text */
  readonly order: string;

  constructor({ traffic }: Destination) {
    const routes = traffic?.routes ?? [];
    this.#routes = routes;
    this.#hasRoutes = routes.length > 0;
    this.order = JSON.stringify(routes.map(({ name, match }) => [name, match]));
    this.#certain = compileRoutes(routes.map((route) => withMatches(route, route.match?.filter(isKept))));
    const isAllKept = routes.every(({ match }) => match === undefined || match.every(isKept));
    this.#possible = isAllKept
      ? this.#certain
      : compileRoutes(routes.map((route) => withMatches(route, route.match?.map(withoutAsking))));
  }

  /** `perhaps`: this route, or one after it. A route of undefined: none takes it. */
  find(record: TrailRecord): {
    readonly type: 'certain' | 'perhaps';
    readonly route: DestinationRoute | undefined;
  } {
    if (!this.#hasRoutes) return { type: 'certain', route: WHOLE_SERVICE };
    const request = recordedRequest(record, undefined);
    const certain = this.#certain.find(request)?.index ?? this.#routes.length;
    if (this.#possible === this.#certain) return { type: 'certain', route: this.#routes[certain] };
    const possible = this.#possible.find(request)?.index ?? this.#routes.length;
    return {
      type: possible < certain ? 'perhaps' : 'certain',
      route: this.#routes[Math.min(certain, possible)],
    };
  }

  named(name: string): DestinationRoute | undefined {
    return this.#hasRoutes ? this.#routes.find((route) => route.name === name) : WHOLE_SERVICE;
  }
}

/** What stands for routes where there are none. */
const WHOLE_SERVICE: DestinationRoute = { name: 'default' };

/** Nothing is kept of a query, and of the fields only the host. */
function isKept({ headers, queryParams }: RouteMatch): boolean {
  return queryParams === undefined && (headers === undefined || headers.every(({ name }) => name === 'host'));
}

function withoutAsking(match: RouteMatch): RouteMatch {
  if (isKept(match)) return match;
  const { queryParams: _query, headers, ...rest } = match;
  const kept = headers?.filter(({ name }) => name === 'host') ?? [];
  return kept.length === 0 ? rest : { ...rest, headers: kept };
}

/** A route that keeps none of its matches takes nothing; one that had none takes everything. */
function withMatches(route: DestinationRoute, match: RouteMatch[] | undefined): DestinationRoute {
  const { match: _, ...rest } = route;
  if (match === undefined) return rest;
  return { ...rest, match: match.length > 0 ? match : [NEVER] };
}

/** No method is empty. */
const NEVER: RouteMatch = { methods: [''] };
