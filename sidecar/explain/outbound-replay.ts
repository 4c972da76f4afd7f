import type { Destination } from '../../api/destination.ts';
import type { DestinationRoute } from '../../api/destination-traffic.ts';
import type { ProxyConfig } from '../../api/proxy-config.ts';
import type { TrailRecord } from '../../api/trail-record.ts';
import { EGRESS_RULE, EgressRules } from '../layers/egress.ts';
import { nameOf } from '../layers/egress-name.ts';
import { hostPort } from '../transport/socket-address.ts';
import { type Judgement, nameOfRule } from './judgement.ts';
import { portOf } from './recorded-request.ts';
import { RecordedRoutes } from './recorded-routes.ts';

/** Of many that are known few are asked about, so each is compiled when it is. */
class Compiled {
  readonly destination: Destination;
  #routes: RecordedRoutes | undefined;
  #serviceKey: string | undefined;

  constructor(destination: Destination) {
    this.destination = destination;
  }

  get routes(): RecordedRoutes {
    this.#routes ??= new RecordedRoutes(this.destination);
    return this.#routes;
  }

  get serviceKey(): string {
    this.#serviceKey ??= serviceKey(this.destination);
    return this.#serviceKey;
  }
}

/** What candidates say to requests that went out: which route they take, and whether they may leave the mesh. */
export class OutboundReplay {
  readonly #candidates: ReadonlyMap<string, Compiled>;
  readonly #current: ReadonlyMap<string, Compiled>;
  readonly #egress: EgressRules | undefined;

  /** `candidates` by Service, `<namespace>/<service>:<port>`; `current`: what is known, by what was dialled. */
  constructor(
    candidates: readonly Destination[],
    current: readonly Destination[],
    config: ProxyConfig | undefined,
  ) {
    this.#candidates = byKey(candidates);
    this.#current = byKey(current);
    this.#egress = config && new EgressRules(config);
  }

  judge(record: TrailRecord): Judgement {
    if (record.rule === EGRESS_RULE) return this.#judgeEgress(record);
    const current = this.#current.get(record.at);
    const candidate = this.#candidates.get(current?.serviceKey ?? record.at);
    return candidate && this.#judgeRoute(record, candidate, current);
  }

  #judgeEgress(record: TrailRecord): Judgement {
    if (this.#egress === undefined) return undefined;
    const { policy } = this.#egress;
    const isConnect = record.method === 'CONNECT';
    const denied =
      this.#egress.decide(nameOf(record.host), portOf(isConnect ? record.host : record.at)) === 'denied';
    if (denied === (record.verdict === 'denied')) return 'unchanged';
    const from = egressWords(record.verdict === 'denied', record.host, record.policy);
    return { kind: denied ? 'denied' : 'allowed', from, to: egressWords(denied, record.host, policy) };
  }

  #judgeRoute(record: TrailRecord, candidate: Compiled, current: Compiled | undefined): Judgement {
    // answered before a route was looked for
    if (record.route === '' && record.attempts === 0 && record.code !== 'no-route' && record.status !== 404) {
      return undefined;
    }
    const before = beforeOf(record, current);
    const from = describeBefore(record, before);
    const isSameOrder = current?.routes.order === candidate.routes.order && record.route !== '';
    const after = isSameOrder
      ? { type: 'certain' as const, route: candidate.routes.named(record.route) }
      : candidate.routes.find(record);
    const to = describe(candidate.destination, after.route);
    if (after.type === 'perhaps') {
      return {
        kind: 'unknown',
        from,
        to: `perhaps ${to}: it asks for headers or a query, which are not kept`,
      };
    }
    if (from === to || isSameEffect(before, { compiled: candidate, route: after.route })) return 'unchanged';
    return { kind: after.route === undefined ? 'denied' : 'rerouted', from, to };
  }
}

/**
 * The key by which candidates are known of what was dialled at an address of its Service. A pod that was dialled
 * directly is its own endpoint, and no policy about traffic is about it.
 */
