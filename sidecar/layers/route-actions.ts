import type { DestinationRoute } from '../../api/destination-traffic.ts';
import { compileFault, type FaultPlan } from './fault.ts';
import { compileHeaderChanges, type HeaderChange } from './header-changes.ts';
import { compileRedirect, type RedirectTo } from './redirect.ts';
import { compileRewrite, type Rewrite } from './rewrite.ts';
import { type BackendChoice, chooseBackend } from './weighted-backends.ts';

/** What a route does to a request besides sending it on. What a route does not do is undefined. */
export interface RouteActions {
  /** answers by itself */
  readonly redirect: RedirectTo | undefined;
  readonly fault: FaultPlan | undefined;
  readonly changeRequest: HeaderChange | undefined;
  readonly rewrite: Rewrite | undefined;
  readonly mirror: { readonly backend: number; readonly percent: number } | undefined;
  /** undefined: the destination's own endpoints */
  readonly choose: BackendChoice | undefined;
  readonly changeResponse: HeaderChange | undefined;
}

/** Undefined: the route does nothing. Compiled once for a version of the destination. */
export function compileRouteActions(route: DestinationRoute): RouteActions | undefined {
  const { redirect, fault, headers, rewrite, mirror, backends } = route;
  if ((redirect ?? fault ?? headers ?? rewrite ?? mirror ?? backends) === undefined) return undefined;
  const prefixes = prefixesOf(route);
  return {
    redirect: redirect && compileRedirect(redirect, prefixes),
    fault: fault && compileFault(fault),
    changeRequest: compileHeaderChanges(headers?.request),
    rewrite: rewrite && compileRewrite(rewrite, prefixes),
    mirror: mirror?.percent === 0 ? undefined : mirror,
    choose: backends && chooseBackend(backends),
    changeResponse: compileHeaderChanges(headers?.response),
  };
}

function prefixesOf({ match }: DestinationRoute): string[] {
  const paths = (match ?? []).map(({ path }) => path);
  if (match === undefined) return ['/'];
  return paths.flatMap((path) => (path?.type === 'PathPrefix' ? [path.value] : []));
}
