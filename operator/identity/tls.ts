import { constants } from 'node:crypto';
import type { SecureContextOptions } from 'node:tls';
import type { Authority, Leaf } from './authority.ts';

/**
 * TLS 1.3 with this leaf; peers chain to the authority's roots. Without session tickets: a resumed session
 * would carry the verdict on a client certificate past its expiry.
 */
export function secureContextOptions(authority: Authority, leaf: Leaf): SecureContextOptions {
  return {
    cert: leaf.certificate,
    key: leaf.privateKey,
    ca: authority.trustBundle,
    minVersion: 'TLSv1.3',
    secureOptions: constants.SSL_OP_NO_TICKET,
  };
}
