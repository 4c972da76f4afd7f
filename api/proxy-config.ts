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

/** An operation. All given fields must match; inside a list any one. In path globs `*` is one segment, `**` the rest. */
export const OperationSchema = Type.Object(
  {
    methods: Type.Optional(Type.Array(Type.String(), { minItems: 1 })),
    paths: Type.Optional(Type.Array(Type.String(), { minItems: 1 })),
  },
  closed,
);
export type Operation = Static<typeof OperationSchema>;

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
  },
  closed,
);
export type AuthorizationRule = Static<typeof AuthorizationRuleSchema>;

/** What happens on one container port, or on all that have no entry of their own (`port` absent). */
export const InboundPortSchema = Type.Object(
  {
    port: Type.Optional(Port),
    protocol: Type.Optional(ProtocolSchema),
    mtls: MtlsModeSchema,
    /** what happens when no rule matches */
    authorizationDefault: Type.Union([Type.Literal('Allow'), Type.Literal('Deny')]),
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
      },
      closed,
    ),
    /** present only without Kubernetes */
    listeners: Type.Optional(ListenersSchema),
  },
  closed,
);
export type ProxyConfig = Static<typeof ProxyConfigSchema>;
