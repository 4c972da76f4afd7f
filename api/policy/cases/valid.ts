import { from, type PolicyCase, route, rules, service, strict, to, traffic, valid } from './case.ts';

const selector = { matchLabels: { app: 'payments', 'app.kubernetes.io/version': 'v1.2' } };

/** The example of the contract, with its unions written out. */
const everything = {
  target: { ...service, ports: ['http', 8080] },
  enforcement: 'Default',
  inbound: {
    mtls: { mode: 'Strict' },
    authorization: {
      mode: 'Enforce',
      default: 'Deny',
      rules: [
        {
          name: 'web-reads',
          action: 'Allow',
          from: [
            { serviceAccount: 'web' },
            { namespace: 'ops', serviceAccount: '*' },
            { spiffeId: 'spiffe://other.example/ns/a/sa/b' },
            { ipBlock: '10.0.0.0/8' },
          ],
          to: [
            {
              methods: ['GET'],
              paths: ['/v1/*', '/v2/**'],
              hosts: ['*.example.com'],
              headers: [{ name: 'x-a', value: 'b' }],
              grpc: { service: 'pay.Api', methods: ['Get'] },
            },
          ],
          when: { jwt: { issuer: 'https://id.example', claims: { role: ['admin'] } } },
        },
      ],
    },
    jwt: {
      issuers: [
        {
          name: 'staff',
          issuer: 'https://id.example',
          jwks: { type: 'URI', uri: 'https://id.example/keys?v=1' },
          audiences: ['payments'],
          fromHeaders: ['x-token'],
          forward: false,
        },
        { name: 'test', issuer: 'https://test.example', jwks: { type: 'Inline', inline: '{"keys":[]}' } },
      ],
    },
    rateLimit: [
      { name: 'per-caller', requests: 100, per: '1s', burst: 50, key: { type: 'Source' } },
      { name: 'per-user', requests: 5, per: '1m30s', key: { type: 'Header', header: 'x-user' } },
    ],
    limits: {
      maxConnections: 1000,
      maxPendingRequests: 100,
      maxHeaderSize: '64Ki',
      maxBodySize: 1048576,
      idleTimeout: '5m',
    },
  },
  traffic: {
    protocol: 'HTTP',
    routes: [
      {
        name: 'canary',
        match: [
          {
            path: { type: 'PathPrefix', value: '/v2' },
            methods: ['GET'],
            headers: [{ name: 'x-canary', value: 'y.*', type: 'RegularExpression' }],
            queryParams: [{ name: 'debug', value: '1', type: 'Exact' }],
            from: [
              { serviceAccount: 'web' },
              { namespace: 'ops', serviceAccount: '*' },
              { spiffeId: 'spiffe://other.example/ns/a/sa/b' },
              { ipBlock: 'fd00::/8' },
            ],
          },
        ],
        backends: [
          { service: 'payments', port: 80, weight: 90, selector },
          { service: 'payments', namespace: 'other', port: 80, weight: 10 },
        ],
        mirror: { service: 'payments-shadow', namespace: 'other', port: 8080, percent: 5 },
        rewrite: { path: { type: 'ReplacePrefixMatch', value: '/' }, host: 'payments.internal' },
        headers: {
          request: {
            set: [{ name: 'x-a', value: 'b' }],
            add: [{ name: 'x-d', value: 'e' }],
            remove: ['x-b'],
          },
          response: {
            set: [{ name: 'x-a', value: 'b' }],
            add: [{ name: 'x-c', value: 'd e' }],
            remove: ['x-b'],
          },
        },
        timeout: { request: '2s', attempt: '500ms', idle: '1m' },
        retry: {
          attempts: 2,
          conditions: ['ConnectFailure', 'GrpcUnavailable'],
          codes: [429],
          backoff: { base: '25ms', max: '250ms' },
          nonIdempotent: false,
        },
        fault: {
          abort: { percent: 1, status: 503 },
          delay: { percent: 5, duration: '200ms' },
          bandwidth: '1Mi',
        },
      },
      { name: 'moved', redirect: { scheme: 'https', host: 'pay.example', port: 443, status: 308 } },
    ],
    timeout: { connect: '1s', request: '10s', idle: '5m' },
    retryBudget: { percent: 20, minPerSecond: 10 },
    loadBalancing: {
      algorithm: 'Maglev',
      locality: 'PreferSameZone',
      slowStart: '30s',
      hash: { type: 'Header', header: 'x-user' },
    },
    circuitBreaker: { maxConnections: 1000, maxPendingRequests: 1000, maxRequests: 1000, maxRetries: 10 },
    outlierDetection: {
      consecutiveErrors: 5,
      interval: '10s',
      baseEjection: '30s',
      maxEjectedPercent: 50,
      successRate: { minimumHosts: 5, stdevFactorThousandths: 1900 },
    },
    healthCheck: { path: '/healthz', interval: '5s', timeout: '1s', unhealthyAfter: 3, healthyAfter: 2 },
  },
  egress: { mode: 'AllowListed', hosts: [{ host: '*.example.com', ports: [443], tls: 'Originate' }] },
  telemetry: {
    accessLog: { mode: 'Sampled', samplePercent: 1 },
    tracing: { endpoint: 'http://otel-collector:4318', samplePercent: 1 },
    metrics: { labels: ['PathTemplate'] },
  },
};

