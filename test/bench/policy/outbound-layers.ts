import type { DestinationRoute } from '../../../api/destination-traffic.ts';
import { type LoadRequest, SMALL_REQUEST } from '../machine/load.ts';
import { type Layer, outboundLayer } from './layer.ts';

const route = (more: Partial<DestinationRoute>): { routes: DestinationRoute[] } => ({
  routes: [{ name: 'all', policy: 'shop/api', ...more }],
});
/** The last route takes the requests. */
const matched = (matches: readonly NonNullable<DestinationRoute['match']>[]) => ({
  routes: [
    ...matches.map((match, i) => ({ name: `route-${i}`, policy: 'shop/api', match })),
    ...route({}).routes,
  ],
});
const BY_PATH = [
  [{ path: { type: 'Exact' as const, value: '/health' } }],
  [{ path: { type: 'PathPrefix' as const, value: '/v1' }, methods: ['GET'] }],
  [{ path: { type: 'PathPrefix' as const, value: '/v2' }, methods: ['POST'] }],
];
const BY_HEADER = [
  [{ headers: [{ name: 'x-canary', type: 'Exact' as const, value: 'always' }] }],
  [{ headers: [{ name: 'x-tester', type: 'Present' as const }] }],
];
const BY_REGEX = [
  [{ path: { type: 'RegularExpression' as const, value: '/users/[0-9]+(/.*)?' } }],
  [{ headers: [{ name: 'x-version', type: 'RegularExpression' as const, value: 'v[0-9]+' }] }],
];
const CHANGES = {
  request: {
    remove: ['x-old'],
    set: [{ name: 'x-team', value: 'payments' }],
    add: [{ name: 'x-via', value: 'mesh' }],
  },
  response: { set: [{ name: 'x-served-by', value: 'mesh' }] },
};
const POST: LoadRequest = { path: '/', post: 100 };
const WITH_VERSION: LoadRequest = { ...SMALL_REQUEST, headers: { 'X-Version': 'stable' } };
const WITH_USER: LoadRequest = { ...SMALL_REQUEST, varying: { header: 'x-user', values: 5_000 } };
const RETRY = { attempts: 2, conditions: ['Reset' as const, 'GatewayError' as const] };

export const OUTBOUND_LAYERS: readonly Layer[] = [
  outboundLayer('routes-path', 'three routes by path and method before the one taken', matched(BY_PATH)),
  outboundLayer('routes-header', 'two routes by header before the one taken', matched(BY_HEADER)),
  outboundLayer(
    'routes-regex',
    'two routes by regular expression, of path and of header, before the one taken',
    matched(BY_REGEX),
    0,
    WITH_VERSION,
  ),
  outboundLayer(
    'weights',
    'two backends by weight',
    route({
      backends: [
        { backend: 0, weight: 90 },
        { backend: 1, weight: 10 },
      ],
    }),
    2,
  ),
  outboundLayer(
    'header-changes',
    'three changes of the request, one of the response',
    route({ headers: CHANGES }),
  ),
  outboundLayer(
    'rewrite',
    'another path and host',
    route({ rewrite: { path: { type: 'ReplaceFullPath', value: '/there' }, host: 'there.example' } }),
  ),
  outboundLayer(
    'timeouts',
    'of request and attempt, and idle',
    route({ timeout: { requestMs: 15_000, attemptMs: 5_000, idleMs: 60_000 } }),
  ),
  outboundLayer('retries', 'retries that are never needed', route({ retry: RETRY })),
  outboundLayer(
    'retries-post',
    'the same of POST with 100 bytes, which are kept',
    route({ retry: { ...RETRY, nonIdempotent: true } }),
    0,
    POST,
  ),
  outboundLayer('outlier', 'outlier detection by errors and success rate', {
    outlierDetection: { consecutiveErrors: 5, successRate: { stdevFactorThousandths: 1_900 } },
  }),
  outboundLayer('breaker', 'a circuit breaker that is never reached', {
    circuitBreaker: { maxConnections: 1_000, maxPendingRequests: 1_000, maxRequests: 1_000 },
  }),
  outboundLayer(
    'hash-header',
    'an endpoint by the hash of a header of 5,000 values',
    { loadBalancing: { algorithm: 'Maglev', hash: { type: 'Header', header: 'x-user' } } },
    0,
    WITH_USER,
  ),
  outboundLayer('hash-source', 'an endpoint by the hash of the caller', {
    loadBalancing: { algorithm: 'RingHash', hash: { type: 'Source' } },
  }),
  outboundLayer(
    'fault-0',
    'a fault that never happens',
    route({ fault: { abort: { percent: 0, status: 503 } } }),
  ),
  outboundLayer(
    'mirror-0',
    'a mirror that is sent nothing',
    route({ mirror: { backend: 0, percent: 0 } }),
    1,
  ),
  outboundLayer(
    'mirror-100',
    'every request is sent twice',
    route({ mirror: { backend: 0, percent: 100 } }),
    1,
  ),
];
