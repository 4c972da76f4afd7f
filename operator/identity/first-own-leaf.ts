import { X509Certificate } from 'node:crypto';
import { type Clock, sleep } from '../clock.ts';
import type { Log } from '../log.ts';
import type { IssuerClient } from '../platform.ts';
import type { Authority, Leaf, LeafRequest } from './authority.ts';
import { IssuerError } from './issuer-error.ts';
import { alternativeNames } from './peer.ts';
import { validityOf } from './renewal.ts';

export interface FirstOwnLeafOptions {
  readonly authority: Authority;
  readonly request: LeafRequest;
  readonly store: IssuerClient | undefined;
  /** sees how far the roots are */
  readonly look: () => Promise<void>;
  readonly clock: Clock;
  readonly log: Log;
}

const RETRY_MS = 2_000;

/**
 * The certificate with which an operator begins to serve. With an issuer elsewhere it is the one that was kept, if that
 * is still good: an operator that starts while nobody signs serves. Without one it waits. Rejects when the signal
 * aborts, and with whatever is not the issuer's to say.
 */
export async function firstOwnLeaf(options: FirstOwnLeafOptions, signal: AbortSignal): Promise<Leaf> {
  const { authority, request, store, look, clock, log } = options;
  for (let isFirst = true; !signal.aborted; isFirst = false) {
    const kept = await store?.loadOwnLeaf();
    if (kept !== undefined && isGood(kept, options)) return kept;
    try {
      const leaf = await authority.issue(request, clock.unixMs(), true);
      await store?.storeOwnLeaf(leaf);
      return leaf;
    } catch (error) {
      if (!(error instanceof IssuerError)) throw error;
      if (isFirst)
        log.warn({ reason: error.message }, 'the operator serves nobody before it has a certificate');
    }
    await sleep(clock, RETRY_MS, signal);
    await look();
  }
  throw new Error('stopped before there was a certificate');
}

function isGood(leaf: Leaf, { authority, request, clock }: FirstOwnLeafOptions): boolean {
  try {
    const certificate = new X509Certificate(leaf.certificate);
    const { uris, dnsNames } = alternativeNames(certificate);
    const isNamed = uris.join() === request.spiffeId && dnsNames.join() === request.dnsNames.join();
    const isOurs = authority.signed(certificate) && authority.ownsKey(certificate, leaf.privateKey);
    return isNamed && isOurs && clock.unixMs() < validityOf(certificate).notAfterMs;
  } catch {
    return false;
  }
}