export const VALID_CASES: readonly PolicyCase[] = [
  valid('everything at once', everything),
  valid('no target: the namespace of the policy', { inbound: strict }),
  valid('the whole mesh', { target: { kind: 'Mesh' }, inbound: strict }),
  valid('a namespace', { target: { kind: 'Namespace' }, inbound: strict }),
  valid('a workload by its labels', { target: { kind: 'Workload', selector }, inbound: strict }),
  valid('a Service', { target: service, inbound: strict }),
  valid('ports by number and name', {
    target: { kind: 'Namespace', ports: [80, 'http-web'] },
    inbound: strict,
  }),
  valid('several Workloads, by their ports', {
    targetRefs: [
      { kind: 'Workload', selector, ports: ['http'] },
      { kind: 'Workload', selector: { matchLabels: { app: 'cart' } }, ports: [8080] },
    ],
    inbound: strict,
  }),
  valid('several Services', { targetRefs: [service, { kind: 'Service', name: 'cart' }], inbound: strict }),
  valid('a mandatory policy', { enforcement: 'Mandatory', inbound: strict }),
  valid('permissive mTLS', { inbound: { mtls: { mode: 'Permissive' } } }),
  valid('deny by default without rules', { inbound: { authorization: { default: 'Deny' } } }),
  valid('an audited rule', {
    inbound: { authorization: { mode: 'Audit', rules: [{ name: 'all', action: 'Deny' }] } },
  }),
  valid('a rule for anybody and anything', rules({ name: 'all', action: 'Allow' })),
  valid('a whole namespace as caller', from({ namespace: 'ops' })),
  valid('any service account of a namespace', from({ namespace: 'ops', serviceAccount: '*' })),
  valid('an IPv6 block', from({ ipBlock: 'fd00:1::/32' })),
  valid('every address', from({ ipBlock: '0.0.0.0/0' }, { ipBlock: '::/0' })),
  valid('one address', from({ ipBlock: '192.168.255.1/32' })),
  valid('a foreign SPIFFE ID of any path', from({ spiffeId: 'spiffe://example.org/vm/db-1' })),
  valid('a service account with dots', from({ serviceAccount: 'web.v2' })),
  valid('globs of paths', to({ paths: ['/', '/a/', '/a/*/b', '/**', '/a.b/..c/.../d'] })),
  valid('an extension method', to({ methods: ['M-SEARCH'] })),
  valid('a gRPC service', to({ grpc: { service: 'pay.v1.Api' } })),
  valid(
    'a token of any claims',
    rules({ name: 'a', action: 'Deny', when: { jwt: { issuer: 'https://a.b' } } }),
  ),
  valid('a global rate limit without burst', {
    inbound: { rateLimit: [{ name: 'all', requests: 1, per: '1h', key: { type: 'Global' } }] },
  }),
  valid('a body of no bytes', { inbound: { limits: { maxBodySize: 0 } } }),
  valid('a protocol', traffic({ protocol: 'GRPC' })),
  valid('the protocol TCP with limits', traffic({ protocol: 'TCP', circuitBreaker: { maxConnections: 5 } })),
  valid('traffic of a namespace to all of its Services', { traffic: { timeout: { request: '1s' } } }),
  valid('a consumer’s own view', {
    target: { kind: 'Workload', selector },
    traffic: { to: [{ service: 'payments', namespace: 'shop' }], timeout: { request: '1s' } },
  }),
  valid('routes of a consumer’s own view', {
    traffic: { to: [{ service: 'payments' }], routes: [{ name: 'all', retry: { attempts: 1 } }] },
  }),
  valid(
    'one backend of weight 0 beside another',
    route({
      backends: [{ service: 'a', weight: 0 }, { service: 'b' }],
    }),
  ),
  valid(
    'a route by expression',
    route({ match: [{ path: { type: 'RegularExpression', value: '.*[.]png' } }] }),
  ),
  valid(
    'a redirection of the path',
    route({ redirect: { path: { type: 'ReplaceFullPath', value: '/new' } } }),
  ),
  valid('retries turned off', route({ retry: { attempts: 0 } })),
  valid(
    'an attempt without end in a request without end',
    route({ timeout: { request: '0s', attempt: '1m' } }),
  ),
  valid('round robin', traffic({ loadBalancing: { algorithm: 'RoundRobin' } })),
  valid(
    'hashing of the caller',
    traffic({ loadBalancing: { algorithm: 'RingHash', hash: { type: 'Source' } } }),
  ),
  valid('a health check of a whole gRPC server', traffic({ healthCheck: { grpc: {} } })),
  valid(
    'a health check of a gRPC service by any name',
    traffic({ healthCheck: { grpc: { service: 'shop-v1.Orders/ready' }, interval: '1s', timeout: '1s' } }),
  ),
  valid('egress to nothing', { egress: { mode: 'AllowListed' } }),
  valid('TLS for a host', { egress: { hosts: [{ host: 'api.example.com', tls: 'Originate' }] } }),
  valid('no access log', { telemetry: { accessLog: { mode: 'Disabled' } } }),
];
