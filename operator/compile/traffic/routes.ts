import type { DestinationRoute, RouteMatch } from '../../../api/destination-traffic.ts';
import type { Route } from '../../../api/mesh-policy.ts';
import type { Workload } from '../../mesh/model.ts';
import { isCaller } from './caller.ts';
import { compareMatches } from './precedence.ts';
import { present } from './present.ts';
import { compileActions } from './route-actions.ts';

type PolicyMatch = NonNullable<Route['match']>[number];
/** How a route names a Service. */
export type BackendRef = Pick<
  NonNullable<Route['backends']>[number],
  'service' | 'namespace' | 'port' | 'selector'
>;

export interface RouteContext {
  /** `<namespace>/<name>` of the MeshPolicy */
  readonly policy: string;
  readonly namespace: string;
  readonly consumer: Workload;
  readonly trustDomain: string;
  /** place in `Destination.backends`, or -1 */
  readonly backend: (ref: BackendRef) => number;
}

/** What no request is: a consumer for whom no match is left has routes, and none of them takes anything. */
const NO_REQUEST: RouteMatch = {
  headers: [
    { name: 'host', type: 'Present' },
    { name: 'host', type: 'Absent' },
  ],
};

/**
 * The list as the sidecar goes through it: one entry a match, under the name of its route, sorted by precedence.
 * Matches for other callers are left out. Nothing is added for what no route takes: it is answered with
 * `no-route`, as Gateway API has it.
 */
export function compileRoutes(routes: readonly Route[], context: RouteContext): DestinationRoute[] {
  const pairs = routes
    .flatMap((route) => pairsOf(route, context))
    .sort((a, b) => compareMatches(a.match, b.match));
  if (pairs.length === 0) return [{ name: routes[0]!.name, policy: context.policy, match: [NO_REQUEST] }];
  const bodies = new Map<Route, Omit<DestinationRoute, 'match'>>();
  return pairs.map(({ route, match }) => {
    const body = bodies.get(route) ?? compileRoute(route, context);
    bodies.set(route, body);
    return isEmpty(match) ? body : { ...body, match: [match] };
  });
}

function pairsOf(route: Route, { consumer, namespace, trustDomain }: RouteContext) {
  const fitting = (route.match ?? [{}]).filter(({ from }) =>
    isCaller(from, namespace, consumer, trustDomain),
  );
  return fitting.map((match) => ({ route, match: compileMatch(match) }));
}

function compileMatch({ path, methods, headers, queryParams }: PolicyMatch): RouteMatch {
  return {
    ...present({
      path,
      methods,
      headers: headers?.map(({ name, ...value }) => compileValue({ ...value, name: name.toLowerCase() })),
      queryParams: queryParams?.map(compileValue),
    }),
  };
}

function compileValue({ name, type = 'Exact', value }: NonNullable<PolicyMatch['headers']>[number]) {
  return { name, type, value };
}

function isEmpty(match: RouteMatch): boolean {
  return Object.keys(match).length === 0;
}

function compileRoute(route: Route, { policy, backend }: RouteContext): Omit<DestinationRoute, 'match'> {
  const { name, backends, mirror } = route;
  return {
    name,
    policy,
    ...present({
      backends: backends?.map((each) => ({ backend: backend(each), weight: each.weight ?? 1 })),
      mirror: mirror && { backend: backend(mirror), percent: mirror.percent ?? 100 },
    }),
    ...compileActions(route),
  };
}
