import { type Static, Type } from 'typebox';
import { VersionSchema } from './version.ts';

/**
 * What one sidecar is told: `config.json` of its Secret, and `config` messages of the stream.
 * Everything is merged and resolved by the operator; the sidecar interprets no policy.
 */

const closed = { additionalProperties: false } as const;
const Port = Type.Integer({ minimum: 1, maximum: 65535 });

export const MtlsModeSchema = Type.Union([Type.Literal('Permissive'), Type.Literal('Strict')]);
export type MtlsMode = Static<typeof MtlsModeSchema>;

export const ProtocolSchema = Type.Union([
  Type.Literal('HTTP'),
  Type.Literal('HTTP2'),
  Type.Literal('GRPC'),
  Type.Literal('TCP'),
]);
export type Protocol = Static<typeof ProtocolSchema>;

/** A caller. All given fields must match; `*` as serviceAccount matches any. */
export const PrincipalSchema = Type.Object(
  {
    spiffeId: Type.Optional(Type.String()),
    namespace: Type.Optional(Type.String()),
    serviceAccount: Type.Optional(Type.String()),
    ipBlock: Type.Optional(Type.String()),
  },
  closed,
);
export type Principal = Static<typeof PrincipalSchema>;

const Names = Type.Array(Type.String(), { minItems: 1 });

/** An operation. All given fields must match; inside a list any one. In path globs `*` is one segment, `**` the rest. */
export const OperationSchema = Type.Object(
  {
    methods: Type.Optional(Names),
    paths: Type.Optional(Names),
    /** in normal form; `*.` in front stands for one or more labels */
    hosts: Type.Optional(Names),
    /** all of them; names in lower case, values exact */
    headers: Type.Optional(
      Type.Array(Type.Object({ name: Type.String(), value: Type.String() }, closed), { minItems: 1 }),
    ),
    /** a POST to `/<service>/<method>` with content type application/grpc */
    grpc: Type.Optional(Type.Object({ service: Type.String(), methods: Type.Optional(Names) }, closed)),
  },
  closed,
);
export type Operation = Static<typeof OperationSchema>;

/** A verified token the request must have; all given claims must have one of their values. */
export const WhenSchema = Type.Object(
  {
    jwt: Type.Object(
      {
        issuer: Type.String(),
        claims: Type.Optional(
          Type.Array(Type.Object({ name: Type.String(), values: Names }, closed), { minItems: 1 }),
        ),
      },
      closed,
    ),
  },
  closed,
);
export type When = Static<typeof WhenSchema>;

export const AuthorizationRuleSchema = Type.Object(
  {
    /** where the rule comes from: `<namespace>/<name>` of the MeshPolicy */
    policy: Type.String(),
    name: Type.String(),
    action: Type.Union([Type.Literal('Allow'), Type.Literal('Deny')]),
    mode: Type.Union([Type.Literal('Enforce'), Type.Literal('Audit')]),
    /** container ports; absent means all */
    ports: Type.Optional(Type.Array(Port, { minItems: 1 })),
    from: Type.Optional(Type.Array(PrincipalSchema, { minItems: 1 })),
    to: Type.Optional(Type.Array(OperationSchema, { minItems: 1 })),
    when: Type.Optional(WhenSchema),
  },
  closed,
);
export type AuthorizationRule = Static<typeof AuthorizationRuleSchema>;

const Milliseconds = Type.Integer({ minimum: 0, maximum: 2_147_483_647 });
const Percent = Type.Integer({ minimum: 0, maximum: 100 });
const Count = Type.Integer({ minimum: 1, maximum: 1_000_000 });
const Bytes = Type.Integer({ minimum: 0, maximum: Number.MAX_SAFE_INTEGER });

/** Limits of one port of one proxy; absent: the sidecar's own. */
export const LimitsSchema = Type.Object(
  {
    maxConnections: Type.Optional(Count),
    /** requests waiting for the app */
    maxPendingRequests: Type.Optional(Count),
    maxHeaderBytes: Type.Optional(Bytes),
    maxBodyBytes: Type.Optional(Bytes),
    /** without a byte; 0: none */
    idleTimeoutMs: Type.Optional(Milliseconds),
  },
  closed,
);
export type InboundLimits = Static<typeof LimitsSchema>;

/** `requests` each `perMs`, and `burst` at once beyond them; over it 429. Per proxy. */
export const RateLimitSchema = Type.Object(
  {
    policy: Type.String(),
    name: Type.String(),
    requests: Count,
    perMs: Type.Integer({ minimum: 1, maximum: 2_147_483_647 }),
    burst: Type.Integer({ minimum: 0, maximum: 1_000_000 }),
    key: Type.Object(
      {
        type: Type.Union([
          Type.Literal('Source'),
          Type.Literal('Header'),
          Type.Literal('Path'),
          Type.Literal('Global'),
        ]),
        /** type Header only; lower case */
        header: Type.Optional(Type.String()),
      },
      closed,
    ),
  },
  closed,
);
export type RateLimit = Static<typeof RateLimitSchema>;

/** An issuer of tokens. The operator fetches the keys, so that a sidecar needs nobody to verify a token. */
export const IssuerSchema = Type.Object(
  {
    policy: Type.String(),
    name: Type.String(),
    issuer: Type.String(),
    audiences: Type.Optional(Names),
    /** lower case; absent: `authorization: Bearer` */
    fromHeaders: Type.Optional(Names),
    /** whether the app sees the token */
    forward: Type.Boolean(),
    /** where the keys come from; absent: they stand in the policy */
    jwksUri: Type.Optional(Type.String()),
    /** public keys as JSON Web Keys (RFC 7517); empty: none could be had yet, and no token is valid */
    keys: Type.Array(Type.Object({}, { additionalProperties: true }), { maxItems: 64 }),
  },
  closed,
);
export type Issuer = Static<typeof IssuerSchema>;

