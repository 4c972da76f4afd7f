import { isIP } from 'node:net';
import { join } from 'node:path';
import { MOUNT_PROXY, MOUNT_STATE, MOUNT_TOKEN, PORTS } from '../api/names.ts';
import { parseSpiffeId } from '../api/spiffe.ts';
import { type DeclaredProbes, parseProbes } from './admin/declared-probes.ts';
import { LOG_LEVELS, type LogLevel } from './log.ts';

/** Everything a sidecar is told by its environment, checked once at the start. */
export interface Settings {
  readonly proxyId: string;
  /** the mounted Secret, or a folder of the same shape */
  readonly proxyDir: string;
  /** a private place that survives restarts of the process: snapshot and admin socket */
  readonly stateDir: string;
  /** the projected token with which the first certificate is asked */
  readonly tokenFile: string;
  /** used until a configuration says where; undefined: the mount must bring the first one */
  readonly controlPlane: (Reachable & { readonly spiffeId: string }) | undefined;
  /** PEM; trusted for the first identity only */
  readonly trustBundle: string | undefined;
  readonly logLevel: LogLevel;
  /** undefined: where the configuration's listeners say */
  readonly adminAddress: HostPort | undefined;
  /** where declared probes are dialled; undefined: there are none */
  readonly podIp: string | undefined;
  readonly probes: DeclaredProbes;
  /** how long requests in flight may take to finish after SIGTERM */
  readonly graceMs: number;
}

/** `host` undefined: all addresses. */
export interface HostPort {
  readonly host: string | undefined;
  readonly port: number;
}

export interface Reachable {
  readonly host: string;
  readonly port: number;
}

export class InvalidSettings extends Error {
  constructor(problems: readonly string[]) {
    super(`the environment is not valid: ${problems.join('; ')}`);
    this.name = 'InvalidSettings';
  }
}

type Environment = Readonly<Record<string, string | undefined>>;

const PROXY_ID = /^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/;
const GRACE_DEFAULT_SECONDS = 10;
const GRACE_MAX_SECONDS = 3600;

/** Throws InvalidSettings naming every problem at once. */
export function readSettings(env: Environment): Settings {
  const problems: string[] = [];
  const read = <T>(name: string, fallback: T, parse: (value: string) => T): T => {
    const value = env[name];
    if (value === undefined || value === '') return fallback;
    try {
      return parse(value);
    } catch (error) {
      problems.push(`${name}: ${(error as Error).message}`);
      return fallback;
    }
  };

  const controlPlaneAddress = read('WEFT_CONTROL_PLANE', undefined, parseReachable);
  const controlPlaneId = read('WEFT_CONTROL_PLANE_ID', undefined, parseId);
  const inKubernetes = env.KUBERNETES_SERVICE_HOST !== undefined;
  const settings: Settings = {
    proxyId: read('WEFT_PROXY_ID', '', parseProxyId),
    proxyDir: read('WEFT_PROXY_DIR', MOUNT_PROXY, String),
    stateDir: read('WEFT_STATE_DIR', MOUNT_STATE, String),
    tokenFile: read('WEFT_TOKEN_FILE', join(MOUNT_TOKEN, 'token'), String),
    controlPlane:
      controlPlaneAddress === undefined || controlPlaneId === undefined
        ? undefined
        : { ...controlPlaneAddress, spiffeId: controlPlaneId },
    trustBundle: read('WEFT_TRUST_BUNDLE', undefined, parsePem),
    logLevel: read('WEFT_LOG_LEVEL', 'info', parseLogLevel),
    adminAddress: read(
      'WEFT_ADMIN_ADDRESS',
      inKubernetes ? { host: undefined, port: PORTS.admin } : undefined,
      parseHostPort,
    ),
    podIp: read('WEFT_POD_IP', undefined, parseIp),
    probes: read<DeclaredProbes>('WEFT_PROBES', new Map(), parseProbes),
    graceMs: read('WEFT_GRACE_SECONDS', GRACE_DEFAULT_SECONDS, parseGraceSeconds) * 1000,
  };
  if (!env.WEFT_PROXY_ID) problems.push('WEFT_PROXY_ID: is required');
  if (settings.probes.size > 0 && !env.WEFT_POD_IP) problems.push('WEFT_POD_IP: is required for WEFT_PROBES');
  if (problems.length > 0) throw new InvalidSettings(problems);
  return settings;
}

/** `host:port`, `[ipv6]:port` or `:port`. Throws with what is wrong. */
export function parseHostPort(value: string): HostPort {
  const match = /^(?:\[([0-9a-fA-F:.%]+)\]|([^:[\]/\s]*)):([0-9]{1,5})$/.exec(value);
  const port = Number(match?.[3]);
  if (match === null || port > 65535) throw new Error('must be host:port');
  const host = match[1] ?? match[2];
  return { host: host === '' ? undefined : host, port };
}

/** The same, with a host and a port that can be dialled. */
export function parseReachable(value: string): Reachable {
  const { host, port } = parseHostPort(value);
  if (host === undefined || port === 0) throw new Error('must be host:port');
  return { host, port };
}

function parseProxyId(value: string): string {
  if (!PROXY_ID.test(value)) throw new Error('must be a DNS label');
  return value;
}

function parseId(value: string): string {
  if (parseSpiffeId(value) === undefined) {
    throw new Error('must be spiffe://<trust domain>/ns/<namespace>/sa/<service account>');
  }
  return value;
}

function parsePem(value: string): string {
  if (!value.includes('-----BEGIN CERTIFICATE-----')) throw new Error('must be PEM certificates');
  return value;
}

function parseLogLevel(value: string): LogLevel {
  const level = LOG_LEVELS.find((known) => known === value);
  if (level === undefined) throw new Error(`must be one of ${LOG_LEVELS.join(', ')}`);
  return level;
}

function parseIp(value: string): string {
  if (isIP(value) === 0) throw new Error('must be an IP address');
  return value;
}

function parseGraceSeconds(value: string): number {
  const seconds = /^[0-9]{1,4}$/.test(value) ? Number(value) : Number.NaN;
  if (!(seconds <= GRACE_MAX_SECONDS)) throw new Error(`must be seconds, at most ${GRACE_MAX_SECONDS}`);
  return seconds;
}
