/** As large as the read buffer: what is written is mostly what was read. */
export const BLOCK_BYTES = 64 * 1024;
const MAX_KEPT = 16;

const kept: Buffer[] = [];

/** Memory for what is written while it may still be on its way, used again: of a large body none becomes garbage. */
export function takeBlock(bytes: number): Buffer {
  if (bytes > BLOCK_BYTES) return Buffer.allocUnsafeSlow(bytes);
  return kept.pop() ?? Buffer.allocUnsafeSlow(BLOCK_BYTES);
}

export function giveBlock(block: Buffer): void {
  if (block.length === BLOCK_BYTES && kept.length < MAX_KEPT) kept.push(block);
}
