import type { RouteMatch } from '../../../api/destination-traffic.ts';
import type { Route } from '../../../api/mesh-policy.ts';
import type { Principal } from '../../../api/proxy-config.ts';
import type { EffectivePolicy } from '../../compile/effective.ts';
import { isSame } from '../../compile/leaf.ts';
import { serviceProtocol } from '../../compile/protocol.ts';
import { compilePrincipal } from '../../compile/rule.ts';
import { servicesOf } from '../../compile/traffic/conflicts.ts';
import { namedServices } from '../../compile/traffic/named-services.ts';
import { compareMatches } from '../../compile/traffic/precedence.ts';
import type { Service } from '../../mesh/model.ts';
import type { Found } from './codes.ts';
import { coversAll, coversCallers } from './covers.ts';
import { type Inspection, onPolicy, some } from './inspection.ts';
import { isOpaque } from './rules.ts';

/** Routes that do not do what they say. */

export function routesField(route: string): string {
  return `spec.traffic.routes[${route}]`;
}

export function eachRoute(
  { policies }: Inspection,
  find: (policy: EffectivePolicy, route: Route) => readonly Found[],
): Found[] {
  return policies.flatMap((policy) =>
    (policy.spec.traffic?.routes ?? []).flatMap((route) => find(policy, route)),
  );
}

/** The Services about which the `traffic` of a policy is. */
export function calledServices({ mesh }: Inspection, policy: EffectivePolicy): Service[] {
  if (policy.spec.traffic?.to === undefined) return servicesOf(mesh, policy);
  return namedServices(policy.namespace, policy.spec).to.flatMap((key) => mesh.service(key) ?? []);
}

interface Entry {
  readonly route: Route;
  /** place in the route's list; undefined: it has none, and takes every request */
  readonly index: number | undefined;
  readonly match: RouteMatch;
  readonly from: readonly Principal[] | undefined;
}

/** Never asked, since one that is asked earlier takes everything that it would. */
export function shadowedRoutes({ policies, trustDomain }: Inspection): Found[] {
  return policies.flatMap((policy) => {
    const entries = (policy.spec.traffic?.routes ?? []).flatMap((route) =>
      entriesOf(route, policy.namespace),
    );
    const sorted = entries.sort((a, b) => compareMatches(a.match, b.match));
    return sorted.flatMap((entry, place) => {
      const earlier = sorted.slice(0, place).find((each) => coversEntry(each, entry, trustDomain));
      return earlier === undefined ? [] : [shadowed(policy, entry, earlier)];
    });
  });
}

/** What none of the routes takes gets 404, though no route says so. */
export function withoutCatchAll({ policies, trustDomain }: Inspection): Found[] {
  return policies.flatMap((policy) => {
    const routes = policy.spec.traffic?.routes ?? [];
    const entries = routes.flatMap((route) => entriesOf(route, policy.namespace));
    if (routes.length === 0 || entries.some((entry) => coversEntry(entry, ANYTHING, trustDomain))) return [];
    return onPolicy(policy, 'spec.traffic.routes', {
      ...{ severity: 'info', code: 'NoCatchAllRoute' },
      message: 'requests that none of its routes takes get 404 no-route',
      fix: 'add a route without match: {name: others}; or leave it, if all else is meant to get 404',
    });
  });
}

const ANYTHING: Pick<Entry, 'match' | 'from'> = { match: {}, from: undefined };

function entriesOf(route: Route, namespace: string): Entry[] {
  if (route.match === undefined) return [{ route, index: undefined, match: {}, from: undefined }];
  return route.match.map(({ from, headers, queryParams, ...match }, index) => ({
    ...{ route, index, from: from?.map((source) => compilePrincipal(source, namespace)) },
    match: {
      ...match,
      ...(headers && {
        headers: headers.map((each) => ({ type: 'Exact', ...each, name: each.name.toLowerCase() })),
      }),
      ...(queryParams && { queryParams: queryParams.map((each) => ({ type: 'Exact', ...each })) }),
    },
  }));
}

