import { type Static, Type } from 'typebox';
import { durationMs } from '../duration.ts';
import { RouteSchema } from './routes.ts';
import { notEmpty, withRules } from './rules.ts';
import {
  closed,
  count,
  duration,
  headerName,
  integer,
  list,
  name,
  named,
  namespaceName,
  only,
  PATTERNS,
  path,
  percent,
  positiveDuration,
  text,
} from './scalars.ts';

const LoadBalancingSchema = withRules(
  notEmpty(
    closed(
      {
        algorithm: Type.Optional(
          Type.Enum(['PeakEWMA', 'RoundRobin', 'LeastRequest', 'Random', 'RingHash', 'Maglev'], {
            description: 'How an endpoint is chosen; PeakEWMA when absent.',
          }),
        ),
        locality: Type.Optional(
          Type.Enum(['PreferSameZone', 'Any'], {
            description:
              'PreferSameZone: endpoints of the caller’s zone first. Any (when absent): all alike.',
          }),
        ),
        slowStart: Type.Optional(duration('A new endpoint gets its full share after so long.')),
        hash: Type.Optional(
          withRules(
            closed(
              {
                type: Type.Enum(['Header', 'Source'], {
                  description: 'What is hashed: the value of a header, or the caller.',
                }),
                header: Type.Optional(headerName('type Header only.')),
              },
              'What keeps requests on one endpoint.',
            ),
            [only('Header', 'header', 'x-user')],
          ),
        ),
      },
      'How an endpoint is chosen.',
    ),
  ),
  [
    {
      cel: "!has(self.hash) || (has(self.algorithm) && self.algorithm in ['RingHash', 'Maglev'])",
      message: 'hash is for RingHash and Maglev only: remove it, or write algorithm: Maglev',
      holds: ({ hash, algorithm }) =>
        hash === undefined || algorithm === 'RingHash' || algorithm === 'Maglev',
    },
  ],
);

const CircuitBreakerSchema = notEmpty(
  closed(
    {
      maxConnections: Type.Optional(count('Open connections.')),
      maxPendingRequests: Type.Optional(count('Requests waiting for a connection.')),
      maxRequests: Type.Optional(count('Requests in flight.')),
      maxRetries: Type.Optional(integer(0, 1_000_000, 'Retries in flight.')),
    },
    'Limits of one caller to the destination; above them requests get 503 at once.',
  ),
);

const OutlierDetectionSchema = notEmpty(
  closed(
    {
      consecutiveErrors: Type.Optional(count('Errors in a row after which an endpoint is ejected.')),
      interval: Type.Optional(positiveDuration('How often endpoints are judged.')),
      baseEjection: Type.Optional(positiveDuration('How long the first ejection lasts; it grows with each.')),
      maxEjectedPercent: Type.Optional(percent('How many of a hundred endpoints may be ejected at once.')),
      successRate: Type.Optional(
        closed(
          {
            minimumHosts: Type.Optional(
              count('Endpoints with enough requests, below which nobody is judged.'),
            ),
            stdevFactorThousandths: integer(
              1,
              100_000,
              'An endpoint this many thousandths of a standard deviation below the mean is ejected.',
            ),
          },
          'Ejects by success rate.',
        ),
      ),
    },
    'Takes failing endpoints out for a while.',
  ),
);

