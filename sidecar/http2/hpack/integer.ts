/** Writes an integer of RFC 7541 5.1 whose first byte keeps `high` above a prefix of `prefixBits`; returns the end. */
export function writeInteger(
  into: Uint8Array,
  at: number,
  high: number,
  prefixBits: number,
  value: number,
): number {
  const max = (1 << prefixBits) - 1;
  if (value < max) {
    into[at] = high | value;
    return at + 1;
  }
  into[at] = high | max;
  let end = at + 1;
  let rest = value - max;
  while (rest >= 0x80) {
    into[end++] = (rest & 0x7f) | 0x80;
    rest >>>= 7;
  }
  into[end] = rest;
  return end + 1;
}
