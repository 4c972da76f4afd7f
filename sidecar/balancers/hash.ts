/**
 * 32-bit string hashing: FNV-1a (Fowler, Noll, Vo) over UTF-16 units, finished with the mixer of MurmurHash3
 * so that neighbouring addresses land far apart. Not a defence: who chooses the text can make it collide.
 */

/** For what must be equal in every process, such as the place of a host on a ring. */
export const CONSISTENT_SEED = 0;

/** For what should differ from process to process. `random` gives [0, 1). */
export function newSeed(random: () => number): number {
  return Math.floor(random() * 0x1_0000_0000) >>> 0;
}

/** An unsigned 32-bit integer. */
export function hash32(text: string, seed: number): number {
  let hash = FNV_OFFSET ^ seed;
  for (let at = 0; at < text.length; at += 1) hash = Math.imul(hash ^ text.charCodeAt(at), FNV_PRIME);
  return mix32(hash);
}

/** Of `bytes[start, end)`; equal to `hash32` of the same text when that is Latin-1, as header values are. */
export function hashBytes32(bytes: Uint8Array, start: number, end: number, seed: number): number {
  let hash = FNV_OFFSET ^ seed;
  for (let at = start; at < end; at += 1) hash = Math.imul(hash ^ (bytes[at] as number), FNV_PRIME);
  return mix32(hash);
}

/** A bijection of 32-bit integers in which every input bit moves every output bit (MurmurHash3, fmix32). */
export function mix32(value: number): number {
  let mixed = value;
  mixed = Math.imul(mixed ^ (mixed >>> 16), 0x85ebca6b);
  mixed = Math.imul(mixed ^ (mixed >>> 13), 0xc2b2ae35);
  return (mixed ^ (mixed >>> 16)) >>> 0;
}

const FNV_OFFSET = 0x811c9dc5;
const FNV_PRIME = 0x01000193;
