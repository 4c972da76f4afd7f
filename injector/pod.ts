import { type Static, type TSchema, Type } from 'typebox';
import { Compile } from 'typebox/compile';

/**
 * The parts of a Pod that injection looks at (Kubernetes API reference, core/v1 Pod); everything else passes
 * through untouched. Go writes empty lists and objects as null, hence the unions.
 */

const absent = <T extends TSchema>(schema: T) => Type.Optional(Type.Union([schema, Type.Null()]));
const list = <T extends TSchema>(schema: T) => absent(Type.Array(schema));

const PortReferenceSchema = Type.Union([Type.Integer(), Type.String()]);

const HttpGetSchema = Type.Object({
  path: absent(Type.String()),
  port: PortReferenceSchema,
  host: absent(Type.String()),
  scheme: absent(Type.String()),
  httpHeaders: list(Type.Object({ name: Type.String(), value: absent(Type.String()) })),
});
export type HttpGet = Static<typeof HttpGetSchema>;

const TcpSocketSchema = Type.Object({ port: PortReferenceSchema, host: absent(Type.String()) });
export type TcpSocket = Static<typeof TcpSocketSchema>;

const GrpcSchema = Type.Object({ port: Type.Integer(), service: absent(Type.String()) });
export type Grpc = Static<typeof GrpcSchema>;

const ProbeSchema = Type.Object({
  httpGet: absent(HttpGetSchema),
  tcpSocket: absent(TcpSocketSchema),
  grpc: absent(GrpcSchema),
  timeoutSeconds: absent(Type.Integer()),
});
export type Probe = Static<typeof ProbeSchema>;

const HookSchema = Type.Object({ httpGet: absent(HttpGetSchema) });

/** By the name of a resource: cpu, memory. */
const AmountsSchema = absent(Type.Record(Type.String(), Type.Unknown()));
const AmountsOfSchema = Type.Object({ requests: AmountsSchema, limits: AmountsSchema });

const ContainerSchema = Type.Object({
  name: Type.String(),
  ports: list(
    Type.Object({
      name: absent(Type.String()),
      containerPort: Type.Integer(),
      protocol: absent(Type.String()),
    }),
  ),
  env: list(Type.Object({ name: Type.String(), value: absent(Type.String()) })),
  volumeMounts: list(Type.Object({ name: Type.String() })),
  securityContext: absent(Type.Object({ runAsUser: absent(Type.Integer()) })),
  resources: absent(AmountsOfSchema),
  livenessProbe: absent(ProbeSchema),
  readinessProbe: absent(ProbeSchema),
  startupProbe: absent(ProbeSchema),
  lifecycle: absent(Type.Object({ postStart: absent(HookSchema), preStop: absent(HookSchema) })),
});
export type Container = Static<typeof ContainerSchema>;

const PodSchema = Type.Object({
  metadata: absent(
    Type.Object({
      name: absent(Type.String()),
      generateName: absent(Type.String()),
      labels: absent(Type.Record(Type.String(), Type.String())),
      annotations: absent(Type.Record(Type.String(), Type.String())),
    }),
  ),
  spec: Type.Object({
    hostNetwork: absent(Type.Boolean()),
    hostPID: absent(Type.Boolean()),
    shareProcessNamespace: absent(Type.Boolean()),
    dnsPolicy: absent(Type.String()),
    resources: absent(AmountsOfSchema),
    os: absent(Type.Object({ name: Type.String() })),
    terminationGracePeriodSeconds: absent(Type.Integer()),
    securityContext: absent(Type.Object({ runAsUser: absent(Type.Integer()) })),
    containers: Type.Array(ContainerSchema),
    initContainers: list(ContainerSchema),
    volumes: list(Type.Object({ name: Type.String() })),
  }),
});
export type Pod = Static<typeof PodSchema>;

const validator = Compile(PodSchema);

/** Returns the pod, or what is wrong with it. */
export function parsePod(value: unknown): Pod | string {
  if (validator.Check(value)) return value;
  const [first] = validator.Errors(value);
  return `the object is not a pod: ${first?.instancePath || '/'} ${first?.message ?? 'is wrong'}`;
}

/** As shown to people; pods made by a controller have no name yet. */
export function podName(pod: Pod): string {
  return pod.metadata?.name || `${pod.metadata?.generateName ?? ''}*`;
}

const DEFAULT_GRACE_SECONDS = 30;

/** From the moment a pod is told to end until it is killed. */
export function graceSeconds(pod: Pod): number {
  return pod.spec.terminationGracePeriodSeconds ?? DEFAULT_GRACE_SECONDS;
}

/** Own keys only, so that no annotation is found on a prototype. */
export function annotation(pod: Pod, name: string): string | undefined {
  const annotations = pod.metadata?.annotations ?? {};
  return Object.hasOwn(annotations, name) ? annotations[name] : undefined;
}
