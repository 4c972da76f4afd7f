import { addressBlock } from '../../api/address-block.ts';
import type { Caller } from './caller.ts';

export type CallerMatches = (call: { readonly caller: Caller }) => boolean;

/** Throws on what is not an address with a prefix length. */
export function compileIpBlock(block: string): CallerMatches {
  const holds = addressBlock(block);
  return ({ caller }) => holds(caller.address);
}
