import type { Route } from '../../../api/mesh-policy.ts';
import type { Change } from '../../mesh/model.ts';
import { referenceGrant, service, set, slice, workload } from '../../testing/builders.ts';
import { PAY, PORTS, type Row, says, testFindings } from '../testing/findings.ts';

const routes = (...list: Omit<Route, 'name'>[]): Change[] =>
  says({ target: PAY, traffic: { routes: list.map((route, index) => ({ name: `r${index}`, ...route })) } });
const prefix = (value: string) => ({ path: { type: 'PathPrefix', value } }) as const;
const exact = (value: string) => ({ path: { type: 'Exact', value } }) as const;
const at = (route: number, rest = '') => `shop/p spec.traffic.routes[r${route}]${rest}`;
const VERSIONS: Change[] = [
  ...set(
    'Workload',
    workload('shop/pay', { addresses: ['10.0.0.1'], labels: { app: 'pay', version: 'v1' } }),
  ),
];
const v = (version: string, weight?: number) => ({
  service: 'pay',
  selector: { matchLabels: { version } },
  ...(weight !== undefined && { weight }),
});
const EMPTY = set('Service', service('shop/next', { ports: PORTS }));
const opaque = (protocol: 'TCP' | 'GRPC') =>
  set('Service', service('shop/pay', { ports: [{ ...PORTS[0]!, protocol }] }));

