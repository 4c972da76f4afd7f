import { lookup } from 'node:dns/promises';
import { createSecureContext, getCACertificates, type SecureContext } from 'node:tls';
import type { Clock } from '../clock.ts';
import type { AddressPolicy } from './address-policy.ts';
import { type KeySetRequestOptions, requestKeySet } from './key-set-request.ts';
import { type ParsedKeySet, parseKeySet } from './parse-key-set.ts';

export interface FetchedKeySet extends ParsedKeySet {
  /** how long the server says it stays as it is; undefined: it does not say */
  readonly maxAgeMs: number | undefined;
}
/** Rejects with KeySetError, or the connection's error. */
export type FetchKeySet = (uri: string, signal: AbortSignal) => Promise<FetchedKeySet>;

export interface FetcherOptions {
  readonly refuses: AddressPolicy;
  /** PEM of roots that are trusted beside those Node.js comes with */
  readonly extraRoots?: string;
  readonly clock: Clock;
  readonly resolve?: KeySetRequestOptions['resolve'];
  readonly connectMs?: number;
  readonly totalMs?: number;
}

const CONNECT_MS = 5_000;
const TOTAL_MS = 10_000;
const MAX_BYTES = 256 * 1024;

export function createKeySetFetcher(options: FetcherOptions): FetchKeySet {
  const { refuses, extraRoots, clock } = options;
  let secureContext: SecureContext | undefined;
  const request = {
    ...{ refuses, clock, maxBytes: MAX_BYTES },
    resolve: options.resolve ?? ((hostname) => lookup(hostname, { all: true })),
    connectMs: options.connectMs ?? CONNECT_MS,
    totalMs: options.totalMs ?? TOTAL_MS,
  };
  return async (uri, signal) => {
    // most meshes need none, and all those roots are large
    secureContext ??= trusting(extraRoots);
    const { text, cacheControl } = await requestKeySet(uri, { ...request, secureContext }, signal);
    return { ...parseKeySet(text), maxAgeMs: maxAgeMs(cacheControl) };
  };
}

function trusting(extraRoots: string | undefined): SecureContext {
  const ca = [...getCACertificates('default'), ...(extraRoots === undefined ? [] : [extraRoots])];
  return createSecureContext({ ca, minVersion: 'TLSv1.2' });
}

/** RFC 9111, section 5.2.2; what must not be kept is old at once. */
export function maxAgeMs(cacheControl: string | undefined): number | undefined {
  if (cacheControl === undefined) return undefined;
  if (/(?:^|[,\s])no-(?:store|cache)(?:$|[,\s=])/i.test(cacheControl)) return 0;
  const seconds = /(?:^|[,\s])max-age="?([0-9]{1,10})/i.exec(cacheControl)?.[1];
  return seconds === undefined ? undefined : Number(seconds) * 1000;
}
