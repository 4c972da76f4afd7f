import type { Destination } from '../../api/destination.ts';
import type { DestinationTraffic, RetryPolicy } from '../../api/destination-traffic.ts';
import { type CompiledRetryPolicy, compileRetryPolicy } from '../layers/retry-policy.ts';
import { compileRouteActions, type RouteActions } from '../layers/route-actions.ts';
import type { CompiledRoute, RouteTable } from '../layers/route-table.ts';

/** How requests of one route are sent; timeouts of 0 are none. */
export interface RouteSettings {
  readonly name: string;
  /** the MeshPolicy it comes from; empty: there are no routes */
  readonly policy: string;
  readonly index: number;
  readonly requestTimeoutMs: number;
  readonly attemptTimeoutMs: number;
  /** without a byte; -1: the sidecar's own */
  readonly idleTimeoutMs: number;
  /** false: nothing is tried again but what was never sent */
  readonly retriesSent: boolean;
  readonly retry: CompiledRetryPolicy;
  /** undefined: requests go to the destination's own endpoints as they are */
  readonly actions: RouteActions | undefined;
}

/** By the index of the route. */
export function routeSettings(table: RouteTable, { traffic }: Destination): readonly RouteSettings[] {
  return table.routes.map((route) => settingsOf(route, traffic?.timeout, traffic?.retry));
}

function settingsOf(
  route: CompiledRoute,
  timeout: DestinationTraffic['timeout'],
  retry: RetryPolicy | undefined,
): RouteSettings {
  return {
    name: route.name,
    policy: route.source.policy ?? '',
    index: route.index,
    requestTimeoutMs: route.requestTimeoutMs === -1 ? (timeout?.requestMs ?? 0) : route.requestTimeoutMs,
    attemptTimeoutMs: Math.max(0, route.attemptTimeoutMs),
    idleTimeoutMs: route.idleTimeoutMs === -1 ? (timeout?.idleMs ?? -1) : route.idleTimeoutMs,
    retry: compileRetryPolicy(route.retry ?? retry),
    retriesSent: (route.retry ?? retry) !== undefined,
    actions: compileRouteActions(route.source),
  };
}
