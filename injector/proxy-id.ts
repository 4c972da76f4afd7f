import { randomInt } from 'node:crypto';

const ALPHABET = 'abcdefghijklmnopqrstuvwxyz0123456789';
const LENGTH = 20;

/**
 * About 103 random bits, a DNS label. It names the pod's Secret before the pod has a name, and nobody who cannot
 * read the pod should guess it.
 */
export function randomProxyId(): string {
  return Array.from({ length: LENGTH }, () => ALPHABET[randomInt(ALPHABET.length)]).join('');
}
