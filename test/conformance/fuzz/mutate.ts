/** A uniform number in [0, 1). */
export type Random = () => number;

/** Mulberry32 (public domain, T. Ettinger): small, and the same for the same seed. */
export function seededRandom(seed: number): Random {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

const MAX_BYTES = 2_048;
/** What parsers stumble over. */
const WORDS = [
  ...[
    '\r\n',
    '\n',
    '\r',
    '\r\n\r\n',
    ' ',
    '\t',
    '\u000b',
    '\u0000',
    '\u007f',
    '\u00a0',
    ':',
    ',',
    ';',
    '"',
    '\\',
    '=',
    '#',
    '%2e',
    '%2F',
    '%00',
    '/../',
    '//',
    '*',
    '?',
  ],
  ...[
    'Content-Length: 5\r\n',
    'Transfer-Encoding: chunked\r\n',
    'Host: a\r\n',
    'Connection: close\r\n',
    'Connection: Upgrade\r\nUpgrade: x\r\n',
  ],
  ...[
    'TE: trailers\r\n',
    'Expect: 100-continue\r\n',
    'chunked',
    'identity',
    'HTTP/1.0',
    'HTTP/1.1',
    'GET ',
    'CONNECT a:1 ',
    'OPTIONS * ',
    'http://b',
    '[::1]',
    ':80',
  ],
  ...[
    '0\r\n\r\n',
    '5\r\nhello\r\n',
    '0',
    'f',
    '-1',
    '+5',
    '0x5',
    '99999999999999999999',
    'ffffffffffffffff',
    ';a="b"',
    'HTTP/1.1 200 OK\r\n',
    ' 204 ',
    ' 304 ',
    ' 100 ',
  ],
].map((word) => Buffer.from(word, 'latin1'));

/** One to four changes, each at a random place; `other` is another input to take parts from. */
export function mutate(input: Buffer, other: Buffer, random: Random): Buffer {
  let bytes = input;
  for (let count = 1 + Math.floor(random() * 4); count > 0; count -= 1) {
    bytes = CHANGES[Math.floor(random() * CHANGES.length)]!(bytes, other, random);
  }
  return bytes.subarray(0, MAX_BYTES);
}

type Change = (bytes: Buffer, other: Buffer, random: Random) => Buffer;
const place = (bytes: Buffer, random: Random): number => Math.floor(random() * (bytes.length + 1));
const replace = (bytes: Buffer, from: number, to: number, by: Buffer): Buffer =>
  Buffer.concat([bytes.subarray(0, from), by, bytes.subarray(to)]);
const part = (bytes: Buffer, random: Random): Buffer => {
  const from = place(bytes, random);
  return bytes.subarray(from, from + 1 + Math.floor(random() * 40));
};
const word = (random: Random): Buffer => WORDS[Math.floor(random() * WORDS.length)]!;

const CHANGES: readonly Change[] = [
  // another byte
  (bytes, _other, random) => {
    const at = place(bytes, random);
    return replace(bytes, at, at + 1, Buffer.from([Math.floor(random() * 256)]));
  },
  // one bit
  (bytes, _other, random) => {
    const at = place(bytes, random);
    const changed = (bytes[at] ?? 0) ^ (1 << Math.floor(random() * 8));
    return replace(bytes, at, at + 1, Buffer.from([changed]));
  },
  // a part less
  (bytes, _other, random) => {
    const at = place(bytes, random);
    return replace(bytes, at, at + 1 + Math.floor(random() * 10), Buffer.alloc(0));
  },
  // a word more, or in the place of something
  (bytes, _other, random) => {
    const at = place(bytes, random);
    return replace(bytes, at, at, word(random));
  },
  (bytes, _other, random) => {
    const at = place(bytes, random);
    const by = word(random);
    return replace(bytes, at, at + by.length, by);
  },
  // something twice, or from another input
  (bytes, _other, random) => {
    const at = place(bytes, random);
    return replace(bytes, at, at, part(bytes, random));
  },
  (bytes, other, random) => {
    const at = place(bytes, random);
    return replace(bytes, at, at, part(other, random));
  },
  (bytes, other, random) =>
    Buffer.concat([bytes.subarray(0, place(bytes, random)), other.subarray(place(other, random))]),
];
