import type { AuthorizationRule, ProxyConfig } from '../../api/proxy-config.ts';
import type { TrailRecord } from '../../api/trail-record.ts';
import { validateProxyConfig } from '../../api/validate-proxy-config.ts';
import { type Access, keyOf, type ServiceView, type Sidecar } from '../access/access.ts';
import { askAll, type Unanswered } from '../access/ask-all.ts';
import type { Edge } from '../run/admin-client.ts';
import { readTrails } from '../trail/read-trails.ts';

/** What the sidecars of a Service, or of pods with some labels, know of who called them. */
export interface RecordedTraffic {
  /** of requests that came in, in the time asked for */
  readonly records: readonly TrailRecord[];
  readonly sidecars: readonly RecordingSidecar[];
  /** rules in force at any of them */
  readonly rules: readonly AuthorizationRule[];
  readonly unanswered: readonly Unanswered[];
  /** pods without a sidecar: what they are asked is recorded nowhere */
  readonly unmeshed: readonly string[];
  /** sidecars beyond those that are asked at most */
  readonly notAsked: number;
}
export interface RecordingSidecar {
  readonly proxy: string;
  /** it is full: what came before `sinceMs` is forgotten */
  readonly isFull: boolean;
  /** of the oldest that it keeps, milliseconds since 1970 */
  readonly sinceMs: number;
  /** who called since it started, requests and connections that are not parsed */
  readonly callers: readonly Edge[];
}

/** So many keep up to 65,536 requests. */
const MAX_SIDECARS = 32;
/** What a sidecar keeps, both directions together. */
const RING = 2_048;

/** `sinceMs`: older requests are left out. */
export async function recordedTraffic(
  access: Access,
  { proxies, unmeshed }: ServiceView,
  sinceMs: number,
): Promise<RecordedTraffic> {
  const asked = proxies.slice(0, MAX_SIDECARS);
  const get = <T>(path: string, from: readonly Sidecar[], read: (answer: unknown) => T) =>
    askAll(access, from, () => ({ method: 'GET', path }), read);
  const trails = await get(`/trails?limit=${2 * RING}`, asked, readTrails);
  const told = trails.answered.map(({ proxy }) => proxy);
  const [edges, configs] = await Promise.all([
    get('/edges', told, readEdges),
    get('/config', told, readRules),
  ]);
  const edgesOf = new Map(edges.answered.map(({ proxy, answer }) => [keyOf(proxy), answer]));
  return {
    records: trails.answered
      .flatMap(({ answer }) => answer)
      .filter(({ direction, endedMs }) => direction === 'inbound' && endedMs >= sinceMs),
    sidecars: trails.answered.map(({ proxy, answer }) => ({
      proxy: keyOf(proxy),
      isFull: answer.length >= RING,
      sinceMs: answer.reduce((first, { endedMs }) => Math.min(first, endedMs), Number.POSITIVE_INFINITY),
      callers: edgesOf.get(keyOf(proxy)) ?? [],
    })),
    rules: configs.answered.flatMap(({ answer }) => answer),
    unanswered: [...trails.unanswered, ...edges.unanswered, ...configs.unanswered],
    ...{ unmeshed, notAsked: proxies.length - asked.length },
  };
}

/** `GET /edges`, those of who called. Throws unless it has its shape. */
function readEdges(answer: unknown): Edge[] {
  if (!Array.isArray(answer) || !answer.every(isEdge)) {
    throw new Error('the sidecar answered with something else than who called it');
  }
  return answer.filter(({ direction }) => direction === 'inbound');
}

function isEdge(value: unknown): value is Edge {
  const { direction, source, allowed } = (value ?? {}) as Partial<Edge>;
  return typeof direction === 'string' && typeof source === 'string' && typeof allowed === 'number';
}

/** The rules of `GET /config`. Throws unless it has its shape. */
function readRules(answer: unknown): readonly AuthorizationRule[] {
  const { config } = (answer ?? {}) as { config?: unknown };
  if (validateProxyConfig(config).length > 0) {
    throw new Error('the sidecar answered with something else than a configuration');
  }
  return (config as ProxyConfig).inbound.rules;
}

/** Whether a rule asks for what no proposed rule does: fields of the head, hosts, gRPC, a token. */
export function isConditional({ when, to }: AuthorizationRule): boolean {
  return (
    when !== undefined ||
    (to?.some(({ headers, hosts, grpc }) => (headers ?? hosts ?? grpc) !== undefined) ?? false)
  );
}
