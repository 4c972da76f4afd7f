/**
 * The probes and HTTP hooks a pod declared, as the injector hands them over in WEFT_PROBES: JSON of
 * `{"<token>/<container>/<kind>": {httpGet: {path, port, scheme, httpHeaders}} | {tcpSocket: {port}} |
 * {grpc: {port, service}}}` with `timeoutSeconds`. Ports are numbers; the injector has resolved names. The token is a secret of the pod.
 * Source: https://kubernetes.io/docs/concepts/configuration/liveness-readiness-startup-probes/
 */
export type DeclaredProbes = ReadonlyMap<string, DeclaredProbe>;

export type DeclaredProbe = HttpProbe | TcpProbe | GrpcProbe;
export interface HttpProbe {
  readonly type: 'http';
  readonly scheme: 'http' | 'https';
  readonly path: string;
  readonly port: number;
  readonly headers: readonly { readonly name: string; readonly value: string }[];
  readonly timeoutMs: number;
}
export interface TcpProbe {
  readonly type: 'tcp';
  readonly port: number;
  readonly timeoutMs: number;
}
/** Asks grpc.health.v1.Health; an empty service is the server as a whole. */
export interface GrpcProbe {
  readonly type: 'grpc';
  readonly port: number;
  readonly service: string;
  readonly timeoutMs: number;
}

const KEY =
  /^[a-z0-9]{20,63}\/[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\/(liveness|readiness|startup|postStart|preStop|scrape)$/;
const PROBES_MAX = 256;
const HEADERS_MAX = 64;
const TIMEOUT_MAX_SECONDS = 3600;
const SERVICE_MAX_LENGTH = 4096;
// a path of printable ASCII without blanks, as it goes into a request line
const PATH = /^\/[\x21-\x7e]{0,4095}$/;
const HEADER_NAME = /^[!#$%&'*+.^_`|~0-9A-Za-z-]{1,256}$/;
const HEADER_VALUE = /^[\t\x20-\x7e\x80-\xff]{0,4096}$/;

/** Throws with the probe that is wrong and why; the token is not told. */
export function parseProbes(text: string): DeclaredProbes {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw new Error('must be JSON');
  }
  const entries = Object.entries(asObject(value, 'it'));
  if (entries.length > PROBES_MAX) throw new Error(`must declare at most ${PROBES_MAX} probes`);
  return new Map(entries.map(([key, probe]) => [checkKey(key), parseProbe(withoutToken(key), probe)]));
}

function withoutToken(key: string): string {
  return key.slice(key.indexOf('/') + 1);
}

function checkKey(key: string): string {
  if (!KEY.test(key))
    throw new Error(
      'a key must be <token>/<container>/<liveness|readiness|startup|postStart|preStop|scrape>',
    );
  return key;
}

function parseProbe(key: string, value: unknown): DeclaredProbe {
  const { httpGet, tcpSocket, grpc, timeoutSeconds = 1 } = asObject(value, key);
  if (!isIntegerIn(timeoutSeconds, 1, TIMEOUT_MAX_SECONDS)) throw new Error(`${key}: timeoutSeconds`);
  const timeoutMs = timeoutSeconds * 1000;
  if ([httpGet, tcpSocket, grpc].filter((action) => action !== undefined).length !== 1) {
    throw new Error(`${key}: must have either httpGet, tcpSocket or grpc`);
  }
  if (httpGet !== undefined) return parseHttp(key, asObject(httpGet, key), timeoutMs);
  if (grpc !== undefined) return parseGrpc(key, asObject(grpc, key), timeoutMs);
  return { type: 'tcp', port: parsePort(key, asObject(tcpSocket, key).port), timeoutMs };
}

function parseHttp(key: string, value: Record<string, unknown>, timeoutMs: number): HttpProbe {
  const { path = '/', scheme = 'HTTP', httpHeaders = [] } = value;
  if (scheme !== 'HTTP' && scheme !== 'HTTPS') throw new Error(`${key}: scheme must be HTTP or HTTPS`);
  // as the kubelet does: a path without its slash gets one
  const rooted = typeof path === 'string' && !path.startsWith('/') ? `/${path}` : path;
  if (typeof rooted !== 'string' || !PATH.test(rooted)) throw new Error(`${key}: path`);
  if (!Array.isArray(httpHeaders) || httpHeaders.length > HEADERS_MAX) throw new Error(`${key}: httpHeaders`);
  return {
    type: 'http',
    scheme: scheme === 'HTTPS' ? 'https' : 'http',
    path: rooted,
    port: parsePort(key, value.port),
    headers: httpHeaders.map((header: unknown) => parseHeader(key, header)),
    timeoutMs,
  };
}

function parseGrpc(key: string, value: Record<string, unknown>, timeoutMs: number): GrpcProbe {
  const { service = '' } = value;
  if (typeof service !== 'string' || service.length > SERVICE_MAX_LENGTH) throw new Error(`${key}: service`);
  return { type: 'grpc', port: parsePort(key, value.port), service, timeoutMs };
}

function parseHeader(key: string, value: unknown): { name: string; value: string } {
  const { name, value: text = '' } = asObject(value, key);
  if (typeof name !== 'string' || !HEADER_NAME.test(name)) throw new Error(`${key}: name of a header`);
  if (typeof text !== 'string' || !HEADER_VALUE.test(text)) throw new Error(`${key}: header ${name}`);
  return { name, value: text };
}

function parsePort(key: string, value: unknown): number {
  if (!isIntegerIn(value, 1, 65535)) throw new Error(`${key}: port must be a number from 1 to 65535`);
  return value;
}

function isIntegerIn(value: unknown, min: number, max: number): value is number {
  return Number.isInteger(value) && (value as number) >= min && (value as number) <= max;
}

function asObject(value: unknown, what: string): Record<string, unknown> {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw new Error(`${what} must be an object`);
  }
  return value as Record<string, unknown>;
}
