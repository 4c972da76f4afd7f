import type { Protocol } from '../../api/proxy-config.ts';
import type { HttpVersion } from '../http-server.ts';
import type { Exchange } from '../http1/exchange.ts';

/** The one version of HTTP that a server takes, by what was declared of it; undefined: requests go on as they came. */
export function onlyVersionOf(protocol: Protocol | undefined): HttpVersion | undefined {
  return protocol === 'HTTP2' || protocol === 'GRPC' ? 'http2' : undefined;
}

/**
 * In which version a request goes on to who takes only one of them. Tunnels have forms of their own in either version,
 * and gRPC has none in HTTP/1: these stay as they are.
 */
export function versionFor(
  { version, protocol, head }: Exchange,
  current: HttpVersion,
  only: HttpVersion | undefined,
): HttpVersion {
  if (head.upgrade !== undefined || head.method === 'CONNECT' || protocol === 'grpc') return current;
  return only ?? version;
}

/** A server that answers HTTP/1 to HTTP/2 has done nothing about the request (RFC 9113 3.4): it is told once more. */
export function mayFallBack({ protocol, head }: Exchange): boolean {
  return protocol !== 'grpc' && head.upgrade === undefined && head.method !== 'CONNECT';
}
