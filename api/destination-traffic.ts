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
    /** RegularExpression: RE2, of the whole value */
    type: Type.Union([
      Type.Literal('Exact'),
      Type.Literal('RegularExpression'),
      Type.Literal('Present'),
      Type.Literal('Absent'),
    ]),
    /** types Exact and RegularExpression only */
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
          /** RegularExpression: RE2, of the whole path */
          type: Type.Union([
            Type.Literal('Exact'),
            Type.Literal('PathPrefix'),
            Type.Literal('RegularExpression'),
          ]),
          value: Type.String({ minLength: 1, maxLength: 1024 }),
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

const HeaderName = Type.String({ minLength: 1, maxLength: 256 });
const HeaderSchema = Type.Object({ name: HeaderName, value: Type.String({ maxLength: 1024 }) }, closed);
/** In this order: remove, set, add. */
export const HeaderChangesSchema = Type.Object(
  {
    remove: Type.Optional(Type.Array(HeaderName, { minItems: 1, maxItems: 16 })),
    set: Type.Optional(Type.Array(HeaderSchema, { minItems: 1, maxItems: 16 })),
    add: Type.Optional(Type.Array(HeaderSchema, { minItems: 1, maxItems: 16 })),
  },
  closed,
);
export type HeaderChanges = Static<typeof HeaderChangesSchema>;

export const PathRewriteSchema = Type.Object(
  {
    /** ReplacePrefixMatch: the prefix of the match by which the route was taken, by whole segments */
    type: Type.Union([Type.Literal('ReplacePrefixMatch'), Type.Literal('ReplaceFullPath')]),
    value: Type.String({ minLength: 1, maxLength: 1024, pattern: '^/' }),
  },
  closed,
);
export type PathRewrite = Static<typeof PathRewriteSchema>;

export const RedirectSchema = Type.Object(
  {
    scheme: Type.Optional(Type.Union([Type.Literal('http'), Type.Literal('https')])),
    host: Type.Optional(Type.String({ maxLength: 253 })),
    port: Type.Optional(Type.Integer({ minimum: 1, maximum: 65535 })),
    path: Type.Optional(PathRewriteSchema),
    status: Type.Integer({ minimum: 301, maximum: 308 }),
  },
  closed,
);
export type Redirect = Static<typeof RedirectSchema>;

export const FaultSchema = Type.Object(
  {
    abort: Type.Optional(
      Type.Object({ percent: Percent, status: Type.Integer({ minimum: 200, maximum: 599 }) }, closed),
    ),
    delay: Type.Optional(Type.Object({ percent: Percent, durationMs: Milliseconds }, closed)),
    /** of the answer's body */
    bandwidthBytesPerSecond: Type.Optional(Type.Integer({ minimum: 1, maximum: Number.MAX_SAFE_INTEGER })),
  },
  closed,
);
export type Fault = Static<typeof FaultSchema>;

/** Place in `Destination.backends`; -1: the destination's own endpoints. */
const BackendIndex = Type.Integer({ minimum: -1, maximum: 1023 });

export const DestinationRouteSchema = Type.Object(
  {
    name: Type.String({ minLength: 1, maxLength: 253 }),
    /** `<namespace>/<name>` of the MeshPolicy it comes from */
    policy: Type.Optional(Type.String()),
    /** any of them; absent: every request */
    match: Type.Optional(Type.Array(RouteMatchSchema, { minItems: 1, maxItems: 8 })),
    /** absent: the destination's own endpoints; the weights do not sum to 0 */
    backends: Type.Optional(
      Type.Array(
        Type.Object(
          { backend: BackendIndex, weight: Type.Integer({ minimum: 0, maximum: 1_000_000 }) },
          closed,
        ),
        { minItems: 1, maxItems: 16 },
      ),
    ),
    mirror: Type.Optional(Type.Object({ backend: BackendIndex, percent: Percent }, closed)),
    rewrite: Type.Optional(
      Type.Object(
        { path: Type.Optional(PathRewriteSchema), host: Type.Optional(Type.String({ maxLength: 253 })) },
        closed,
      ),
    ),
    /** answers by itself: no backends */
    redirect: Type.Optional(RedirectSchema),
    headers: Type.Optional(
      Type.Object(
        { request: Type.Optional(HeaderChangesSchema), response: Type.Optional(HeaderChangesSchema) },
        closed,
      ),
    ),
    fault: Type.Optional(FaultSchema),
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

const EachCheck = {
  intervalMs: Type.Optional(Milliseconds),
  timeoutMs: Type.Optional(Milliseconds),
  unhealthyAfter: Type.Optional(Type.Integer({ minimum: 1, maximum: 100 })),
  healthyAfter: Type.Optional(Type.Integer({ minimum: 1, maximum: 100 })),
};
export const HealthCheckSchema = Type.Union([
  Type.Object({ path: Type.String({ minLength: 1, maxLength: 1024, pattern: '^/' }), ...EachCheck }, closed),
  Type.Object(
    {
      grpc: Type.Object(
        {
          /** absent: the whole server */ service: Type.Optional(
            Type.String({ minLength: 1, maxLength: 253 }),
          ),
        },
        closed,
      ),
      ...EachCheck,
    },
    closed,
  ),
]);
export type HealthCheckPolicy = Static<typeof HealthCheckSchema>;

export const RetryBudgetSchema = Type.Object(
  {
    percent: Type.Optional(Percent),
    minPerSecond: Type.Optional(Type.Integer({ minimum: 0, maximum: 10_000 })),
  },
  closed,
);
export type RetryBudgetPolicy = Static<typeof RetryBudgetSchema>;

/** What holds for a group of endpoints, whichever route leads there. */
const GroupPolicy = {
  loadBalancing: Type.Optional(LoadBalancingSchema),
  circuitBreaker: Type.Optional(CircuitBreakerSchema),
  outlierDetection: Type.Optional(OutlierDetectionSchema),
  healthCheck: Type.Optional(HealthCheckSchema),
};
export const BackendTrafficSchema = Type.Object(
  { connectMs: Type.Optional(Milliseconds), ...GroupPolicy },
  closed,
);
export type BackendTraffic = Static<typeof BackendTrafficSchema>;

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
    ...GroupPolicy,
  },
  closed,
);
export type DestinationTraffic = Static<typeof DestinationTrafficSchema>;
