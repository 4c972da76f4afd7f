import { createLocalJWKSet, decodeJwt, decodeProtectedHeader, errors, type JWK, jwtVerify } from 'jose';
import type { Issuer } from '../../api/proxy-config.ts';
import type { VerifiedToken } from '../layers/jwt-claims.ts';

/**
 * The only module that imports `jose`, loaded when some port has issuers and not before.
 * JSON Web Tokens: RFC 7519, with the advice of RFC 8725: algorithms are ours to choose, never the token's;
 * only asymmetric ones, so that a public key can never be taken for a shared secret.
 */
const ALGORITHMS = [
  'RS256',
  'RS384',
  'RS512',
  'PS256',
  'PS384',
  'PS512',
  'ES256',
  'ES384',
  'ES512',
  'EdDSA',
  'Ed25519',
];
/** How far clocks may be apart. */
const SKEW_SECONDS = 60;
/** A token that names no key is tried with those that fit; each try costs a signature check. */
const MAX_TRIES = 4;

export interface Refusal {
  readonly ok: false;
  /** for the log: holds nothing of the token */
  readonly reason: string;
  /** absent: the token is of nobody we know */
  readonly issuer?: Issuer;
}
export type Verified = { readonly ok: true; readonly token: VerifiedToken } | Refusal;
type GetKey = ReturnType<typeof createLocalJWKSet>;

/** Asks the issuers whose name the token bears, in their order; never rejects. */
export async function verifyToken(
  token: string,
  digest: string,
  issuers: readonly Issuer[],
  nowMs: number,
): Promise<Verified> {
  const claimed = readClaimed(token);
  if (claimed === undefined) return { ok: false, reason: 'the token is malformed' };
  const named = issuers.filter(({ issuer }) => issuer === claimed.issuer);
  let refusal: Refusal = { ok: false, reason: 'the token is of an issuer that is not listed' };
  for (const issuer of named) {
    const result = await verifyWith(issuer, token, claimed.keyId, digest, nowMs);
    if (result.ok) return result;
    refusal = result;
  }
  return refusal;
}

/** What the token says before anything of it is believed. */
function readClaimed(token: string): { readonly issuer: unknown; readonly keyId: unknown } | undefined {
  try {
    return { issuer: decodeJwt(token).iss, keyId: decodeProtectedHeader(token).kid };
  } catch {
    return undefined;
  }
}

async function verifyWith(
  issuer: Issuer,
  token: string,
  keyId: unknown,
  digest: string,
  nowMs: number,
): Promise<Verified> {
  const refused = (reason: string): Refusal => ({ ok: false, reason, issuer });
  if (issuer.keys.length === 0) return refused(`no keys of issuer ${issuer.name} yet`);
  let reason = 'no key of the issuer fits the token';
  let tries = 0;
  for (const key of keysOf(issuer)) {
    if (keyId !== undefined && key.id !== keyId) continue;
    try {
      const { payload } = await jwtVerify(token, key.get, {
        algorithms: ALGORITHMS,
        issuer: issuer.issuer,
        ...(issuer.audiences && { audience: [...issuer.audiences] }),
        clockTolerance: SKEW_SECONDS,
        requiredClaims: ['exp'],
        currentDate: new Date(nowMs),
      });
      const validUntilMs = (payload.exp! + SKEW_SECONDS) * 1000;
      return { ok: true, token: { source: issuer, claims: payload, validUntilMs, digest } };
    } catch (error) {
      // a key of another type costs nothing
      if (error instanceof errors.JWKSNoMatchingKey) continue;
      reason = reasonOf(error);
      if (isAboutToken(error)) return refused(reason);
      tries += 1;
      if (tries === MAX_TRIES) break;
    }
  }
  return refused(reason);
}

interface Key {
  readonly id: string | undefined;
  readonly get: GetKey;
}

const KEYS = new WeakMap<Issuer, readonly Key[]>();

/** One set a key, so that jose picks none for us and says of each whether it fits; it keeps what it imported. */
function keysOf(issuer: Issuer): readonly Key[] {
  const known = KEYS.get(issuer);
  if (known !== undefined) return known;
  const keys = (issuer.keys as JWK[]).map((key) => ({
    id: key.kid,
    get: createLocalJWKSet({ keys: [key] }),
  }));
  KEYS.set(issuer, keys);
  return keys;
}

/** Whatever the key: the others will say the same. */
function isAboutToken(error: unknown): boolean {
  return (
    error instanceof errors.JWTExpired ||
    error instanceof errors.JWTClaimValidationFailed ||
    error instanceof errors.JOSEAlgNotAllowed ||
    error instanceof errors.JWSInvalid ||
    error instanceof errors.JWTInvalid
  );
}

function reasonOf(error: unknown): string {
  if (error instanceof errors.JWTExpired) return 'the token has expired';
  if (error instanceof errors.JWTClaimValidationFailed) {
    if (error.reason === 'missing') return `the token has no claim ${error.claim}`;
    return error.claim === 'nbf' ? 'the token is not valid yet' : `the token has the wrong ${error.claim}`;
  }
  if (error instanceof errors.JWSSignatureVerificationFailed) return 'the signature of the token is wrong';
  if (error instanceof errors.JOSEAlgNotAllowed) return 'the algorithm of the token is not allowed';
  if (error instanceof errors.JWSInvalid || error instanceof errors.JWTInvalid)
    return 'the token is malformed';
  return 'the token cannot be verified with the keys of the issuer';
}
