import type { HpackDecoder } from './decoder.ts';
import { FIELD_OVERHEAD_BYTES, type HpackEncoder } from './encoder.ts';
import type { HeaderField } from './header-field.ts';
import { headerName } from './header-names.ts';

export type Pair = readonly [name: string, value: string];

export function decodePairs(decoder: HpackDecoder, block: Buffer): Pair[] {
  const fields: HeaderField[] = [];
  const count = decoder.decode(block, 0, block.length, fields);
  return fields.slice(0, count).map(({ name, value }) => [name.text, value]);
}

/** `wasIndexed`: as of fields whose sender keeps them. */
export function encodePairs(encoder: HpackEncoder, pairs: readonly Pair[], wasIndexed = false): Buffer {
  const room = pairs.reduce(
    (sum, [name, value]) => sum + name.length + value.length + FIELD_OVERHEAD_BYTES,
    64,
  );
  const into = Buffer.alloc(room);
  let at = encoder.begin(into, 0);
  for (const [name, value] of pairs) at = encoder.write(into, at, headerName(name), value, wasIndexed, false);
  return into.subarray(0, at);
}