function shadowed(policy: EffectivePolicy, { route, index }: Entry, earlier: Entry): Found {
  const field = index === undefined ? routesField(route.name) : `${routesField(route.name)}.match[${index}]`;
  const by = earlier.route === route ? 'an earlier match of the same route' : `route ${earlier.route.name}`;
  return onPolicy(policy, field, {
    ...{ severity: 'warning', code: 'ShadowedRoute' },
    message: `never reached: ${by} takes everything that this matches, and is asked first`,
    fix:
      earlier.route === route
        ? 'remove this match'
        : `narrow route ${earlier.route.name}, put this route before it if the order of the list decides, or remove this one`,
  });
}

function coversEntry(a: Entry, b: Pick<Entry, 'match' | 'from'>, trustDomain: string): boolean {
  return coversCallers(a.from, b.from, trustDomain) && coversMatch(a.match, b.match);
}

function coversMatch(a: RouteMatch, b: RouteMatch): boolean {
  const covers = (field: 'headers' | 'queryParams') =>
    (a[field] ?? []).every((each) => b[field]?.some((other) => isSame(each, other)) ?? false);
  return (
    coversPathMatch(a.path, b.path) &&
    coversAll(a.methods, b.methods, isSame) &&
    covers('headers') &&
    covers('queryParams')
  );
}

function coversPathMatch(a: RouteMatch['path'], b: RouteMatch['path']): boolean {
  if (a === undefined || isSame(a, b)) return true;
  if (a.type !== 'PathPrefix') return false;
  const prefix = a.value.replace(/\/$/, '');
  if (prefix === '') return true;
  if (b === undefined || b.type === 'RegularExpression') return false;
  return b.value === prefix || b.value.startsWith(`${prefix}/`);
}

/** Methods that may be sent again without harm: RFC 9110 section 9.2.2. */
const IDEMPOTENT = ['GET', 'HEAD', 'OPTIONS', 'TRACE', 'PUT', 'DELETE'];

export function nonIdempotentRetries(inspection: Inspection): Found[] {
  return eachRoute(inspection, (policy, { name, retry, match }) => {
    if (retry?.nonIdempotent !== true || retry.attempts === 0) return [];
    const isSafe = match?.every(
      ({ methods }) => methods?.every((each) => IDEMPOTENT.includes(each)) ?? false,
    );
    if (isSafe === true) return [];
    return [
      onPolicy(policy, `${routesField(name)}.retry.nonIdempotent`, {
        ...{ severity: 'warning', code: 'NonIdempotentRetry' },
        message: 'a POST that failed half-way is sent again: the app may do twice what was asked for once',
        fix: 'remove nonIdempotent, or make a route of its own, by path and method, for what the app recognises when it comes again',
      }),
    ];
  });
}

export function mirrorsToThemselves(inspection: Inspection): Found[] {
  return eachRoute(inspection, (policy, { name, mirror }) => {
    if (mirror === undefined) return [];
    const key = `${mirror.namespace ?? policy.namespace}/${mirror.service}`;
    const called = calledServices(inspection, policy).find((service) => service.key === key);
    const isOther = mirror.port !== undefined && called !== undefined && called.ports.length > 1;
    if (called === undefined || isOther) return [];
    return [
      onPolicy(policy, `${routesField(name)}.mirror`, {
        ...{ severity: 'warning', code: 'MirrorToItself' },
        message: `copies go to ${key}, which is called anyway: it gets ${100 + (mirror.percent ?? 100)} % of the requests`,
        fix: 'mirror to another Service, or remove mirror',
      }),
    ];
  });
}

/** Opaque bytes have no paths, no headers and no requests. */
export function routesOnOpaque(inspection: Inspection): Found[] {
  const { mesh } = inspection;
  return inspection.policies.flatMap((policy) => {
    if (policy.spec.traffic?.routes === undefined) return [];
    const ports = calledServices(inspection, policy).flatMap((service) =>
      service.ports.map((port) => ({
        name: `${service.key}:${port.port}`,
        protocol: serviceProtocol(mesh, service, port),
      })),
    );
    const opaque = ports.filter(({ protocol }) => isOpaque(protocol)).map(({ name }) => name);
    if (opaque.length === 0 || opaque.length < ports.length) return [];
    return onPolicy(policy, 'spec.traffic.routes', {
      ...{ severity: 'warning', code: 'RoutesOnOpaque' },
      message: `${some(opaque)} is declared TCP and carried as bytes: nothing is known of requests, so no route is asked`,
      fix: 'declare what it speaks with appProtocol (http, kubernetes.io/h2c, grpc) or traffic.protocol, if that is HTTP',
    });
  });
}
