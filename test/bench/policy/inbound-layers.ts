import type { AuthorizationRule, RateLimit } from '../../../api/proxy-config.ts';
import { issuer, TestKey } from '../../../sidecar/testing/tokens.ts';
import { type LoadRequest, SMALL_REQUEST } from '../machine/load.ts';
import { inboundLayer, type Layer, telemetryLayer } from './layer.ts';

const RULE = { policy: 'shop/api', mode: 'Enforce' } as const;
const LAST: AuthorizationRule = {
  ...RULE,
  name: 'loopback',
  action: 'Allow',
  from: [{ ipBlock: '127.0.0.0/8' }],
  to: [{ methods: ['GET', 'POST'], paths: ['/**'] }],
};
/** So many in all, of which only the last matches. */
function rules(count: number): AuthorizationRule[] {
  const others = Array.from({ length: count - 1 }, (_, i) => ({
    ...RULE,
    name: `rule-${i}`,
    action: i % 2 === 0 ? ('Deny' as const) : ('Allow' as const),
    from: [{ namespace: `team-${i}` }],
    to: [{ methods: ['GET'], paths: [`/never/${i}/**`] }],
  }));
  return [...others, LAST];
}
const HEADER_RULES: AuthorizationRule[] = [
  { ...RULE, name: 'debug', action: 'Deny', to: [{ headers: [{ name: 'x-debug', value: 'true' }] }] },
  { ...RULE, name: 'tenant', action: 'Deny', to: [{ headers: [{ name: 'x-tenant', value: 'none' }] }] },
  LAST,
];

/** Never reached: a million a second of each value. */
const limit = (key: RateLimit['key']): RateLimit => ({
  ...{ policy: 'shop/api', name: 'limit', requests: 1_000_000, perMs: 1_000, burst: 1_000_000 },
  key,
});
const limited = { rateLimits: [0] };

const WITH_USER: LoadRequest = { ...SMALL_REQUEST, varying: { header: 'x-user', values: 5_000 } };
const WITH_PATH: LoadRequest = { ...SMALL_REQUEST, path: '/orders/12345/items/42' };
const POST: LoadRequest = { path: '/', post: 100 };

/** `collectorPort`: of whatever takes spans. */
export async function inboundLayers(collectorPort: number): Promise<readonly Layer[]> {
  const key = await TestKey.create();
  const token = await key.sign({ sub: 'user-1', role: 'buyer' });
  const withToken: LoadRequest = { ...SMALL_REQUEST, headers: { Authorization: `Bearer ${token}` } };
  const claims: AuthorizationRule = {
    ...RULE,
    name: 'buyers',
    action: 'Allow',
    when: { jwt: { issuer: 'https://id.example', claims: [{ name: 'role', values: ['buyer', 'admin'] }] } },
  };
  const traced = (samplePercent: number) =>
    telemetryLayer(`tracing-${samplePercent}`, `${samplePercent} % of requests become spans`, {
      tracing: { endpoint: `http://127.0.0.1:${collectorPort}`, samplePercent },
    });
  return [
    inboundLayer('rules-1', 'one authorization rule, by address, method and path', { rules: rules(1) }, DENY),
    inboundLayer('rules-10', 'ten authorization rules, the last one matches', { rules: rules(10) }, DENY),
    inboundLayer('rules-100', '100 authorization rules, the last one matches', { rules: rules(100) }, DENY),
    inboundLayer('rules-header', 'two rules by header, one by address', { rules: HEADER_RULES }, DENY),
    inboundLayer(
      'jwt',
      'a token that was seen before',
      { issuers: [issuer([key])] },
      { issuers: [0] },
      withToken,
    ),
    inboundLayer(
      'jwt-rule',
      'the same, and a rule that asks for a claim',
      { issuers: [issuer([key])], rules: [claims] },
      { ...DENY, issuers: [0] },
      withToken,
    ),
    inboundLayer(
      'limit-source',
      'a rate limit by caller',
      { rateLimits: [limit({ type: 'Source' })] },
      limited,
    ),
    inboundLayer(
      'limit-header',
      'a rate limit by a header of 5,000 values',
      { rateLimits: [limit({ type: 'Header', header: 'x-user' })] },
      limited,
      WITH_USER,
    ),
    inboundLayer(
      'limit-path',
      'a rate limit by path',
      { rateLimits: [limit({ type: 'Path' })] },
      limited,
      WITH_PATH,
    ),
    inboundLayer(
      'body-limit',
      'a limit for bodies, POST of 100 bytes',
      {},
      { limits: { maxBodyBytes: 10_000 } },
      POST,
    ),
    telemetryLayer('log-disabled', 'no access log', { accessLog: { mode: 'Disabled' } }),
    telemetryLayer('log-all', 'a line for every request, to /dev/null', { accessLog: { mode: 'All' } }),
    traced(0),
    traced(1),
    traced(100),
    telemetryLayer(
      'path-template',
      'metrics by path template',
      { metricLabels: ['PathTemplate'] },
      WITH_PATH,
    ),
  ];
}

const DENY = { authorizationDefault: 'Deny' } as const;
