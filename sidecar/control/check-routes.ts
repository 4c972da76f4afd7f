import type { Destination } from '../../api/destination.ts';
import { compileRouteActions } from '../layers/route-actions.ts';
import { messageOf } from '../log.ts';

/** Why the routes cannot be put in force as they are; undefined: they can. What would fail later fails here. */
export function routesProblem({ traffic, backends = [] }: Destination): string | undefined {
  for (const route of traffic?.routes ?? []) {
    const leadsTo = [...(route.backends ?? []), ...(route.mirror ? [route.mirror] : [])];
    const missing = leadsTo.find(({ backend }) => backend >= backends.length);
    if (missing !== undefined) return `route ${route.name}: there is no backend ${missing.backend}`;
    try {
      compileRouteActions(route);
    } catch (error) {
      return `route ${route.name}: ${messageOf(error)}`;
    }
  }
  return undefined;
}
