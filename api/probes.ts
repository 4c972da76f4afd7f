import { type Static, Type } from 'typebox';

/**
 * The probes and HTTP hooks a pod declares. The injector points the kubelet at the sidecar's admin port, path
 * `/weft/probe/<token>/<container>/<kind>`, and hands the originals to the sidecar, which asks the app: so they
 * work while plaintext from elsewhere is refused. Everybody can reach that port; the token, which only readers of
 * the pod know, keeps strangers from running the app's hooks. It is not the proxy id: that stands in the
 * certificate, which is shown to whoever begins a handshake.
 * Shapes follow Kubernetes' HTTPGetAction, TCPSocketAction and GRPCAction.
 */

const closed = { additionalProperties: false } as const;
const Port = Type.Integer({ minimum: 1, maximum: 65535 });

export const PROBE_PATH_PREFIX = '/weft/probe/';
export const PROBE_KINDS = ['liveness', 'readiness', 'startup'] as const;
/** Behind the token, where the page of metrics is that the pod's annotations `prometheus.io/…` declare. */
export const SCRAPE_KEY = 'prometheus/scrape';
export const HOOK_KINDS = ['postStart', 'preStop'] as const;
export type ProbeKind = (typeof PROBE_KINDS)[number] | (typeof HOOK_KINDS)[number];

export const DeclaredProbeSchema = Type.Object(
  {
    httpGet: Type.Optional(
      Type.Object(
        {
          path: Type.String(),
          port: Port,
          scheme: Type.Union([Type.Literal('HTTP'), Type.Literal('HTTPS')]),
          httpHeaders: Type.Optional(
            Type.Array(Type.Object({ name: Type.String(), value: Type.String() }, closed)),
          ),
        },
        closed,
      ),
    ),
    tcpSocket: Type.Optional(Type.Object({ port: Port }, closed)),
    grpc: Type.Optional(Type.Object({ port: Port, service: Type.Optional(Type.String()) }, closed)),
    timeoutSeconds: Type.Integer({ minimum: 1 }),
  },
  closed,
);
/** Exactly one of httpGet, tcpSocket and grpc is present. */
export type DeclaredProbe = Static<typeof DeclaredProbeSchema>;

/** Keyed by `<token>/<container>/<kind>`, which is what stands behind PROBE_PATH_PREFIX. */
export const DeclaredProbesSchema = Type.Record(Type.String(), DeclaredProbeSchema);
export type DeclaredProbes = Static<typeof DeclaredProbesSchema>;
