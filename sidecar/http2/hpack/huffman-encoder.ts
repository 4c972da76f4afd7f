import { CODE_BITS, CODES } from './huffman-code.ts';

/** How many bytes `text`, which is latin1, takes in the Huffman code. */
export function huffmanBytes(text: string): number {
  let bits = 0;
  for (let at = 0; at < text.length; at += 1) bits += CODE_BITS[text.charCodeAt(at) & 0xff]!;
  return (bits + 7) >>> 3;
}

/** Writes latin1 `text` at `at`, padded with ones; returns where it ends (RFC 7541 5.2). */
export function encodeHuffman(text: string, into: Uint8Array, at: number): number {
  let end = at;
  let window = 0;
  // never more than seven before a code is added, and codes of more than 24 bits come in two parts
  let bits = 0;
  for (let index = 0; index < text.length; index += 1) {
    const symbol = text.charCodeAt(index) & 0xff;
    let codeBits = CODE_BITS[symbol]!;
    const code = CODES[symbol]!;
    if (codeBits > 24) {
      codeBits -= 8;
      window = (window << 8) | (code >>> codeBits);
      into[end++] = window >>> bits;
    }
    window = (window << codeBits) | (code & ((1 << codeBits) - 1));
    bits += codeBits;
    while (bits >= 8) {
      bits -= 8;
      into[end++] = window >>> bits;
    }
  }
  if (bits > 0) into[end++] = (window << (8 - bits)) | ((1 << (8 - bits)) - 1);
  return end;
}
