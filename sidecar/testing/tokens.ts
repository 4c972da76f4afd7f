import { createHmac } from 'node:crypto';
import { type CryptoKey, exportJWK, generateKeyPair, type JWK, type JWTPayload, SignJWT } from 'jose';
import type { AuthorizationRule, Issuer, ProxyConfig } from '../../api/proxy-config.ts';

export const ISSUER = 'https://id.example';
export const AUDIENCE = 'api';

/** A key of a token issuer, and tokens signed with it. */
export class TestKey {
  readonly id: string;
  readonly algorithm: string;
  readonly publicKey: JWK;
  readonly #privateKey: CryptoKey;

  private constructor(id: string, algorithm: string, publicKey: JWK, privateKey: CryptoKey) {
    this.id = id;
    this.algorithm = algorithm;
    this.publicKey = publicKey;
    this.#privateKey = privateKey;
  }

  static async create(id = 'k1', algorithm = 'ES256'): Promise<TestKey> {
    const { publicKey, privateKey } = await generateKeyPair(algorithm);
    const jwk = { ...(await exportJWK(publicKey)), kid: id, use: 'sig' };
    return new TestKey(id, algorithm, jwk, privateKey);
  }

  /** Valid for an hour unless the claims say otherwise; a claim or header that is undefined is left out. */
  sign(claims: JWTPayload = {}, header: Record<string, unknown> = {}): Promise<string> {
    return new SignJWT(claimsOf(claims))
      .setProtectedHeader({ alg: this.algorithm, kid: this.id, ...header })
      .sign(this.#privateKey);
  }
}

function claimsOf(claims: JWTPayload): JWTPayload {
  return { iss: ISSUER, aud: AUDIENCE, exp: nowSeconds() + 3_600, ...claims };
}

export function nowSeconds(): number {
  return Math.floor(Date.now() / 1000);
}

/** Signed with a secret as HS256, or not at all when there is none. */
export function handMade(header: object, claims: JWTPayload, secret?: string): string {
  const text = [header, claimsOf(claims)]
    .map((part) => Buffer.from(JSON.stringify(part)).toString('base64url'))
    .join('.');
  if (secret === undefined) return `${text}.`;
  return `${text}.${createHmac('sha256', secret).update(text).digest('base64url')}`;
}

export function issuer(keys: readonly TestKey[], more: Partial<Issuer> = {}): Issuer {
  return {
    policy: 'shop/api',
    name: 'id',
    issuer: ISSUER,
    audiences: [AUDIENCE],
    forward: true,
    keys: keys.map(({ publicKey }) => ({ ...publicKey })),
    ...more,
  };
}

export const ADMIN: AuthorizationRule = {
  policy: 'shop/api',
  name: 'admins',
  action: 'Allow',
  mode: 'Enforce',
  when: { jwt: { issuer: ISSUER, claims: [{ name: 'role', values: ['admin', 'root'] }] } },
};

/** Tokens of all these issuers are looked at; open to all unless some rule allows. */
export function withIssuers(issuers: Issuer[], rules: AuthorizationRule[] = []): ProxyConfig['inbound'] {
  const authorizationDefault = rules.some(({ action }) => action === 'Allow') ? 'Deny' : 'Allow';
  const places = issuers.map((_, place) => place);
  return { ports: [{ mtls: 'Permissive', authorizationDefault, issuers: places }], rules, issuers };
}
/** The header field. */
export const bearer = (token: string) => ({ authorization: `Bearer ${token}` });
