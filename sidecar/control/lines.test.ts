import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { LineSplitter, parseJson } from './lines.ts';

function split(chunks: readonly Buffer[], maxBytes = 1000): string[] {
  const lines: string[] = [];
  const splitter = new LineSplitter(maxBytes, (line) => lines.push(line));
  for (const chunk of chunks) splitter.push(chunk);
  splitter.end();
  return lines;
}

describe('splitting lines', () => {
  it('gives the same lines however the bytes arrive', () => {
    fc.assert(
      fc.property(
        fc.array(fc.string({ unit: 'grapheme' })),
        fc.infiniteStream(fc.integer({ min: 1, max: 5 })),
        (texts, sizes) => {
          const lines = texts.map((text) => text.replaceAll('\n', '')).filter((text) => text !== '');
          const bytes = Buffer.from(lines.map((line) => `${line}\n`).join(''));
          const chunks: Buffer[] = [];
          for (let at = 0; at < bytes.length; ) {
            const size = sizes.next().value;
            chunks.push(bytes.subarray(at, at + size));
            at += size;
          }
          assert.deepEqual(
            split(chunks),
            Buffer.from(lines.join('\n')).toString().split('\n').filter(Boolean),
          );
        },
      ),
    );
  });

  it('skips empty lines and takes a last line without its newline', () => {
    assert.deepEqual(split([Buffer.from('\n\na\n\nb')]), ['a', 'b']);
  });

  it('refuses a line above the cap, and takes one of exactly the cap', () => {
    assert.deepEqual(split([Buffer.from('abcd\nabcd')], 4), ['abcd', 'abcd']);
    assert.throws(() => split([Buffer.from('abcde\n')], 4), { name: 'LineTooLong' });
    assert.throws(() => split([Buffer.from('abc'), Buffer.from('de')], 4), { name: 'LineTooLong' });
  });
});

describe('parsing JSON', () => {
  it('does not quote the text in its error', () => {
    assert.throws(
      () => parseJson('-----BEGIN PRIVATE KEY-----'),
      (error: Error) => !error.message.includes('PRIVATE') && /27 characters/.test(error.message),
    );
  });
});
