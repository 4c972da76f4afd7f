import type { Host } from '../balancers/host.ts';
import type { Context } from '../context.ts';
import type { HttpVersion } from '../http-server.ts';
import type { Probe } from '../layers/health-check.ts';
import { probeHttp } from '../layers/http-probe.ts';
import { probeGrpc, probeHttp2 } from '../layers/http2-probe.ts';
import type { EndpointConnector } from './endpoint-connector.ts';

/**
 * Asks a host what its policy says, over a connection as its requests have: with mTLS where it has a sidecar. A path is
 * asked for in the version of HTTP in which a request of HTTP/1 would go to it, and as there, who answers HTTP/1 to
 * HTTP/2 is asked again, and later, in HTTP/1.
 *
 * @param versionOf the version of HTTP in which a host is asked
 */
export function probeOf(
  { timers, limits }: Context,
  connector: EndpointConnector,
  versionOf: (host: Host) => HttpVersion,
): Probe {
  return (host, policy, timeoutMs, done) => {
    const { endpoint, name } = host;
    const askHttp2 = () => ({
      ...{ dial: connector.http2(endpoint, timeoutMs), host: name },
      ...{ timers, limits, timeoutMs },
    });
    if ('grpc' in policy) return probeGrpc(askHttp2(), policy.grpc.service ?? '', done);
    const { path } = policy;
    const askHttp1 = (leftMs: number) =>
      probeHttp(connector.http1(endpoint, leftMs), path, name, timers, leftMs, done);
    if (versionOf(host) === 'http1') return askHttp1(timeoutMs);
    const endMs = timers.nowMs() + timeoutMs;
    let cancel = probeHttp2(askHttp2(), path, (ok, reason, speaksHttp1) => {
      if (!speaksHttp1) return done(ok, reason);
      host.version.learn('http1', timers.coarseMs());
      cancel = askHttp1(Math.max(1, endMs - timers.nowMs()));
    });
    return () => cancel();
  };
}
