import { createPublicKey } from 'node:crypto';
import type { Issuer } from '../../api/proxy-config.ts';

type Keys = Issuer['keys'];
type Jwk = Readonly<Record<string, unknown>>;

/** As many as a proxy is told of one issuer. */
export const KEYS_MAX = 64;
/** RFC 7518, section 3.3: shorter ones must not be used. */
const RSA_MIN_BITS = 2048;
/** What it takes to verify: RFC 7517 section 4, RFC 7518 section 6, RFC 8037 section 2. No certificate chains. */
const PUBLIC_MEMBERS = ['kty', 'kid', 'use', 'alg', 'key_ops', 'n', 'e', 'crv', 'x', 'y'];
const PRIVATE_MEMBERS = ['d', 'p', 'q', 'dp', 'dq', 'qi', 'oth', 'k'];
const SIGNING_TYPES = ['rsa', 'ec', 'ed25519', 'ed448'];
const KEY_TYPES: readonly unknown[] = ['RSA', 'EC', 'OKP'];

/**
 * What is wrong with the key set that stands in a policy (RFC 7517, section 5), in words that follow its name.
 * Everything in it must be usable; an empty one is a way to say that no token of the issuer counts.
 */
export function inlineKeysProblem(text: string): string | undefined {
  const listed = parse(text);
  if (listed === undefined) return 'is no JSON object with a list keys: write {"keys": [{"kty": …}]}';
  if (listed.length > KEYS_MAX) return `has ${listed.length} keys, more than ${KEYS_MAX}: remove old ones`;
  for (const [index, key] of listed.entries()) {
    const problem = problemOf(key);
    if (problem !== undefined) return `keys[${index}] ${problem}`;
  }
  return undefined;
}

/** Of a set that was checked when its policy was accepted. Every proxy asks, so it is parsed once. */
export function acceptedInlineKeys(jwks: { readonly inline?: string }): Keys {
  const known = parsed.get(jwks);
  if (known !== undefined) return known;
  const keys = verifyingKeys((parse(jwks.inline ?? '') ?? []).filter(isObject));
  parsed.set(jwks, keys);
  return keys;
}
const parsed = new WeakMap<object, Keys>();

/** Of a set that was fetched, what can verify signatures; the rest is no mistake of the policy. */
export function verifyingKeys(keys: readonly object[]): Keys {
  const usable = keys.filter((key) => KEY_TYPES.includes((key as Jwk).kty) && (key as Jwk).use !== 'enc');
  return usable.slice(0, KEYS_MAX).map(publicPart);
}

function parse(text: string): unknown[] | undefined {
  try {
    const set: unknown = JSON.parse(text);
    const keys = typeof set === 'object' && set !== null ? (set as Jwk).keys : undefined;
    return Array.isArray(keys) ? keys : undefined;
  } catch {
    return undefined;
  }
}

/** Its words never contain what is in the key. */
export function problemOf(key: unknown): string | undefined {
  if (!isObject(key)) return 'is no key: write {"kty": …}';
  const jwk = key as Jwk;
  if (jwk.kty === 'oct')
    return 'is symmetric (kty oct): whoever verifies could sign; use a public key (RSA, EC or OKP)';
  if (!KEY_TYPES.includes(jwk.kty))
    return 'has a kty that cannot be used: use a public key of kty RSA, EC or OKP';
  const secret = PRIVATE_MEMBERS.find((member) => jwk[member] !== undefined);
  if (secret !== undefined)
    return `is private (it has ${secret}): write its public part, and replace the key, it is known now`;
  if (jwk.use === 'enc') return 'is for encryption (use enc): list keys that verify signatures';
  return unusable(jwk);
}

function unusable(jwk: Jwk): string | undefined {
  try {
    const key = createPublicKey({ key: { ...jwk }, format: 'jwk' });
    if (!SIGNING_TYPES.includes(String(key.asymmetricKeyType)))
      return 'cannot verify signatures: use RSA, EC or Ed25519';
    const bits = key.asymmetricKeyDetails?.modulusLength;
    if (bits !== undefined && bits < RSA_MIN_BITS)
      return `has ${bits} bits, fewer than ${RSA_MIN_BITS}: use a longer key`;
    return undefined;
  } catch {
    return 'is no valid public key: its members do not fit its kty (RFC 7518, section 6)';
  }
}

function isObject(key: unknown): key is object {
  return typeof key === 'object' && key !== null && !Array.isArray(key);
}

function publicPart(key: object): Record<string, unknown> {
  const jwk = key as Jwk;
  const members = PUBLIC_MEMBERS.filter((member) => jwk[member] !== undefined);
  return Object.fromEntries(members.map((member) => [member, jwk[member]]));
}
