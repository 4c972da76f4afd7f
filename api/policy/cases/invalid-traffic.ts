import { broken, misshapen, type PolicyCase, ROUTE_AT, route, traffic } from './case.ts';

const selector = { matchLabels: { app: 'payments' } };

export const INVALID_TRAFFIC: readonly PolicyCase[] = [
  broken(
    'traffic.to on a Service',
    'spec',
    'traffic.to is for targets of kind Workload and Namespace',
    traffic({ to: [{ service: 'a' }], protocol: 'HTTP' }),
  ),
  broken('traffic of a Workload without to', 'spec', 'traffic of a Workload target needs to', {
    target: { kind: 'Workload', selector },
    traffic: { protocol: 'HTTP' },
  }),
  broken('traffic.to alone', 'spec.traffic', 'traffic.to alone changes nothing', {
    traffic: { to: [{ service: 'a' }] },
  }),
  broken('routes of a namespace', 'spec', 'routes belong to one destination', {
    traffic: { routes: [{ name: 'a' }] },
  }),
  broken(
    'routes over TCP',
    'spec.traffic',
    'protocol TCP has no routes',
    traffic({ protocol: 'TCP', routes: [{ name: 'a' }] }),
  ),
  misshapen(
    'an unknown protocol',
    'spec.traffic.protocol',
    'Unsupported value',
    traffic({ protocol: 'http' }),
  ),
  misshapen('a route without name', `${ROUTE_AT}.name`, 'Required value', traffic({ routes: [{}] })),
  misshapen(
    'two routes of one name',
    'spec.traffic.routes[1]',
    'Duplicate value',
    traffic({ routes: [{ name: 'a' }, { name: 'a' }] }),
  ),
  broken(
    'weights that sum to 0',
    ROUTE_AT,
    'the weights of the backends sum to 0',
    route({
      backends: [
        { service: 'a', weight: 0 },
        { service: 'b', weight: 0 },
      ],
    }),
  ),
  misshapen(
    'a negative weight',
    `${ROUTE_AT}.backends[0].weight`,
    'should be greater than or equal to 0',
    route({ backends: [{ service: 'a', weight: -1 }] }),
  ),
  broken(
    'a redirection with backends',
    ROUTE_AT,
    'a route with redirect answers by itself',
    route({ redirect: { port: 443 }, backends: [{ service: 'a' }] }),
  ),
  broken(
    'a prefix replaced where none is matched',
    ROUTE_AT,
    'ReplacePrefixMatch needs a prefix to replace',
    route({
      match: [{ path: { type: 'Exact', value: '/a' } }],
      rewrite: { path: { type: 'ReplacePrefixMatch', value: '/b' } },
    }),
  ),
  broken(
    'a redirection of a prefix where none is matched',
    ROUTE_AT,
    'ReplacePrefixMatch needs a prefix to replace',
    route({
      match: [{ methods: ['GET'] }],
      redirect: { path: { type: 'ReplacePrefixMatch', value: '/b' } },
    }),
  ),
  broken('an empty match', `${ROUTE_AT}.match[0]`, 'set at least one of path', route({ match: [{}] })),
  broken(
    'a path match without slash',
    `${ROUTE_AT}.match[0].path`,
    'a path starts with "/"',
    route({ match: [{ path: { type: 'Exact', value: 'v1' } }] }),
  ),
  misshapen(
    'a redirection with another status',
    `${ROUTE_AT}.redirect.status`,
    'Unsupported value',
    route({ redirect: { status: 200 } }),
  ),
  broken(
    'a header of the mesh',
    `${ROUTE_AT}.headers.request.set[0].name`,
    'headers that start with weft- belong to the mesh',
    route({ headers: { request: { set: [{ name: 'Weft-Caller', value: 'a' }] } } }),
  ),
  broken(
    'a header that frames the message',
    `${ROUTE_AT}.headers.request.add[0].name`,
    'headers of the connection and of framing',
    route({ headers: { request: { add: [{ name: 'Content-Length', value: '0' }] } } }),
  ),
  broken(
    'the host removed as a header',
    `${ROUTE_AT}.headers.request.remove[0]`,
    'for the host write rewrite',
    route({ headers: { request: { remove: ['host'] } } }),
  ),
  misshapen(
    'a rewrite to many hosts',
    `${ROUTE_AT}.rewrite.host`,
    'should match',
    route({ rewrite: { host: '*.example.com' } }),
  ),
  misshapen(
    'a redirection to many hosts',
    `${ROUTE_AT}.redirect.host`,
    'should match',
    route({ redirect: { host: '*.example.com' } }),
  ),
  misshapen(
    'a redirection to another scheme',
    `${ROUTE_AT}.redirect.scheme`,
    'Unsupported value',
    route({ redirect: { scheme: 'ftp' } }),
  ),
  broken('a rewrite of nothing', `${ROUTE_AT}.rewrite`, 'must not be empty', route({ rewrite: {} })),
  misshapen(
    'a rewritten path with a query',
    `${ROUTE_AT}.rewrite.path.value`,
    'should match',
    route({ rewrite: { path: { type: 'ReplaceFullPath', value: '/a?b' } } }),
  ),
  misshapen(
    'an abort with no status of HTTP',
    `${ROUTE_AT}.fault.abort.status`,
    'should be greater than or equal to 200',
    route({ fault: { abort: { percent: 1, status: 42 } } }),
  ),
  misshapen(
    'a delay without unit',
    `${ROUTE_AT}.fault.delay.duration`,
    'should match',
    route({ fault: { delay: { percent: 1, duration: '200' } } }),
  ),
  misshapen(
    'a bandwidth below nothing',
    `${ROUTE_AT}.fault.bandwidth`,
    'should be greater than or equal to 0',
    route({ fault: { bandwidth: -1 } }),
  ),
  misshapen(
    'a mirror without service',
    `${ROUTE_AT}.mirror.service`,
    'Required value',
    route({ mirror: { percent: 5 } }),
  ),
  misshapen(
    'a mirror of more than all',
    `${ROUTE_AT}.mirror.percent`,
    'should be less than or equal to 100',
    route({ mirror: { service: 'shadow', percent: 101 } }),
  ),
  misshapen(
    'a line break in a header',
    `${ROUTE_AT}.headers.request.set[0].value`,
    'should match',
    route({ headers: { request: { set: [{ name: 'a', value: 'b\r\nc: d' }] } } }),
  ),
  broken(
    'an attempt longer than the request',
    `${ROUTE_AT}.timeout`,
    'timeout.attempt must not be longer',
    route({ timeout: { request: '1s', attempt: '1001ms' } }),
  ),
  misshapen(
    'too many attempts',
    `${ROUTE_AT}.retry.attempts`,
    'should be less than or equal to 10',
    route({ retry: { attempts: 11 } }),
  ),
  misshapen(
    'a retry of a success',
    `${ROUTE_AT}.retry.codes[0]`,
    'should be greater than or equal to 400',
    route({ retry: { codes: [200] } }),
  ),
  misshapen(
    'an unknown retry condition',
    `${ROUTE_AT}.retry.conditions[0]`,
    'Unsupported value',
    route({ retry: { conditions: ['5xx'] } }),
  ),
  broken(
    'a backoff from long to short',
    `${ROUTE_AT}.retry.backoff`,
    'backoff.base must not be longer',
    route({ retry: { backoff: { base: '1s', max: '1ms' } } }),
  ),
  misshapen(
    'more than a hundred percent',
    `${ROUTE_AT}.fault.abort.percent`,
    'should be less than or equal to 100',
    route({ fault: { abort: { percent: 101, status: 503 } } }),
  ),
  broken(
    'hashing with another algorithm',
    'spec.traffic.loadBalancing',
    'hash is for RingHash and Maglev only',
    traffic({ loadBalancing: { algorithm: 'Random', hash: { type: 'Source' } } }),
  ),
  broken(
    'hashing of no header',
    'spec.traffic.loadBalancing.hash',
    'type: Header needs header',
    traffic({ loadBalancing: { algorithm: 'Maglev', hash: { type: 'Header' } } }),
  ),
  broken(
    'a health check of nothing',
    'spec.traffic.healthCheck',
    'healthCheck needs either path or grpc: write {path: /healthz}, or {grpc: {}}',
    traffic({ healthCheck: { interval: '5s' } }),
  ),
  broken(
    'a health check of two things',
    'spec.traffic.healthCheck',
    'healthCheck needs either path or grpc: write {path: /healthz}, or {grpc: {}}',
    traffic({ healthCheck: { path: '/', grpc: {} } }),
  ),
  misshapen(
    'a health check of a service with a space in its name',
    'spec.traffic.healthCheck.grpc.service',
    'should match',
    traffic({ healthCheck: { grpc: { service: 'shop Orders' } } }),
  ),
  broken(
    'a health check that overtakes itself',
    'spec.traffic.healthCheck',
    'healthCheck.timeout must not be longer',
    traffic({ healthCheck: { path: '/', interval: '1s', timeout: '2s' } }),
  ),
  broken(
    'an empty circuit breaker',
    'spec.traffic.circuitBreaker',
    'set at least one of maxConnections',
    traffic({ circuitBreaker: {} }),
  ),
  misshapen('an egress host with path', 'spec.egress.hosts[0].host', 'should match', {
    egress: { hosts: [{ host: 'a.example/b' }] },
  }),
  broken('a sample of all', 'spec.telemetry.accessLog', 'mode: Sampled needs samplePercent', {
    telemetry: { accessLog: { mode: 'All', samplePercent: 5 } },
  }),
  broken('a sample of unknown size', 'spec.telemetry.accessLog', 'mode: Sampled needs samplePercent', {
    telemetry: { accessLog: { mode: 'Sampled' } },
  }),
  misshapen('an unknown label', 'spec.telemetry.metrics.labels[0]', 'Unsupported value', {
    telemetry: { metrics: { labels: ['user-id'] } },
  }),
  misshapen('a trace endpoint that is no URL', 'spec.telemetry.tracing.endpoint', 'should match', {
    telemetry: { tracing: { endpoint: 'collector:4318' } },
  }),
];
