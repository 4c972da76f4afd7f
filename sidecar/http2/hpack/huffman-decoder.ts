import { broken, H2_ERROR } from '../error-codes.ts';
import { CODE_BITS, CODES, EOS } from './huffman-code.ts';

/**
 * A tree whose nodes are rows of 256 entries, one for each value of the next eight bits. Positive: a symbol,
 * `symbol << 4 | bits of its code within this row`. Negative: the offset of the next row. Zero: there is none.
 */
const TREE = buildTree();
const PADDING_MAX_BITS = 7;

function buildTree(): Int32Array {
  const rows: Int32Array[] = [new Int32Array(256)];
  for (let symbol = 0; symbol <= EOS; symbol += 1) {
    let bits = CODE_BITS[symbol]!;
    const code = CODES[symbol]!;
    let row = 0;
    while (bits > 8) {
      bits -= 8;
      const at = (code >>> bits) & 0xff;
      if (rows[row]![at] === 0) rows[row]![at] = -(rows.push(new Int32Array(256)) - 1) * 256;
      row = -rows[row]![at]! / 256;
    }
    const first = (code << (8 - bits)) & 0xff;
    const leaf = symbol === EOS ? 0 : (symbol << 4) | bits;
    rows[row]!.fill(leaf, first, first + (1 << (8 - bits)));
  }
  const tree = new Int32Array(rows.length * 256);
  rows.forEach((row, index) => {
    tree.set(row, index * 256);
  });
  return tree;
}

/**
 * Decodes `bytes` from `start` to `end` into `into` and returns the number of bytes written; `into` has room for
 * 8/5 of the input. Throws ConnectionError for EOS, padding longer than seven bits, or padding that is not the
 * beginning of EOS (RFC 7541 5.2).
 */
export function decodeHuffman(bytes: Uint8Array, start: number, end: number, into: Uint8Array): number {
  let length = 0;
  let row = 0;
  let bits = 0;
  let window = 0;
  for (let at = start; at < end; at += 1) {
    window = (window << 8) | bytes[at]!;
    bits += 8;
    while (bits >= 8) {
      const entry = TREE[row + ((window >>> (bits - 8)) & 0xff)]!;
      if (entry > 0) {
        into[length++] = entry >>> 4;
        bits -= entry & 0xf;
        row = 0;
      } else {
        if (entry === 0) refuse('EOS within a string');
        row = -entry;
        bits -= 8;
      }
    }
  }
  while (bits > 0) {
    const entry = TREE[row + ((window << (8 - bits)) & 0xff)]!;
    if (entry <= 0 || (entry & 0xf) > bits) break;
    into[length++] = entry >>> 4;
    bits -= entry & 0xf;
    row = 0;
  }
  const ones = (1 << bits) - 1;
  if (row !== 0 || bits > PADDING_MAX_BITS || (window & ones) !== ones) refuse('wrong padding');
  return length;
}

function refuse(message: string): never {
  return broken(H2_ERROR.compression, 'RFC 7541 5.2', `Huffman code: ${message}`);
}
