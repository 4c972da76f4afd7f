import { type Static, Type } from 'typebox';
import { BackendTrafficSchema, DestinationTrafficSchema } from './destination-traffic.ts';
import { ProtocolSchema } from './proxy-config.ts';
import { VersionSchema } from './version.ts';

const closed = { additionalProperties: false } as const;

export const EndpointSchema = Type.Object(
  {
    address: Type.String(),
    port: Type.Integer({ minimum: 1, maximum: 65535 }),
    /** the app as shown in metrics, never the name of one pod: it is a label of series that outlive pods */
    workload: Type.Optional(Type.String()),
    namespace: Type.Optional(Type.String()),
    /**
     * Present: the endpoint is meshed, mTLS is mandatory and this is the only identity accepted; there is
     * no fallback to plaintext. Absent: outside the mesh, dialled as the client meant it.
     */
    spiffeId: Type.Optional(Type.String()),
    /** topology.kubernetes.io/zone of its node */
    zone: Type.Optional(Type.String({ minLength: 1, maxLength: 63 })),
    /** its share relative to the others; 1 when absent */
    weight: Type.Optional(Type.Integer({ minimum: 1, maximum: 1_000_000 })),
  },
  closed,
);
export type Endpoint = Static<typeof EndpointSchema>;

/** Another Service, or some of its endpoints, to which routes of a destination lead. */
export const BackendSchema = Type.Object(
  {
    /** `<namespace>/<service>:<port>`, with the labels of a subset; what is learned of its endpoints hangs on it */
    name: Type.String({ minLength: 1, maxLength: 2048 }),
    service: Type.String(),
    namespace: Type.String(),
    endpoints: Type.Array(EndpointSchema),
    traffic: Type.Optional(BackendTrafficSchema),
  },
  closed,
);
export type Backend = Static<typeof BackendSchema>;

/**
 * What a sidecar is told about one address it saw traffic for. Only ready endpoints are listed; an empty
 * list means the destination exists and nothing is ready.
 */
export const DestinationSchema = Type.Object(
  {
    version: VersionSchema,
    /** what was asked: `<ip>:<port>` as dialled by the app, or `<namespace>/<service>:<port>` */
    key: Type.String(),
    /** name and namespace of the Service; app and namespace of the workload when a pod was dialled directly */
    name: Type.String(),
    namespace: Type.String(),
    /** declared by policy or appProtocol; absent: who speaks first decides */
    protocol: Type.Optional(ProtocolSchema),
    endpoints: Type.Array(EndpointSchema),
    /** what routes lead to besides the endpoints, each once */
    backends: Type.Optional(Type.Array(BackendSchema, { minItems: 1, maxItems: 1024 })),
    /** absent: nothing but defaults */
    traffic: Type.Optional(DestinationTrafficSchema),
  },
  closed,
);
export type Destination = Static<typeof DestinationSchema>;
