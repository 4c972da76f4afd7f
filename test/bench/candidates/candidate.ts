import type { Certificates } from '../machine/certificates.ts';
import type { Upstream } from '../machine/upstream.ts';

export const CANDIDATES = ['nginx', 'haproxy', 'http-proxy', 'weft'] as const;
export type CandidateName = (typeof CANDIDATES)[number];

/** How a connection is spoken. */
export type Wire = 'plaintext' | 'mtls';

/** HTTP/2 without upgrade, or bytes of which the proxy knows nothing. */
export type Speech = 'h2' | 'tcp';

/** What a proxy stands between. */
export interface Wiring {
  readonly from: Wire;
  readonly to: Wire;
  /** which half of a sidecar it is; only Weft has halves */
  readonly side: 'inbound' | 'outbound';
  /** absent: HTTP/1.1 */
  readonly speaks?: Speech;
  /** the upstream reads bodies before it answers */
  readonly uploads?: true;
  /** where it forwards to, when that is no upstream */
  readonly upstreamPort?: number;
}

/** One running proxy under test. */
export interface RunningProxy {
  readonly port: number;
  readonly pid: number;
  readonly metricsPort?: number;
  /** what a TLS client offers it */
  readonly alpn: string;
  stop(): Promise<void>;
}

/** What starting a proxy takes. */
export interface Surroundings {
  readonly dir: string;
  readonly certificates: Certificates;
  readonly upstream: Upstream;
  /** bundled JavaScript: the candidates that are not binaries */
  readonly bundles: { readonly weft: string; readonly httpProxy: string };
  /** the runtime of the Weft candidate and its flags */
  readonly runtime: string;
  readonly runtimeFlags: readonly string[];
}

export function upstreamPortOf(
  { upstream }: Surroundings,
  { to, uploads, upstreamPort, speaks }: Wiring,
): number {
  if (upstreamPort !== undefined) return upstreamPort;
  if (speaks !== undefined) return upstream[speaks][to];
  if (to === 'mtls') return upstream.mtlsPort;
  return uploads ? upstream.uploadPort : upstream.plainPort;
}
