import { type Static, Type } from 'typebox';
import { closed, list, PATTERNS, portNumber, text } from './policy/scalars.ts';
import { ProtocolSchema } from './proxy-config.ts';

/**
 * Without Kubernetes: one process and the sidecar beside it, as a document in the folder the operator reads.
 * There is no CRD for it; in Kubernetes a pod says all of this.
 */
const name = (description: string) => text(PATTERNS.subdomain, 253, description);
const address = (description: string) => text('^[0-9a-zA-Z.:-]+$', 253, description);

const CommandSchema = closed(
  {
    command: Type.Array(Type.String({ minLength: 1, maxLength: 4096 }), {
      minItems: 1,
      maxItems: 64,
      description: 'The program and its arguments; no shell reads them.',
    }),
    cwd: Type.Optional(
      Type.String({ minLength: 1, maxLength: 4096, description: 'Where it runs; relative to the document.' }),
    ),
    env: Type.Optional(
      Type.Record(Type.String(), Type.String({ maxLength: 32768 }), {
        maxProperties: 256,
        description: 'Added to the environment.',
      }),
    ),
  },
  'The app, started and ended together with its sidecar; absent: it runs already.',
);

const PortSchema = closed(
  {
    name: Type.Optional(text(PATTERNS.port, 15, 'The name of the port.')),
    port: portNumber('What callers’ sidecars dial: the inbound listener.'),
    appPort: portNumber('Where the app listens, on 127.0.0.1.'),
    protocol: Type.Optional(
      Type.Union(ProtocolSchema.anyOf, { description: 'What the app speaks; detected when absent.' }),
    ),
  },
  'A port of the workload.',
);

const OutboundSchema = closed(
  {
    port: portNumber('The loopback port that the app calls.'),
    service: text(
      '^([a-z0-9]([-a-z0-9]*[a-z0-9])?/)?[a-z0-9]([-a-z0-9]*[a-z0-9])?$',
      127,
      'The service behind it: `payments`, or `shop/payments` of another namespace.',
    ),
    servicePort: portNumber('The port of that service.'),
  },
  'A service the app calls.',
);

export const WorkloadSchema = Type.Object(
  {
    apiVersion: Type.Enum(['weft.dev/v1alpha1']),
    kind: Type.Enum(['Workload']),
    metadata: closed(
      { name: name('The workload.'), namespace: text(PATTERNS.label, 63, 'Its namespace.') },
      'Who it is.',
    ),
    spec: closed(
      {
        serviceAccount: name('The identity.'),
        labels: Type.Optional(
          Type.Record(Type.String(), Type.String({ maxLength: 63, pattern: PATTERNS.labelValue }), {
            maxProperties: 64,
            description: 'What selectors of policies look at.',
          }),
        ),
        app: Type.Optional(CommandSchema),
        service: Type.Optional(text(PATTERNS.label, 63, 'The service it backs.')),
        address: Type.Optional(
          address(
            'Where its sidecar listens; 127.0.0.1 when absent. The app stays on 127.0.0.1 all the same.',
          ),
        ),
        ports: Type.Optional(list(PortSchema, 32, 'Its ports.')),
        outbound: Type.Optional(list(OutboundSchema, 64, 'What it calls.')),
        admin: closed({ port: portNumber('Health, readiness and metrics.') }, 'The sidecar’s own port.'),
      },
      'What it is.',
    ),
  },
  { additionalProperties: false },
);
export type WorkloadDocument = Static<typeof WorkloadSchema>;

/** Where a workload's sidecar listens when its document does not say. */
export const DEFAULT_WORKLOAD_ADDRESS = '127.0.0.1';

/** Where every app is dialled, and where it dials its outbound ports, whatever its document says. */
export const APP_ADDRESS = '127.0.0.1';
