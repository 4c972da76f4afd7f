import { createHmac, randomBytes } from 'node:crypto';
import { PORTS } from '../api/names.ts';
import {
  type DeclaredProbe,
  type DeclaredProbes,
  HOOK_KINDS,
  PROBE_KINDS,
  PROBE_PATH_PREFIX,
  type ProbeKind,
  SCRAPE_KEY,
} from '../api/probes.ts';
import { readProbes } from './declared-probes.ts';
import { othersOf } from './eligibility.ts';
import { type PatchOperation, pointer } from './json-patch.ts';
import {
  type Container,
  type Grpc,
  graceSeconds,
  type HttpGet,
  type Pod,
  type Probe,
  type TcpSocket,
} from './pod.ts';
import { rewriteScrape } from './scrape.ts';

/**
 * The kubelet probes an app in plaintext and without identity, which Strict refuses. HTTP, TCP and gRPC probes and
 * HTTP hooks are therefore pointed at the sidecar's admin port, where exactly what the pod declared is asked of
 * the app. Timing stays as it is; `exec` needs nothing.
 */
export interface RewrittenProbes {
  readonly operations: readonly PatchOperation[];
  readonly probes: DeclaredProbes;
  readonly warnings: readonly string[];
  /** what makes the pod impossible to inject */
  readonly errors: readonly string[];
}

