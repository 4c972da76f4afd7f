import {
  ANNOTATION_IMAGE,
  ANNOTATION_SKIP_INBOUND_PORTS,
  ANNOTATION_SKIP_OUTBOUND_CIDRS,
  ANNOTATION_SKIP_OUTBOUND_PORTS,
  API_GROUP,
  DEFAULT_CONTROL_PLANE_NAMESPACE,
  DEFAULT_TRUST_DOMAIN,
  OPERATOR_SERVICE,
  OPERATOR_SERVICE_ACCOUNT,
  PORTS,
} from '../api/names.ts';
import { parseSpiffeId, spiffeId } from '../api/spiffe.ts';
import { parseQuantity } from './quantity.ts';

/** What is the same for every pod; the chart's values arrive here as environment. */
export interface SidecarSettings {
  readonly image: string;
  readonly imagePullPolicy: PullPolicy;
  readonly logLevel: string;
  readonly resources: Resources;
  /** host:port */
  readonly controlPlane: string;
  readonly controlPlaneId: string;
  /** full names of the annotations that count although they weaken the mesh for a pod */
  readonly allowedAnnotations: ReadonlySet<string>;
  /** how much later than everybody else the app is told that its pod ends; 0: at the same time */
  readonly terminationDelaySeconds: number;
}
/** Quantities as written; absent: not set. */
export interface Resources {
  readonly cpuRequest?: string;
  readonly memoryRequest?: string;
  readonly cpuLimit?: string;
  readonly memoryLimit?: string;
}
export interface InjectorSettings {
  readonly sidecar: SidecarSettings;
  readonly host: string;
  readonly port: number;
  readonly healthPort: number;
  /** a mounted Secret with tls.crt and tls.key */
  readonly tlsDirectory: string;
  readonly trustBundleFile: string;
  readonly logLevel: string;
  /** how long requests are still answered after SIGTERM, until no API server is sent here any more */
  readonly drainDelayMs: number;
}

/** Of the sidecar; its finest is debug. */
export const SIDECAR_LOG_LEVELS = ['debug', 'info', 'warn', 'error'] as const;
const LOG_LEVELS = ['trace', ...SIDECAR_LOG_LEVELS] as const;
const PULL_POLICIES = ['IfNotPresent', 'Always', 'Never'] as const;
type PullPolicy = (typeof PULL_POLICIES)[number];
const RESTRICTED = [
  ANNOTATION_SKIP_INBOUND_PORTS,
  ANNOTATION_SKIP_OUTBOUND_PORTS,
  ANNOTATION_SKIP_OUTBOUND_CIDRS,
  ANNOTATION_IMAGE,
];
const DEFAULT_DRAIN_DELAY_MS = 5_000;
const TERMINATION_DELAY_MAX_SECONDS = 10;

export class SettingsError extends Error {
  override readonly name = 'SettingsError';
}
type Env = Readonly<Record<string, string | undefined>>;

/** Throws SettingsError that names the variable and what it should be. */
export function readSettings(env: Env): InjectorSettings {
  const tlsDirectory = text(env, 'WEFT_TLS_DIR') ?? '/var/run/weft/tls';
  return {
    sidecar: readSidecar(env),
    host: text(env, 'WEFT_HOST') ?? '::',
    port: integer(env, 'WEFT_PORT', PORTS.injector, 65535),
    healthPort: integer(env, 'WEFT_HEALTH_PORT', PORTS.injectorHealth, 65535),
    tlsDirectory,
    trustBundleFile: text(env, 'WEFT_TRUST_BUNDLE_FILE') ?? `${tlsDirectory}/ca.crt`,
    logLevel: oneOf(env, 'WEFT_LOG_LEVEL', LOG_LEVELS, 'info'),
    drainDelayMs: integer(env, 'WEFT_DRAIN_DELAY_MS', DEFAULT_DRAIN_DELAY_MS, 60_000),
  };
}

