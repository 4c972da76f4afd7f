import type { Protocol } from '../../api/proxy-config.ts';
import type { HttpVersion } from '../http-server.ts';
import type { Exchange } from '../http1/exchange.ts';
import type { LearnedVersion } from './learned-version.ts';

/** What decides about the version of a request, or of its copy. */
export type Asked = Pick<Exchange, 'protocol' | 'version' | 'head'>;

/** Whether it is declared to be HTTP, of whatever version. */
export function isHttp(protocol: Protocol | undefined): boolean {
  return protocol === 'HTTP' || protocol === 'HTTP2' || protocol === 'GRPC';
}

/** The one version of HTTP that a server takes, by what was declared of it; undefined: requests go on as they came. */
export function onlyVersionOf(protocol: Protocol | undefined): HttpVersion | undefined {
  return protocol === 'HTTP2' || protocol === 'GRPC' ? 'http2' : undefined;
}

/**
 * Whether a request may go on in another version than it came in: tunnels have forms of their own in either, and gRPC
 * has none in HTTP/1. A server that answers in the other version has done nothing about it (RFC 9113 3.4).
 */
export function isTranslatable({ protocol, head }: Asked): boolean {
  return protocol !== 'grpc' && head.upgrade === undefined && head.method !== 'CONNECT';
}

/** In which version a request goes on to a server. @param current where it is not translated */
export function versionFor(
  asked: Asked,
  current: HttpVersion,
  declared: HttpVersion | undefined,
  learned: LearnedVersion,
  nowMs: number,
): HttpVersion {
  if (!isTranslatable(asked)) return current;
  return learned.choose(declared ?? asked.version, asked.head.framing.type === 'none', nowMs);
}