const ROWS: Row[] = [
  {
    ...{ code: 'NoCatchAllRoute', severity: 'info', at: 'shop/p spec.traffic.routes' },
    what: 'a list of routes that leaves something over',
    has: routes({ match: [prefix('/a')] }, { match: [{ ...prefix('/'), methods: ['GET'] }] }),
    says: /none of its routes takes get 404 no-route/,
    hasNot: {
      'the last has no match': routes({ match: [prefix('/a')] }, {}),
      'one takes every path': routes({ match: [prefix('/a'), prefix('/')] }),
      'there are no routes': says({ target: PAY, traffic: { protocol: 'HTTP' } }),
    },
  },
  {
    ...{ code: 'NoCatchAllRoute', severity: 'info', at: 'shop/p spec.traffic.routes' },
    what: 'a route for every path of one caller',
    has: routes({ match: [{ ...prefix('/'), from: [{ serviceAccount: 'web' }] }] }),
    says: /get 404 no-route/,
    hasNot: {},
  },
  {
    ...{ code: 'ShadowedRoute', severity: 'warning', at: at(1) },
    what: 'a second route for every request',
    has: routes({}, {}),
    says: /route r0 takes everything that this matches/,
    hasNot: { 'the first has a match': routes({ match: [prefix('/a')] }, {}), 'there is one': routes({}) },
  },
  {
    ...{ code: 'ShadowedRoute', severity: 'warning', at: at(1, '.match[0]') },
    what: 'a match with methods that an earlier one has too',
    has: routes(
      { match: [{ ...prefix('/a'), methods: ['GET', 'POST'] }] },
      { match: [{ ...prefix('/a'), methods: ['GET'] }] },
    ),
    says: /never reached/,
    hasNot: {
      'it has one more': routes(
        { match: [{ ...prefix('/a'), methods: ['GET', 'POST'] }] },
        { match: [{ ...prefix('/a'), methods: ['GET', 'PUT'] }] },
      ),
      'it has none, so it takes more': routes(
        { match: [{ ...prefix('/a'), methods: ['GET'] }] },
        { match: [prefix('/a')] },
      ),
      'a longer path is asked first': routes({ match: [prefix('/a')] }, { match: [prefix('/a/b')] }),
      'an Exact path is asked first': routes({ match: [prefix('/a')] }, { match: [exact('/a')] }),
      'more headers are asked first': routes(
        { match: [prefix('/a')] },
        { match: [{ ...prefix('/a'), headers: [{ name: 'x', value: '1' }] }] },
      ),
      'it is for other callers': routes(
        { match: [{ ...prefix('/a'), from: [{ serviceAccount: 'web' }] }] },
        { match: [prefix('/a')] },
      ),
      'it has another value of the header': routes(
        { match: [{ headers: [{ name: 'x', value: '1' }] }] },
        { match: [{ headers: [{ name: 'x', value: '2' }] }] },
      ),
    },
  },
  {
    ...{ code: 'ShadowedRoute', severity: 'warning', at: at(1, '.match[0]') },
    what: 'the same header in another case, for callers that are among those of the first',
    has: routes(
      {
        match: [
          { headers: [{ name: 'X-A', value: '1' }], from: [{ namespace: 'shop', serviceAccount: '*' }] },
        ],
      },
      {
        match: [{ headers: [{ name: 'x-a', value: '1', type: 'Exact' }], from: [{ serviceAccount: 'web' }] }],
      },
    ),
    says: /never reached/,
    hasNot: {},
  },
  {
    ...{ code: 'ShadowedRoute', severity: 'warning', at: at(0, '.match[1]') },
    what: 'a match of the very same route twice, the prefix with a slash at its end',
    has: routes({ match: [prefix('/a'), prefix('/a/')] }),
    says: /an earlier match of the same route/,
    hasNot: { 'they differ': routes({ match: [prefix('/a'), prefix('/b')] }) },
  },
  {
    ...{ code: 'BackendWithoutEndpoints', severity: 'warning', at: at(0, '.backends[1]') },
    what: 'a subset that no ready pod is in, with its share',
    has: [...VERSIONS, ...routes({ backends: [v('v1', 90), v('v2', 10)] })],
    says: /no endpoint of shop\/pay with version=v2 is ready: 10 % of the requests/,
    hasNot: {
      'its weight is 0': [...VERSIONS, ...routes({ backends: [v('v1', 90), v('v2', 0)] })],
      'pods are in it': [...VERSIONS, ...routes({ backends: [v('v1')] })],
    },
  },
  {
    ...{ code: 'BackendWithoutEndpoints', severity: 'warning', at: at(0, '.backends[0]') },
    what: 'a Service with nothing behind it',
    has: [...EMPTY, ...routes({ backends: [{ service: 'next' }] })],
    says: /100 % of the requests/,
    hasNot: {
      'something is': [
        ...EMPTY,
        ...set('Workload', workload('shop/next', { addresses: ['10.0.0.9'] })),
        ...set('EndpointSlice', slice('shop/next', { 'shop/next': '10.0.0.9' })),
        ...routes({ backends: [{ service: 'next' }] }),
      ],
      'it does not exist, which is another finding': routes({ backends: [{ service: 'gone' }] }),
      'it is nobody’s business': [
        ...set('Service', service('ops/far', { ports: PORTS })),
        ...routes({ backends: [{ service: 'far', namespace: 'ops' }] }),
      ],
    },
  },
  {
    ...{ code: 'BackendNotFound', severity: 'error', at: 'shop/p spec.traffic.routes[r0].backends[0]' },
    what: 'a backend that does not exist',
    has: routes({ backends: [{ service: 'gone' }] }),
    says: /Service shop\/gone does not exist/,
    hasNot: { 'it does': routes({ backends: [{ service: 'web' }] }) },
  },
  {
    ...{ code: 'RefNotPermitted', severity: 'error', at: 'shop/p spec.traffic.routes[r0].backends[0]' },
    what: 'a backend of a namespace that has not agreed',
    has: [
      ...set('Service', service('ops/far', { ports: PORTS })),
      ...routes({ backends: [{ service: 'far', namespace: 'ops' }] }),
    ],
    says: /ops\/far is of another namespace/,
    hasNot: {
      'it has': [
        ...set('Service', service('ops/far', { ports: PORTS })),
        ...set('ReferenceGrant', referenceGrant('ops/g', ['shop'])),
        ...routes({ backends: [{ service: 'far', namespace: 'ops' }] }),
      ],
    },
  },
  {
    ...{ code: 'NonIdempotentRetry', severity: 'warning', at: at(0, '.retry.nonIdempotent') },
    what: 'a POST that may be sent twice',
    has: routes({ retry: { attempts: 2, nonIdempotent: true } }),
    says: /POST that failed half-way is sent again/,
    hasNot: {
      'it may not': routes({ retry: { attempts: 2 } }),
      'nothing is sent again': routes({ retry: { attempts: 0, nonIdempotent: true } }),
      'the route is for GET alone': routes({ match: [{ methods: ['GET'] }], retry: { nonIdempotent: true } }),
    },
  },
  {
    ...{ code: 'MirrorToItself', severity: 'warning', at: at(0, '.mirror') },
    what: 'copies to the Service that is called',
    has: routes({ mirror: { service: 'pay', percent: 50 } }),
    says: /gets 150 % of the requests/,
    hasNot: { 'to another': routes({ mirror: { service: 'web' } }) },
  },
  {
    ...{ code: 'RoutesOnOpaque', severity: 'warning', at: 'shop/p spec.traffic.routes' },
    what: 'routes to a port that is declared TCP',
    has: [...opaque('TCP'), ...routes({})],
    says: /shop\/pay:80 is declared/,
    hasNot: {
      'it is declared HTTP': routes({}),
      'it is declared gRPC': [...opaque('GRPC'), ...routes({})],
      'a policy declares it HTTP': [
        ...opaque('TCP'),
        ...says({ target: PAY, traffic: { protocol: 'HTTP', routes: [{ name: 'r0' }] } }),
      ],
    },
  },
];

testFindings('routes that do not do what they say', ROWS);
