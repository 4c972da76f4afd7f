import type { AddressInfo } from 'node:net';
import { parseArgs } from 'node:util';
import { durationMs } from '../api/duration.ts';
import {
  DEFAULT_CONTROL_PLANE_NAMESPACE,
  DEFAULT_TRUST_DOMAIN,
  OPERATOR_SERVICE,
  PORTS,
} from '../api/names.ts';
import { CERT_MANAGER_GROUP, type IssuerReference, parseIssuer } from './issuer-reference.ts';

/** Written as `127.0.0.1:0`, `[::1]:15010`, or for all addresses `:15010` or `[::]:15010`. */
export interface ListenAddress {
  /** undefined: all addresses */
  readonly host: string | undefined;
  readonly port: number;
}

export interface Arguments {
  /** present: without Kubernetes */
  readonly files: { readonly folder: string; readonly stateFolder: string } | undefined;
  readonly listen: ListenAddress;
  /** absent: only in Kubernetes, where probes need it */
  readonly health: ListenAddress | undefined;
  /** as sidecars reach it; undefined: where it listens */
  readonly streamAddress: string | undefined;
  readonly trustDomain: string;
  readonly controlPlaneNamespace: string;
  readonly leafLifetimeMs: number;
  readonly rootLifetimeMs: number;
  /** of a root's life, after which the next one is made; in (0, 1) */
  readonly rotateRootAfter: number;
  /** who signs instead of the built-in authority */
  readonly issuer: IssuerReference | undefined;
  /** PEM of roots that servers of key sets may have, beside the public ones */
  readonly jwksCaFile: string | undefined;
  readonly logLevel: string;
  /** the pod's name, by which the other replicas find the leader; undefined: the host's name */
  readonly podName: string | undefined;
}

const OPTIONS = {
  files: { type: 'string' },
  state: { type: 'string' },
  'stream-address': { type: 'string' },
  'health-address': { type: 'string' },
  'advertise-address': { type: 'string' },
  'certificate-lifetime': { type: 'string' },
  'root-lifetime': { type: 'string' },
  'rotate-root-after': { type: 'string' },
  issuer: { type: 'string' },
  'issuer-group': { type: 'string' },
  'trust-domain': { type: 'string' },
  'control-plane-namespace': { type: 'string' },
  'jwks-ca-file': { type: 'string' },
  'log-level': { type: 'string' },
} as const;

const LIFETIME_MIN_MS = 10 * 60_000;
/** A rotation takes up to four lifetimes of certificates, and a root is there for more than its rotation. */
const LIFETIMES_OF_ROOT_MIN = 10;
const LOG_LEVELS = ['debug', 'info', 'warn', 'error'];

/** Throws ArgumentError. A flag wins over its variable: `--trust-domain` over `WEFT_TRUST_DOMAIN`. */
export function parseArguments(argv: readonly string[], env: NodeJS.ProcessEnv): Arguments {
  const flags = readFlags(argv);
  const value = (name: keyof typeof OPTIONS) =>
    flags[name] ?? (env[`WEFT_${name.toUpperCase().replaceAll('-', '_')}`] || undefined);
  const folder = value('files');
  const stateFolder = value('state');
  if (folder !== undefined && stateFolder === undefined)
    throw new ArgumentError('--files needs --state FOLDER');
  if (folder === undefined && stateFolder !== undefined)
    throw new ArgumentError('--state is for --files only');
  const namespace = value('control-plane-namespace') ?? env.WEFT_NAMESPACE ?? DEFAULT_CONTROL_PLANE_NAMESPACE;
  const inKubernetes = folder === undefined;
  const stream =
    value('stream-address') ??
    (inKubernetes ? `:${env.WEFT_STREAM_PORT ?? PORTS.stream}` : `127.0.0.1:${PORTS.stream}`);
  const health =
    value('health-address') ??
    (inKubernetes ? `:${env.WEFT_HEALTH_PORT ?? PORTS.operatorHealth}` : undefined);
  const logLevel = value('log-level') ?? 'info';
  if (!LOG_LEVELS.includes(logLevel)) throw new ArgumentError(`--log-level must be ${LOG_LEVELS.join(', ')}`);
  const inCluster = `${OPERATOR_SERVICE}.${namespace}.svc:${PORTS.stream}`;
  return {
    files: folder === undefined ? undefined : { folder, stateFolder: stateFolder! },
    listen: parseAddress('--stream-address', stream),
    health: health === undefined ? undefined : parseAddress('--health-address', health),
    streamAddress: value('advertise-address') ?? (inKubernetes ? inCluster : undefined),
    trustDomain: value('trust-domain') ?? DEFAULT_TRUST_DOMAIN,
    controlPlaneNamespace: namespace,
    podName: env.WEFT_POD_NAME || undefined,
    ...readLifetimes(value),
    issuer: readIssuer(value, inKubernetes),
    jwksCaFile: value('jwks-ca-file'),
    logLevel,
  };
}

