import { type Static, Type } from 'typebox';

/**
 * How a destination is reached: merged and resolved by the operator, every duration in milliseconds, nothing
 * left to interpret. An absent field means what `sidecar/` takes as its default; 0 as a timeout means none.
 */

const closed = { additionalProperties: false } as const;
const Milliseconds = Type.Integer({ minimum: 0, maximum: 2_147_483_647 });
const Count = Type.Integer({ minimum: 1, maximum: 1_000_000 });
const Percent = Type.Integer({ minimum: 0, maximum: 100 });

const ValueMatchSchema = Type.Object(
  {
    /** lower case for headers */
    name: Type.String({ minLength: 1, maxLength: 256 }),
    type: Type.Union([Type.Literal('Exact'), Type.Literal('Present'), Type.Literal('Absent')]),
    /** type Exact only */
    value: Type.Optional(Type.String({ maxLength: 4096 })),
  },
  closed,
);
export type ValueMatch = Static<typeof ValueMatchSchema>;

/** All given fields must match. Paths are in normal form; PathPrefix matches whole segments. */
const RouteMatchSchema = Type.Object(
  {
    path: Type.Optional(
      Type.Object(
        {
          type: Type.Union([Type.Literal('Exact'), Type.Literal('PathPrefix')]),
          value: Type.String({ minLength: 1, maxLength: 1024, pattern: '^/' }),
        },
        closed,
      ),
    ),
    methods: Type.Optional(Type.Array(Type.String(), { minItems: 1, maxItems: 16 })),
    headers: Type.Optional(Type.Array(ValueMatchSchema, { minItems: 1, maxItems: 16 })),
    queryParams: Type.Optional(Type.Array(ValueMatchSchema, { minItems: 1, maxItems: 16 })),
  },
  closed,
);
export type RouteMatch = Static<typeof RouteMatchSchema>;

export const RetryPolicySchema = Type.Object(
  {
    /** further attempts after the first */
    attempts: Type.Integer({ minimum: 0, maximum: 10 }),
    conditions: Type.Array(
      Type.Union([
        Type.Literal('ConnectFailure'),
        Type.Literal('Reset'),
        /** any 5xx */
        Type.Literal('ServerError'),
        /** 502, 503, 504 */
        Type.Literal('GatewayError'),
        Type.Literal('GrpcUnavailable'),
      ]),
      { maxItems: 5 },
    ),
    codes: Type.Optional(Type.Array(Type.Integer({ minimum: 400, maximum: 599 }), { maxItems: 16 })),
    backoffBaseMs: Type.Optional(Milliseconds),
    backoffMaxMs: Type.Optional(Milliseconds),
    nonIdempotent: Type.Optional(Type.Boolean()),
  },
  closed,
);
export type RetryPolicy = Static<typeof RetryPolicySchema>;

export const DestinationRouteSchema = Type.Object(
  {
    name: Type.String({ minLength: 1, maxLength: 253 }),
    /** any of them; absent: every request */
    match: Type.Optional(Type.Array(RouteMatchSchema, { minItems: 1, maxItems: 8 })),
    timeout: Type.Optional(
      Type.Object(
        {
          requestMs: Type.Optional(Milliseconds),
          attemptMs: Type.Optional(Milliseconds),
          idleMs: Type.Optional(Milliseconds),
        },
        closed,
      ),
    ),
    retry: Type.Optional(RetryPolicySchema),
  },
  closed,
);
export type DestinationRoute = Static<typeof DestinationRouteSchema>;

export const LoadBalancingSchema = Type.Object(
  {
    algorithm: Type.Optional(
      Type.Union([
        Type.Literal('PeakEWMA'),
        Type.Literal('RoundRobin'),
        Type.Literal('LeastRequest'),
        Type.Literal('Random'),
        Type.Literal('RingHash'),
        Type.Literal('Maglev'),
      ]),
    ),
    locality: Type.Optional(Type.Union([Type.Literal('PreferSameZone'), Type.Literal('Any')])),
    slowStartMs: Type.Optional(Milliseconds),
    /** for RingHash and Maglev; absent: the caller's connection */
    hash: Type.Optional(
      Type.Union([
        Type.Object(
          { type: Type.Literal('Header'), header: Type.String({ minLength: 1, maxLength: 256 }) },
          closed,
        ),
        Type.Object({ type: Type.Literal('Source') }, closed),
      ]),
    ),
    /** fewer usable endpoints than this: the verdicts are not believed, and all are used; 0 turns it off */
    panicPercent: Type.Optional(Percent),
  },
  closed,
);
export type LoadBalancing = Static<typeof LoadBalancingSchema>;

/** Limits of one sidecar to the destination. */
export const CircuitBreakerSchema = Type.Object(
  {
    maxConnections: Type.Optional(Count),
    maxPendingRequests: Type.Optional(Count),
    maxRequests: Type.Optional(Count),
    maxRetries: Type.Optional(Type.Integer({ minimum: 0, maximum: 1_000_000 })),
  },
  closed,
);
export type CircuitBreakerPolicy = Static<typeof CircuitBreakerSchema>;

export const OutlierDetectionSchema = Type.Object(
  {
    consecutiveErrors: Type.Optional(Count),
    intervalMs: Type.Optional(Milliseconds),
    baseEjectionMs: Type.Optional(Milliseconds),
    maxEjectedPercent: Type.Optional(Percent),
    successRate: Type.Optional(
      Type.Object(
        {
          minimumHosts: Type.Optional(Count),
          stdevFactorThousandths: Type.Integer({ minimum: 1, maximum: 100_000 }),
        },
        closed,
      ),
    ),
  },
  closed,
);
export type OutlierDetectionPolicy = Static<typeof OutlierDetectionSchema>;

export const HealthCheckSchema = Type.Object(
  {
    path: Type.String({ minLength: 1, maxLength: 1024, pattern: '^/' }),
    intervalMs: Type.Optional(Milliseconds),
    timeoutMs: Type.Optional(Milliseconds),
    unhealthyAfter: Type.Optional(Type.Integer({ minimum: 1, maximum: 100 })),
    healthyAfter: Type.Optional(Type.Integer({ minimum: 1, maximum: 100 })),
  },
  closed,
);
export type HealthCheckPolicy = Static<typeof HealthCheckSchema>;

export const RetryBudgetSchema = Type.Object(
  {
    percent: Type.Optional(Percent),
    minPerSecond: Type.Optional(Type.Integer({ minimum: 0, maximum: 10_000 })),
  },
  closed,
);
export type RetryBudgetPolicy = Static<typeof RetryBudgetSchema>;

export const DestinationTrafficSchema = Type.Object(
  {
    /** sorted by precedence: the first that matches is taken; none matches: `no-route` */
    routes: Type.Optional(Type.Array(DestinationRouteSchema, { minItems: 1, maxItems: 4096 })),
    /** defaults of every route */
    timeout: Type.Optional(
      Type.Object(
        {
          connectMs: Type.Optional(Milliseconds),
          requestMs: Type.Optional(Milliseconds),
          idleMs: Type.Optional(Milliseconds),
        },
        closed,
      ),
    ),
    retry: Type.Optional(RetryPolicySchema),
    retryBudget: Type.Optional(RetryBudgetSchema),
    loadBalancing: Type.Optional(LoadBalancingSchema),
    circuitBreaker: Type.Optional(CircuitBreakerSchema),
    outlierDetection: Type.Optional(OutlierDetectionSchema),
    healthCheck: Type.Optional(HealthCheckSchema),
  },
  closed,
);
export type DestinationTraffic = Static<typeof DestinationTrafficSchema>;
