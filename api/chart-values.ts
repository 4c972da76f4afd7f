import { type TProperties, type TSchema, Type } from 'typebox';

/** The values of the chart: helm/weft/values.schema.json is generated from here. Unknown values are refused. */
const closed = (properties: TProperties) =>
  Type.Partial(Type.Object(properties), { additionalProperties: false });

const Flag = Type.Boolean();
const Replicas = Type.Integer({ minimum: 1, maximum: 20 });
const LogLevel = Type.Enum(['debug', 'info', 'warn', 'error']);
const StringMap = Type.Record(Type.String(), Type.String());
const Text = Type.String();
/** of a ConfigMap or a Secret; empty: none */
const ObjectName = Type.String({ pattern: '^([a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?)?$' });
/** Kubernetes' own objects, which the API server judges. */
const anything = (): TSchema => Type.Object({}, { additionalProperties: true });

const Amount = Type.Union([Type.String({ minLength: 1 }), Type.Number({ minimum: 0 })]);
const Resources = closed({
  requests: Type.Record(Type.String(), Amount),
  limits: Type.Record(Type.String(), Amount),
});

const placement = {
  priorityClassName: Text,
  podLabels: StringMap,
  podAnnotations: StringMap,
  serviceAccountAnnotations: StringMap,
  nodeSelector: StringMap,
  tolerations: Type.Array(anything()),
  affinity: anything(),
  topologySpreadConstraints: Type.Array(anything()),
};

const Lifetime = Type.String({ pattern: '^([0-9]{1,6}(h|m|s|ms)){1,4}$' });

export const ChartValuesSchema = closed({
  global: anything(),
  image: closed({
    repository: Type.String({ minLength: 1 }),
    tag: Text,
    digest: Type.String({ pattern: '^(sha256:[0-9a-f]{64})?$' }),
    pullPolicy: Type.Enum(['IfNotPresent', 'Always', 'Never']),
  }),
  imagePullSecrets: Type.Array(
    Type.Object({ name: Type.String({ minLength: 1 }) }, { additionalProperties: false }),
  ),
  trustDomain: Type.String({ pattern: '^[a-z0-9]([a-z0-9._-]{0,253}[a-z0-9])?$' }),
  commonLabels: StringMap,
  commonAnnotations: StringMap,
  certificates: closed({
    lifetime: Lifetime,
    rootLifetime: Lifetime,
    // a number or text: --set makes a number of it
    rotateRootAfter: Type.Union([
      Type.Number({ exclusiveMinimum: 0, exclusiveMaximum: 1 }),
      Type.String({ pattern: '^0\\.[0-9]{1,4}$' }),
    ]),
    issuer: closed({
      kind: Type.String({ pattern: '^[A-Z][A-Za-z0-9]{0,62}$' }),
      name: ObjectName,
      group: Type.String({ pattern: '^[a-z0-9]([-.a-z0-9]{0,251}[a-z0-9])?$' }),
    }),
  }),
  crds: closed({ enabled: Flag, keep: Flag }),
  operator: closed({
    replicas: Replicas,
    logLevel: LogLevel,
    resources: Resources,
    jwksCa: closed({
      configMap: ObjectName,
      secret: ObjectName,
      key: Type.String({ pattern: '^[-._a-zA-Z0-9]{1,253}$' }),
    }),
    ...placement,
  }),
  injector: closed({
    replicas: Replicas,
    logLevel: LogLevel,
    resources: Resources,
    failurePolicy: Type.Enum(['Fail', 'Ignore']),
    timeoutSeconds: Type.Integer({ minimum: 1, maximum: 30 }),
    excludedNamespaces: Type.Array(Type.String({ minLength: 1, maxLength: 63 }), { uniqueItems: true }),
    allowedAnnotations: Type.Array(
      Type.Enum(['skip-inbound-ports', 'skip-outbound-ports', 'skip-outbound-cidrs', 'image']),
      { uniqueItems: true },
    ),
    rejectUninjected: Flag,
    terminationDelaySeconds: Type.Integer({ minimum: 0, maximum: 10 }),
    ...placement,
  }),
  sidecar: closed({ logLevel: LogLevel, resources: Resources }),
  podMonitor: closed({
    operator: Flag,
    sidecars: Flag,
    labels: StringMap,
    interval: Type.String({ pattern: '^[0-9]+(ms|s|m|h)$' }),
  }),
  networkPolicy: closed({ enabled: Flag }),
  tests: closed({ enabled: Flag }),
});

export function chartValuesJsonSchema() {
  return {
    $schema: 'http://json-schema.org/draft-07/schema#',
    title: 'Values of the Weft chart',
    ...(JSON.parse(JSON.stringify(ChartValuesSchema)) as object),
  };
}
