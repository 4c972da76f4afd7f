import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { decodeHuffman } from './huffman-decoder.ts';
import { encodeHuffman, huffmanBytes } from './huffman-encoder.ts';

const bytesOf = (text: string) => Buffer.from(text, 'latin1');
function encoded(text: string): Buffer {
  const into = Buffer.alloc(huffmanBytes(text));
  assert.equal(encodeHuffman(text, into, 0), into.length);
  return into;
}
function decoded(bytes: Buffer): Buffer {
  const into = Buffer.alloc(Math.ceil((bytes.length * 8) / 5));
  return into.subarray(0, decodeHuffman(bytes, 0, bytes.length, into));
}

test('texts of RFC 7541 C.4 and C.6 are coded as there', () => {
  assert.equal(encoded('www.example.com').toString('hex'), 'f1e3c2e5f23a6ba0ab90f4ff');
  assert.equal(encoded('no-cache').toString('hex'), 'a8eb10649cbf');
  assert.equal(
    encoded('Mon, 21 Oct 2013 20:13:21 GMT').toString('hex'),
    'd07abe941054d444a8200595040b8166e082a62d1bff',
  );
});

test('every single byte and every pair of bytes is decoded again', () => {
  for (let first = 0; first < 256; first += 1) {
    for (let second = 0; second < 256; second += 1) {
      const text = String.fromCharCode(first, second);
      assert.ok(decoded(encoded(text)).equals(bytesOf(text)), `${first} ${second}`);
    }
  }
});

test('any bytes are decoded again', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 500 }), (bytes) => {
      const text = Buffer.from(bytes).toString('latin1');
      assert.ok(decoded(encoded(text)).equals(bytes));
    }),
  );
});

test('what is decoded would be coded as it came: there is one code for each text', () => {
  let accepted = 0;
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 12 }), (bytes) => {
      const input = Buffer.from(bytes);
      let text: Buffer;
      try {
        text = decoded(input);
      } catch {
        return;
      }
      accepted += 1;
      assert.ok(encoded(text.toString('latin1')).equals(input));
    }),
    { numRuns: 3_000 },
  );
  assert.ok(accepted > 0);
});
