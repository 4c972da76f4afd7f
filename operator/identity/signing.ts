import type { X509Certificate } from 'node:crypto';
import { skewMs } from './rotation.ts';
import { isSignedBy } from './signed-answer.ts';

/** What has to be known of the roots to judge a leaf that an issuer elsewhere has signed. */
export interface Signing {
  /** all that are trusted */
  readonly roots: readonly X509Certificate[];
  /** the one whose leaves are handed out */
  readonly issuing: X509Certificate;
  /** trusted until `retireAtMs` */
  readonly previous: readonly X509Certificate[];
  readonly retireAtMs: number | undefined;
  /** no leaf lives longer, counted from when the state was seen */
  readonly limitMs: number;
}

/**
 * Why this leaf must not be handed out now; undefined: it may. Whoever is met with it has to trust its root as long as
 * it lives: that holds for the root whose turn it is, for one before it until that is dropped, and for none that is new.
 * @param seenMs when the state was last known to be this one
 */
export function whyHeld(leaf: X509Certificate, signing: Signing, seenMs: number): string | undefined {
  const { issuing, previous, retireAtMs, limitMs } = signing;
  const endMs = leaf.validToDate.getTime();
  const clocksMs = skewMs(limitMs);
  if (isSignedBy(leaf, issuing)) {
    const isKnown = endMs <= seenMs + limitMs + clocksMs;
    return isKnown ? undefined : 'the state of the roots was not seen for too long';
  }
  if (!previous.some((root) => isSignedBy(leaf, root))) {
    return 'the issuer signs with a new root, which not everybody trusts yet';
  }
  const isInTime = retireAtMs !== undefined && endMs + clocksMs <= retireAtMs;
  return isInTime ? undefined : 'the issuer signs with a root that is about to be dropped';
}