function serviceKey({ key, namespace, name, endpoints }: Destination): string {
  if (key.includes('/') || endpoints.some(({ address, port }) => hostPort({ address, port }) === key))
    return key;
  return `${namespace}/${name}:${portOf(key)}`;
}

interface Taken {
  readonly compiled: Compiled;
  /** undefined: none took it */
  readonly route: DestinationRoute | undefined;
}

/** The route it took, as far as it is still known. */
function beforeOf({ route, code }: TrailRecord, current: Compiled | undefined): Taken | undefined {
  if (current === undefined) return undefined;
  if (route === '' && code === 'no-route') return { compiled: current, route: undefined };
  const named = current.routes.named(route);
  return named && { compiled: current, route: named };
}

/** Whether a request ends up at the same place in the same way, whatever the route is called. */
function isSameEffect(before: Taken | undefined, after: Taken): boolean {
  if (before?.route === undefined || after.route === undefined) return false;
  const of = ({ compiled }: Taken, route: DestinationRoute) => effectOf(compiled.destination, route);
  return of(before, before.route) === of(after, after.route);
}

function describeBefore({ route, code }: TrailRecord, before: Taken | undefined): string {
  if (route === '' && code === 'no-route') return NO_ROUTE;
  if (before?.route !== undefined) return describe(before.compiled.destination, before.route);
  return route === '' ? 'the whole Service' : `route ${route}`;
}

const NO_ROUTE = 'no route takes it (404 no-route)';

/** What happens to a request on this route, in words. */
function describe(destination: Destination, route: DestinationRoute | undefined): string {
  if (route === undefined) return NO_ROUTE;
  const name = route.policy === undefined ? '' : `route ${route.name} of ${route.policy}: `;
  return name + effectOf(destination, route);
}

/** What the route does, without what it is called. */
function effectOf(destination: Destination, route: DestinationRoute): string {
  const { fault, redirect, rewrite, mirror } = route;
  const parts = [redirect === undefined ? backendsOf(destination, route) : `redirect ${redirect.status}`];
  if (rewrite !== undefined)
    parts.push(`rewritten to ${[rewrite.host, rewrite.path?.value].filter(Boolean).join('')}`);
  if (mirror !== undefined)
    parts.push(`${mirror.percent}% mirrored to ${nameOfBackend(destination, mirror.backend)}`);
  if (fault?.abort !== undefined) parts.push(`${fault.abort.percent}% aborted with ${fault.abort.status}`);
  if (fault?.delay !== undefined)
    parts.push(`${fault.delay.percent}% delayed by ${fault.delay.durationMs} ms`);
  return parts.join(', ');
}

function backendsOf(destination: Destination, { backends }: DestinationRoute): string {
  const weighted = backends ?? [{ backend: -1, weight: 1 }];
  const total = weighted.reduce((sum, { weight }) => sum + weight, 0);
  return weighted
    .filter(({ weight }) => weight > 0)
    .map(({ backend, weight }) => {
      const share = weight === total ? '' : `${Math.round((100 * weight) / total)}% `;
      return `${share}${nameOfBackend(destination, backend)}`;
    })
    .join(', ');
}

function nameOfBackend(destination: Destination, place: number): string {
  const backend = destination.backends?.[place];
  const name = backend?.name ?? `${destination.namespace}/${destination.name}`;
  const { endpoints } = backend ?? destination;
  return endpoints.length === 0 ? `${name} (no endpoint)` : name;
}

function egressWords(denied: boolean, host: string, policy: string): string {
  return `${denied ? 'denied' : 'allowed'} by ${policy === '' ? 'no policy' : nameOfRule(policy, EGRESS_RULE)}: ${host}`;
}

function byKey(destinations: readonly Destination[]): Map<string, Compiled> {
  return new Map(destinations.map((destination) => [destination.key, new Compiled(destination)]));
}
