import { generateKeyPairSync, type JsonWebKey } from 'node:crypto';

/** JSON Web Keys for tests. */
const ec = generateKeyPairSync('ec', { namedCurve: 'P-256' });
export const EC_KEY: JsonWebKey = { ...ec.publicKey.export({ format: 'jwk' }), kid: 'ec', use: 'sig' };
export const EC_PRIVATE_KEY: JsonWebKey = ec.privateKey.export({ format: 'jwk' });
