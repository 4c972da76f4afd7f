import { broken, type PolicyCase, ROUTE_AT, route, service, strict, traffic } from './case.ts';

/** Rules of the schema at each further place where they stand. */

const selector = { matchLabels: { app: 'payments' } };
const ofRefs = (name: string, words: string, ...targetRefs: object[]) =>
  broken(name, `spec.targetRefs[${targetRefs.length - 1}]`, words, { targetRefs, inbound: strict });
const ofCaller = (name: string, words: string, caller: object) =>
  broken(name, `${ROUTE_AT}.match[0].from[0]`, words, route({ match: [{ from: [caller] }] }));
const empty = (name: string, field: string, words: string) =>
  broken(name, `${ROUTE_AT}.${field}`, `must not be empty: set at least one of ${words}`, inRoute(field, {}));
const emptyTraffic = (name: string, field: string, words: string) =>
  broken(
    name,
    `spec.traffic.${field}`,
    `must not be empty: set at least one of ${words}`,
    traffic({ [field]: {} }),
  );
const noTime = (name: string, field: string, part: string, beside: object = {}) =>
  broken(
    name,
    `spec.traffic.${field}.${part}`,
    'must be longer than 0s',
    traffic({ [field]: { ...beside, [part]: '0s' } }),
  );

/** A route with one value, at a path such as `retry.backoff`. */
function inRoute(path: string, value: unknown): unknown {
  return route(path.split('.').reduceRight<object>((inner, step) => ({ [step]: inner }), value as object));
}

export const INVALID_RULES: readonly PolicyCase[] = [
  ofRefs('one of several Services without name', 'write {kind: Service, name: payments}', service, {
    kind: 'Service',
  }),
  ofRefs('several Workloads, one with name', 'target.name is for kind Service only', {
    kind: 'Workload',
    name: 'payments',
    selector,
  }),
  ofRefs('several Workloads, one without selector', 'target.kind Workload needs a selector', {
    kind: 'Workload',
  }),
  ofRefs('several Services, one with selector', 'target.selector is for kind Workload only', {
    ...service,
    selector,
  }),
  ofCaller('a route for a caller that says nothing', 'set at least one of serviceAccount', {}),
  ofCaller('a route for a SPIFFE ID with service account', 'spiffeId says everything', {
    spiffeId: 'spiffe://a/ns/b/sa/c',
    serviceAccount: 'c',
  }),
  ofCaller('a route for an address with namespace', 'ipBlock is for callers without identity', {
    ipBlock: '10.0.0.0/8',
    namespace: 'b',
  }),
  empty('a redirection to nowhere', 'redirect', 'scheme, host, port, path, status'),
  empty('changes of no headers', 'headers', 'request, response'),
  empty('changes of no request headers', 'headers.request', 'set, add, remove'),
  empty('changes of no response headers', 'headers.response', 'set, add, remove'),
  empty('timeouts of a route that say nothing', 'timeout', 'request, attempt, idle'),
  empty('retries that say nothing', 'retry', 'attempts, conditions, codes, backoff, nonIdempotent'),
  empty('a backoff that says nothing', 'retry.backoff', 'base, max'),
  empty('a fault that is none', 'fault', 'abort, delay, bandwidth'),
  emptyTraffic('timeouts that say nothing', 'timeout', 'connect, request, idle'),
  emptyTraffic('a retry budget that says nothing', 'retryBudget', 'percent, minPerSecond'),
  emptyTraffic('load balancing that says nothing', 'loadBalancing', 'algorithm, locality, slowStart, hash'),
  emptyTraffic('outlier detection that says nothing', 'outlierDetection', 'consecutiveErrors, interval'),
  noTime('outliers looked for all the time', 'outlierDetection', 'interval'),
  noTime('an ejection of no time', 'outlierDetection', 'baseEjection'),
  noTime('health asked for all the time', 'healthCheck', 'interval', { path: '/' }),
  noTime('health answered in no time', 'healthCheck', 'timeout', { path: '/' }),
  ...['request', 'response'].flatMap((message) =>
    ['set', 'add', 'remove'].flatMap((change) => headerNames(message, change)),
  ),
];

/** Both rules about names, for one kind of change to one kind of message. */
function headerNames(message: string, change: string): PolicyCase[] {
  const isRemoval = change === 'remove';
  const at = `${ROUTE_AT}.headers.${message}.${change}[0]${isRemoval ? '' : '.name'}`;
  const of = (name: string) =>
    inRoute(`headers.${message}.${change}`, [isRemoval ? name : { name, value: 'a' }]);
  return [
    broken(
      `${change} of a framing header of a ${message}`,
      at,
      'headers of the connection and of framing are the proxy’s own: remove it',
      of('Transfer-Encoding'),
    ),
    broken(
      `${change} of a header of the mesh in a ${message}`,
      at,
      'headers that start with weft- belong to the mesh',
      of('Weft-Error'),
    ),
  ];
}