/** Seconds; hooks have no timeout of their own, probes one of a second. */
const DEFAULT_TIMEOUT_SECONDS = 1;
const POST_START_TIMEOUT_SECONDS = 60;
const TIMEOUT_MAX_SECONDS = 3600;
const HEADERS_MAX = 64;
const SERVICE_MAX_LENGTH = 4096;
/** What can stand in a request line and in a header: anything else is left to the kubelet. */
const PATH = /^[\x21-\x7e]{0,4095}$/;
const HEADER_NAME = /^[!#$%&'*+.^_`|~0-9A-Za-z-]{1,256}$/;
const HEADER_VALUE = /^[\t\x20-\x7e]{0,4096}$/;

const OTHER_HOST = 'has a host of its own';
const UNKNOWN_PORT = 'names a port that the container does not declare';

/** Hexadecimal digits: 128 bits. */
const TOKEN_LENGTH = 32;
const TOKEN_KEY = randomBytes(32);

/**
 * The token of the probes' paths is made of the proxy id, fresh at each invocation, and of a key that never leaves
 * this process: the proxy id alone is no secret.
 */
export function rewriteProbes(pod: Pod, proxyId: string, tokenKey: Buffer = TOKEN_KEY): RewrittenProbes {
  const token = createHmac('sha256', tokenKey).update(proxyId).digest('hex').slice(0, TOKEN_LENGTH);
  const collector = new Collector(readProbes(pod), token);
  const others = new Set(othersOf(pod));
  for (const list of ['initContainers', 'containers'] as const) {
    for (const [index, container] of (pod.spec[list] ?? []).entries()) {
      if (!others.has(container)) continue;
      rewriteContainer(collector, container, ['spec', list, index], graceSeconds(pod));
    }
  }
  collector.takeScrape(pod);
  return collector;
}

type Path = readonly (string | number)[];

function rewriteContainer(collector: Collector, container: Container, path: Path, grace: number): void {
  for (const kind of PROBE_KINDS) {
    const probe = container[`${kind}Probe`];
    if (probe) rewriteProbe(collector, { container, kind, path: [...path, `${kind}Probe`] }, probe);
  }
  for (const kind of HOOK_KINDS) {
    const action = container.lifecycle?.[kind]?.httpGet;
    if (!action) continue;
    const timeoutSeconds = clampTimeout(kind === 'preStop' ? grace : POST_START_TIMEOUT_SECONDS);
    rewriteHttp(collector, { container, kind, path: [...path, 'lifecycle', kind] }, action, timeoutSeconds);
  }
}

/** One probe or hook; `path` leads to the object that holds its action. */
interface Place {
  readonly container: Container;
  readonly kind: ProbeKind;
  readonly path: Path;
}

function rewriteProbe(collector: Collector, place: Place, probe: Probe): void {
  const timeoutSeconds = clampTimeout(probe.timeoutSeconds ?? DEFAULT_TIMEOUT_SECONDS);
  if (probe.httpGet) rewriteHttp(collector, place, probe.httpGet, timeoutSeconds);
  if (probe.tcpSocket) rewriteTcp(collector, place, probe.tcpSocket, timeoutSeconds);
  if (probe.grpc) rewriteGrpc(collector, place, probe.grpc, timeoutSeconds);
}

function rewriteTcp(collector: Collector, place: Place, action: TcpSocket, timeoutSeconds: number): void {
  const port = resolvePort(place.container, action.port);
  if (action.host) collector.leave(place, OTHER_HOST);
  else if (port === undefined) collector.leave(place, UNKNOWN_PORT);
  else {
    collector.operations.push({ op: 'remove', path: pointer(...place.path, 'tcpSocket') });
    collector.take(place, { tcpSocket: { port }, timeoutSeconds });
  }
}

/** Its port has no name: https://kubernetes.io/docs/reference/generated/kubernetes-api/v1.34/#grpcaction-v1-core */
function rewriteGrpc(collector: Collector, place: Place, action: Grpc, timeoutSeconds: number): void {
  const port = resolvePort(place.container, action.port);
  const service = action.service ?? '';
  if (port === undefined) collector.leave(place, 'has no port from 1 to 65535');
  else if (service.length > SERVICE_MAX_LENGTH) collector.leave(place, 'names an endless service');
  else {
    collector.operations.push({ op: 'remove', path: pointer(...place.path, 'grpc') });
    collector.take(place, { grpc: { port, ...(service !== '' && { service }) }, timeoutSeconds });
  }
}

function rewriteHttp(collector: Collector, place: Place, action: HttpGet, timeoutSeconds: number): void {
  const port = resolvePort(place.container, action.port);
  const obstacle = httpObstacle(action);
  if (port === PORTS.admin) collector.keep(place, action);
  else if (obstacle !== undefined) collector.leave(place, obstacle);
  else if (port === undefined) collector.leave(place, UNKNOWN_PORT);
  else collector.take(place, { httpGet: httpProbe(action, port), timeoutSeconds });
}

function httpProbe(action: HttpGet, port: number): NonNullable<DeclaredProbe['httpGet']> {
  const headers = (action.httpHeaders ?? []).map(({ name, value }) => ({ name, value: value ?? '' }));
  return {
    path: action.path || '/',
    port,
    scheme: action.scheme === 'HTTPS' ? 'HTTPS' : 'HTTP',
    ...(headers.length > 0 && { httpHeaders: headers }),
  };
}

class Collector implements RewrittenProbes {
  readonly operations: PatchOperation[] = [];
  readonly probes: Record<string, DeclaredProbe> = {};
  readonly warnings: string[] = [];
  readonly errors: string[] = [];
  readonly #earlier: DeclaredProbes;
  readonly #token: string;

  constructor(earlier: DeclaredProbes, token: string) {
    this.#earlier = earlier;
    this.#token = token;
  }

  /** From now on the sidecar asks. */
  take(place: Place, probe: DeclaredProbe): void {
    const key = this.#key(place);
    const httpGet = { path: PROBE_PATH_PREFIX + key, port: PORTS.admin, scheme: 'HTTP' };
    this.probes[key] = probe;
    this.operations.push({ op: 'add', path: pointer(...place.path, 'httpGet'), value: httpGet });
  }

  /** It was rewritten by an earlier invocation: it keeps what it asked, under the token of this one. */
  keep(place: Place, action: HttpGet): void {
    const key = this.#key(place);
    const earlier = this.#earlierOf(place, action.path ?? '');
    if (earlier === undefined) {
      this.errors.push(
        `${describe(place)} asks port ${PORTS.admin}, which is Weft's; write the app's own port`,
      );
      return;
    }
    this.probes[key] = earlier;
    const path = PROBE_PATH_PREFIX + key;
    if (action.path === path) return;
    this.operations.push({ op: 'replace', path: pointer(...place.path, 'httpGet', 'path'), value: path });
  }

  #earlierOf(place: Place, path: string): DeclaredProbe | undefined {
    const key = path.slice(PROBE_PATH_PREFIX.length);
    const isOfPlace = path.startsWith(PROBE_PATH_PREFIX) && key.slice(key.indexOf('/') + 1) === keyOf(place);
    return isOfPlace && Object.hasOwn(this.#earlier, key) ? this.#earlier[key] : undefined;
  }

  takeScrape(pod: Pod): void {
    const { operations, probe, warning } = rewriteScrape(pod, this.#token, (key) =>
      Object.hasOwn(this.#earlier, key) ? this.#earlier[key] : undefined,
    );
    this.operations.push(...operations);
    if (probe !== undefined) this.probes[`${this.#token}/${SCRAPE_KEY}`] = probe;
    if (warning !== undefined) this.warnings.push(warning);
  }

  #key(place: Place): string {
    return `${this.#token}/${keyOf(place)}`;
  }

  leave(place: Place, reason: string): void {
    this.warnings.push(
      `${describe(place)} ${reason}: Weft leaves it as it is, and under Strict mTLS it would fail`,
    );
  }
}

function httpObstacle(action: HttpGet): string | undefined {
  if (action.host) return OTHER_HOST;
  if (!PATH.test(action.path ?? '')) return 'has a path that is no valid request target';
  const headers = action.httpHeaders ?? [];
  const valid = headers.every(({ name, value }) => HEADER_NAME.test(name) && HEADER_VALUE.test(value ?? ''));
  return valid && headers.length <= HEADERS_MAX ? undefined : 'has headers that are not valid HTTP';
}

/** As the kubelet does: a name is looked up in the container's ports, a string of digits is a number. */
function resolvePort(container: Container, port: number | string): number | undefined {
  const named = container.ports?.find(({ name }) => name === port)?.containerPort;
  const number = named ?? (/^\d{1,5}$/.test(String(port)) ? Number(port) : 0);
  return number >= 1 && number <= 65535 ? number : undefined;
}

function clampTimeout(seconds: number): number {
  return Math.min(Math.max(seconds, 1), TIMEOUT_MAX_SECONDS);
}

function keyOf({ container, kind }: Place): string {
  return `${container.name}/${kind}`;
}

function describe({ container, kind }: Place): string {
  const what = (HOOK_KINDS as readonly string[]).includes(kind) ? `${kind} hook` : `${kind} probe`;
  return `the ${what} of container ${container.name}`;
}