function readSidecar(env: Env): SidecarSettings {
  const image = text(env, 'WEFT_IMAGE');
  if (image === undefined) throw new SettingsError('WEFT_IMAGE: the image of the sidecar must be set');
  const namespace = text(env, 'WEFT_NAMESPACE') ?? DEFAULT_CONTROL_PLANE_NAMESPACE;
  const trustDomain = text(env, 'WEFT_TRUST_DOMAIN') ?? DEFAULT_TRUST_DOMAIN;
  const controlPlaneId =
    text(env, 'WEFT_CONTROL_PLANE_ID') ??
    spiffeId({ trustDomain, namespace, serviceAccount: OPERATOR_SERVICE_ACCOUNT });
  if (parseSpiffeId(controlPlaneId) === undefined) {
    throw new SettingsError(`WEFT_CONTROL_PLANE_ID: ${JSON.stringify(controlPlaneId)} is not a SPIFFE ID`);
  }
  const logLevel = oneOf(env, 'WEFT_SIDECAR_LOG_LEVEL', LOG_LEVELS, 'info');
  return {
    image,
    imagePullPolicy: oneOf(env, 'WEFT_IMAGE_PULL_POLICY', PULL_POLICIES, 'IfNotPresent'),
    logLevel: logLevel === 'trace' ? 'debug' : logLevel,
    resources: {
      ...quantity(env, 'cpuRequest', 'WEFT_SIDECAR_CPU_REQUEST'),
      ...quantity(env, 'memoryRequest', 'WEFT_SIDECAR_MEMORY_REQUEST'),
      ...quantity(env, 'cpuLimit', 'WEFT_SIDECAR_CPU_LIMIT'),
      ...quantity(env, 'memoryLimit', 'WEFT_SIDECAR_MEMORY_LIMIT'),
    },
    controlPlane:
      text(env, 'WEFT_CONTROL_PLANE_ADDRESS') ?? `${OPERATOR_SERVICE}.${namespace}.svc:${PORTS.stream}`,
    controlPlaneId,
    allowedAnnotations: readAllowed(env),
    terminationDelaySeconds: integer(env, 'WEFT_TERMINATION_DELAY_SECONDS', 0, TERMINATION_DELAY_MAX_SECONDS),
  };
}

/** Names as in the chart: `skip-inbound-ports`; with the group in front as well. */
function readAllowed(env: Env): ReadonlySet<string> {
  const names = (text(env, 'WEFT_ALLOWED_ANNOTATIONS') ?? '').split(',').map((name) => name.trim());
  const full = names
    .filter((name) => name !== '')
    .map((name) => (name.includes('/') ? name : `${API_GROUP}/${name}`));
  const unknown = full.find((name) => !RESTRICTED.includes(name));
  if (unknown !== undefined) {
    throw new SettingsError(
      `WEFT_ALLOWED_ANNOTATIONS: ${unknown} is none of ${RESTRICTED.map((name) => name.split('/')[1]).join(', ')}`,
    );
  }
  return new Set(full);
}

function quantity(env: Env, key: keyof Resources, name: string): Resources {
  const value = text(env, name);
  if (value === undefined) return {};
  if (parseQuantity(value) !== undefined) return { [key]: value };
  throw new SettingsError(`${name}: ${JSON.stringify(value)} is not a quantity such as 100m or 64Mi`);
}

function oneOf<T extends string>(env: Env, name: string, values: readonly T[], fallback: T): T {
  const value = text(env, name) ?? fallback;
  const found = values.find((candidate) => candidate === value);
  if (found !== undefined) return found;
  throw new SettingsError(`${name}: ${JSON.stringify(value)} is none of ${values.join(', ')}`);
}

function integer(env: Env, name: string, fallback: number, max: number): number {
  const value = text(env, name);
  if (value === undefined) return fallback;
  if (/^\d{1,6}$/.test(value) && Number(value) <= max) return Number(value);
  throw new SettingsError(`${name}: ${JSON.stringify(value)} is not a number from 0 to ${max}`);
}

function text(env: Env, name: string): string | undefined {
  const value = env[name]?.trim();
  return value === '' ? undefined : value;
}