const HealthCheckSchema = withRules(
  closed(
    {
      path: Type.Optional(
        path(
          'The path of a GET that answers 2xx or 3xx when healthy; over HTTP/2 where protocol is HTTP2 or GRPC.',
        ),
      ),
      grpc: Type.Optional(
        closed(
          {
            service: Type.Optional(
              text(
                PATTERNS.healthService,
                253,
                'Whose health is asked for, by the name the server gives it; the whole server’s when absent.',
              ),
            ),
          },
          'Calls grpc.health.v1.Health/Check, which answers SERVING when healthy.',
        ),
      ),
      interval: Type.Optional(positiveDuration('How often.')),
      timeout: Type.Optional(positiveDuration('How long an answer may take.')),
      unhealthyAfter: Type.Optional(integer(1, 100, 'Failures in a row.')),
      healthyAfter: Type.Optional(integer(1, 100, 'Successes in a row.')),
    },
    'Asks endpoints actively.',
  ),
  [
    {
      cel: 'has(self.path) != has(self.grpc)',
      message:
        'healthCheck needs either path or grpc: write {path: /healthz}, or {grpc: {}} for the gRPC health service',
      holds: ({ path, grpc }) => (path === undefined) !== (grpc === undefined),
    },
    {
      cel: '!has(self.interval) || !has(self.timeout) || duration(self.timeout) <= duration(self.interval)',
      message:
        'healthCheck.timeout must not be longer than healthCheck.interval: write {interval: 5s, timeout: 1s}',
      holds: ({ interval, timeout }) =>
        interval === undefined || timeout === undefined || durationMs(timeout) <= durationMs(interval),
    },
  ],
);

const BESIDE_TO = [
  'protocol',
  'routes',
  'timeout',
  'retryBudget',
  'loadBalancing',
  'circuitBreaker',
  'outlierDetection',
  'healthCheck',
] as const;

export const TrafficSchema = withRules(
  notEmpty(
    closed(
      {
        to: Type.Optional(
          list(
            closed(
              {
                service: name('A Service.'),
                namespace: Type.Optional(
                  namespaceName('Its namespace, if another; needs a ReferenceGrant there.'),
                ),
              },
              'A destination.',
            ),
            16,
            'Only for targets Workload and Namespace: the Services the target calls. A consumer’s own view.',
          ),
        ),
        protocol: Type.Optional(
          Type.Enum(['HTTP', 'HTTP2', 'GRPC', 'TCP'], {
            description:
              'What the destination speaks; when absent appProtocol, otherwise who speaks first decides.',
          }),
        ),
        routes: Type.Optional(
          named(RouteSchema, 32, 'Routes by Gateway API precedence; the order of the list breaks ties.'),
        ),
        timeout: Type.Optional(
          notEmpty(
            closed(
              {
                connect: Type.Optional(duration('Establishing a connection.')),
                request: Type.Optional(duration('The whole request, retries included; 0s is none.')),
                idle: Type.Optional(duration('Without a byte; 0s is none.')),
              },
              'Defaults of every route.',
            ),
          ),
        ),
        retryBudget: Type.Optional(
          notEmpty(
            closed(
              {
                percent: Type.Optional(percent('Retries per hundred requests.')),
                minPerSecond: Type.Optional(integer(0, 10_000, 'Retries always allowed.')),
              },
              'How many retries a caller may make.',
            ),
          ),
        ),
        loadBalancing: Type.Optional(LoadBalancingSchema),
        circuitBreaker: Type.Optional(CircuitBreakerSchema),
        outlierDetection: Type.Optional(OutlierDetectionSchema),
        healthCheck: Type.Optional(HealthCheckSchema),
      },
      'How callers reach the target Service; enforced by the callers’ sidecars.',
    ),
  ),
  [
    {
      cel: "!has(self.routes) || !has(self.protocol) || self.protocol != 'TCP'",
      message: 'protocol TCP has no routes: remove routes, or write protocol: HTTP',
      holds: ({ routes, protocol }) => routes === undefined || protocol !== 'TCP',
    },
    {
      cel: `!has(self.to) || ${BESIDE_TO.map((field) => `has(self.${field})`).join(' || ')}`,
      message: 'traffic.to alone changes nothing: set protocol, routes, timeout or another field beside it',
      holds: (traffic) => traffic.to === undefined || BESIDE_TO.some((field) => traffic[field] !== undefined),
    },
  ],
);
export type Traffic = Static<typeof TrafficSchema>;