/** Told to the user as it is. */
export class ArgumentError extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'ArgumentError';
  }
}

function readFlags(argv: readonly string[]) {
  try {
    return parseArgs({ args: [...argv], options: OPTIONS, strict: true }).values;
  } catch (error) {
    throw new ArgumentError((error as Error).message);
  }
}

function parseLifetime(text: string): number {
  const lifetimeMs = durationMs(text);
  if (lifetimeMs >= LIFETIME_MIN_MS) return lifetimeMs;
  throw new ArgumentError('--certificate-lifetime must be a duration of at least 10m, such as 24h');
}

function readLifetimes(value: (name: keyof typeof OPTIONS) => string | undefined) {
  const leafLifetimeMs = parseLifetime(value('certificate-lifetime') ?? '24h');
  return {
    leafLifetimeMs,
    rootLifetimeMs: parseRootLifetime(value('root-lifetime') ?? '87600h', leafLifetimeMs),
    rotateRootAfter: parseFraction(value('rotate-root-after') ?? '0.8'),
  };
}

function readIssuer(
  value: (name: keyof typeof OPTIONS) => string | undefined,
  inKubernetes: boolean,
): IssuerReference | undefined {
  const text = value('issuer');
  if (text === undefined) return undefined;
  if (!inKubernetes) throw new ArgumentError('--issuer is for Kubernetes only');
  const issuer = parseIssuer(text, value('issuer-group') ?? CERT_MANAGER_GROUP);
  if (typeof issuer === 'string') throw new ArgumentError(issuer);
  return issuer;
}

function parseRootLifetime(text: string, leafLifetimeMs: number): number {
  const lifetimeMs = durationMs(text);
  if (lifetimeMs >= LIFETIMES_OF_ROOT_MIN * leafLifetimeMs) return lifetimeMs;
  throw new ArgumentError(
    '--root-lifetime must be a duration, such as 87600h, of at least ten times --certificate-lifetime',
  );
}

function parseFraction(text: string): number {
  const fraction = /^0\.[0-9]{1,4}$/.test(text) ? Number(text) : 0;
  if (fraction > 0) return fraction;
  throw new ArgumentError('--rotate-root-after must be a part of the root’s lifetime, such as 0.8');
}

function parseAddress(flag: string, text: string): ListenAddress {
  const match = /^(?:\[([0-9a-fA-F:.]+)\]|([^:[\]]*)):([0-9]{1,5})$/.exec(text);
  const port = Number(match?.[3]);
  if (match === null || port > 65535)
    throw new ArgumentError(`${flag} must be host:port, such as 127.0.0.1:15010`);
  // All addresses: where IPv6 is off `::` does not exist, and leaving it out means whatever there is.
  const host = match[1] === '::' ? undefined : (match[1] ?? (match[2] || undefined));
  return { host, port };
}

/** As it is written there. */
export function formatAddress({ address, family, port }: AddressInfo): string {
  return family === 'IPv6' ? `[${address}]:${port}` : `${address}:${port}`;
}
