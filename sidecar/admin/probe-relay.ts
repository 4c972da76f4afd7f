import { type ClientRequest, request as httpRequest, type IncomingMessage } from 'node:http';
import { request as httpsRequest } from 'node:https';
import { connect, isIPv6, type Socket } from 'node:net';
import { INBOUND_SOURCE_IPV4, INBOUND_SOURCE_IPV6 } from '../../api/names.ts';
import { messageOf } from '../log.ts';
import type { DeclaredProbe, HttpProbe, TcpProbe } from './declared-probes.ts';
import { askGrpc } from './grpc-probe.ts';

export interface ProbeResult {
  readonly status: number;
  readonly detail: string;
}

/** Of the kubelet's: https://github.com/kubernetes/kubernetes/blob/master/pkg/probe/http/http.go */
const REDIRECTS_MAX = 10;
const UNAVAILABLE = 503;
/** would frame a body that is not sent, or change the connection */
const NOT_FORWARDED = new Set(['connection', 'content-length', 'transfer-encoding', 'upgrade', 'te']);

/**
 * Asks the app what the kubelet wanted to ask: at the pod's IP, from the address that is exempt from
 * redirection. Never rejects: whatever goes wrong is a failed probe.
 */
export async function relayProbe(
  probe: DeclaredProbe,
  podIp: string,
  userAgent: string,
  signal: AbortSignal,
): Promise<ProbeResult> {
  const bounded = new AbortController();
  const abort = () => bounded.abort();
  const timer = setTimeout(abort, probe.timeoutMs);
  signal.addEventListener('abort', abort, { once: true });
  try {
    return await ask(probe, podIp, userAgent, bounded.signal);
  } catch (error) {
    const late = bounded.signal.aborted && !signal.aborted;
    return {
      status: UNAVAILABLE,
      detail: late ? `no answer within ${probe.timeoutMs} ms` : messageOf(error),
    };
  } finally {
    clearTimeout(timer);
    signal.removeEventListener('abort', abort);
  }
}

function ask(
  probe: DeclaredProbe,
  podIp: string,
  userAgent: string,
  signal: AbortSignal,
): Promise<ProbeResult> {
  if (probe.type === 'http') return askHttp(probe, podIp, userAgent, signal);
  if (probe.type === 'tcp') return askTcp(probe, podIp, signal);
  return askGrpc(probe, urlHost(podIp), userAgent, dial(podIp, probe.port, signal));
}

function dial(podIp: string, port: number, signal: AbortSignal): Socket {
  return connect({ host: podIp, port, localAddress: sourceFor(podIp), signal });
}

function askTcp(probe: TcpProbe, podIp: string, signal: AbortSignal): Promise<ProbeResult> {
  return new Promise((resolve, reject) => {
    const socket = dial(podIp, probe.port, signal);
    socket.on('error', reject);
    socket.once('connect', () => {
      socket.destroy();
      resolve({ status: 200, detail: 'connected' });
    });
  });
}

/** Follows redirects within the same app; one to elsewhere counts as success, as the kubelet has it. */
async function askHttp(
  probe: HttpProbe,
  podIp: string,
  userAgent: string,
  signal: AbortSignal,
): Promise<ProbeResult> {
  const origin = `${probe.scheme}://${urlHost(podIp)}:${probe.port}`;
  let path = probe.path;
  for (let redirects = 0; redirects <= REDIRECTS_MAX; redirects++) {
    const { status, location } = await get(probe, podIp, path, userAgent, signal);
    if (status < 300 || status >= 400 || location === undefined) {
      return { status, detail: `the app answered ${status}` };
    }
    const next = resolveLocation(location, origin + path);
    if (next === undefined || next.origin !== new URL(origin).origin) {
      return { status: 200, detail: 'the app redirects to another place' };
    }
    path = next.pathname + next.search;
  }
  return { status: 200, detail: `the app redirects more than ${REDIRECTS_MAX} times` };
}

function get(
  probe: HttpProbe,
  podIp: string,
  path: string,
  userAgent: string,
  signal: AbortSignal,
): Promise<{ status: number; location: string | undefined }> {
  return new Promise((resolve, reject) => {
    const answered = (response: IncomingMessage) => {
      const { statusCode = UNAVAILABLE, headers } = response;
      response.on('error', () => {});
      response.destroy();
      resolve({ status: statusCode, location: headers.location });
    };
    const asked = openRequest(probe, podIp, {
      ...{ path, headers: headersOf(probe, userAgent), signal },
      answered,
    });
    asked.on('error', reject);
    asked.end();
  });
}

/** At the pod's IP, from the exempted address, over a connection of its own. */
export function openRequest(
  { scheme, port }: HttpProbe,
  podIp: string,
  ask: {
    readonly path: string;
    readonly headers: Record<string, string | string[]>;
    readonly signal: AbortSignal;
    readonly answered: (response: IncomingMessage) => void;
  },
): ClientRequest {
  const { answered, ...rest } = ask;
  const options = { host: podIp, port, localAddress: sourceFor(podIp), agent: false as const, ...rest };
  if (scheme === 'http') return httpRequest(options, answered);
  // the kubelet does not verify the certificate of an HTTPS probe either
  return httpsRequest({ ...options, rejectUnauthorized: false }, answered);
}

function headersOf(probe: HttpProbe, userAgent: string): Record<string, string | string[]> {
  const headers: Record<string, string | string[]> = { 'user-agent': userAgent, accept: '*/*' };
  for (const { name, value } of probe.headers) {
    const key = name.toLowerCase();
    if (!NOT_FORWARDED.has(key)) headers[key] = value;
  }
  return headers;
}

function resolveLocation(location: string, base: string): URL | undefined {
  return URL.canParse(location, base) ? new URL(location, base) : undefined;
}

function urlHost(podIp: string): string {
  return isIPv6(podIp) ? `[${podIp}]` : podIp;
}

function sourceFor(podIp: string): string {
  return isIPv6(podIp) ? INBOUND_SOURCE_IPV6 : INBOUND_SOURCE_IPV4;
}