/** What may be reached outside the mesh. */
export const EgressSchema = Type.Object(
  {
    mode: Type.Union([Type.Literal('AllowAll'), Type.Literal('AllowListed')]),
    /** the policy that says the mode */
    policy: Type.Optional(Type.String()),
    /** the first whose host and port match */
    hosts: Type.Array(
      Type.Object(
        {
          /** lower case; `*.` in front stands for one or more labels */
          host: Type.String(),
          ports: Type.Optional(Type.Array(Port, { minItems: 1 })),
          tls: Type.Union([Type.Literal('Originate'), Type.Literal('Passthrough')]),
        },
        closed,
      ),
    ),
  },
  closed,
);
export type Egress = Static<typeof EgressSchema>;

export const TelemetrySchema = Type.Object(
  {
    accessLog: Type.Optional(
      Type.Object(
        {
          mode: Type.Union([
            Type.Literal('Disabled'),
            Type.Literal('Errors'),
            Type.Literal('All'),
            Type.Literal('Sampled'),
          ]),
          /** mode Sampled only */
          samplePercent: Type.Optional(Percent),
        },
        closed,
      ),
    ),
    tracing: Type.Optional(Type.Object({ endpoint: Type.String(), samplePercent: Percent }, closed)),
    metricLabels: Type.Optional(Type.Array(Type.Literal('PathTemplate'), { minItems: 1 })),
  },
  closed,
);
export type Telemetry = Static<typeof TelemetrySchema>;

/** What happens on one container port, or on all that have no entry of their own (`port` absent). */
export const InboundPortSchema = Type.Object(
  {
    port: Type.Optional(Port),
    protocol: Type.Optional(ProtocolSchema),
    mtls: MtlsModeSchema,
    /** what happens when no rule matches */
    authorizationDefault: Type.Union([Type.Literal('Allow'), Type.Literal('Deny')]),
    /** `<namespace>/<name>` of the policy that says so, by its words or by its Allow rules; absent: none does */
    authorizationDefaultPolicy: Type.Optional(Type.String()),
    /** of the policy by which, were those in Audit mode enforced, what no rule matches would be denied; absent: none */
    auditedDefaultPolicy: Type.Optional(Type.String()),
    limits: Type.Optional(LimitsSchema),
    /** names of `inbound.rateLimits` and `inbound.issuers` that hold here, by their place in the list */
    rateLimits: Type.Optional(Type.Array(Type.Integer({ minimum: 0 }), { minItems: 1 })),
    issuers: Type.Optional(Type.Array(Type.Integer({ minimum: 0 }), { minItems: 1 })),
  },
  closed,
);
export type InboundPort = Static<typeof InboundPortSchema>;

/** Without Kubernetes there is no redirection: listeners are explicit. */
export const ListenersSchema = Type.Object(
  {
    inbound: Type.Array(
      Type.Object(
        {
          address: Type.String(),
          port: Port,
          /** where the app listens, dialled in plaintext */
          appAddress: Type.String(),
          appPort: Port,
        },
        closed,
      ),
    ),
    outbound: Type.Array(
      Type.Object(
        {
          address: Type.String(),
          port: Port,
          /** the key under which the destination is asked of the operator, `<namespace>/<service>:<port>` */
          destination: Type.String(),
        },
        closed,
      ),
    ),
    /** address and port of health, readiness and metrics */
    admin: Type.Object({ address: Type.String(), port: Port }, closed),
  },
  closed,
);
export type Listeners = Static<typeof ListenersSchema>;

export const ProxyConfigSchema = Type.Object(
  {
    apiVersion: Type.Literal('weft.dev/v1alpha1'),
    kind: Type.Literal('ProxyConfig'),
    version: VersionSchema,
    proxyId: Type.String({ minLength: 1, maxLength: 63 }),
    trustDomain: Type.String({ minLength: 1, maxLength: 255 }),
    workload: Type.Object(
      {
        /** the pod, or the Workload document */
        name: Type.String(),
        namespace: Type.String(),
        serviceAccount: Type.String(),
        /** the app as shown in metrics: label app.kubernetes.io/name, else app, else the controller's name */
        app: Type.String(),
        /** topology.kubernetes.io/zone of its node, for zone preference */
        zone: Type.Optional(Type.String({ minLength: 1, maxLength: 63 })),
      },
      closed,
    ),
    controlPlane: Type.Object(
      {
        /** host:port of the stream */
        address: Type.String(),
        /** the one identity the sidecar accepts there */
        spiffeId: Type.String(),
      },
      closed,
    ),
    inbound: Type.Object(
      {
        /** exactly one entry without `port`: the default */
        ports: Type.Array(InboundPortSchema, { minItems: 1 }),
        rules: Type.Array(AuthorizationRuleSchema),
        /** absent: none */
        rateLimits: Type.Optional(Type.Array(RateLimitSchema, { minItems: 1 })),
        issuers: Type.Optional(Type.Array(IssuerSchema, { minItems: 1 })),
      },
      closed,
    ),
    /** absent: AllowAll */
    egress: Type.Optional(EgressSchema),
    telemetry: Type.Optional(TelemetrySchema),
    /** present only without Kubernetes */
    listeners: Type.Optional(ListenersSchema),
  },
  closed,
);
export type ProxyConfig = Static<typeof ProxyConfigSchema>;
