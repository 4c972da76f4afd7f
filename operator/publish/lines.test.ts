import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { LineSplitter, LineTooLongError, TooManyLinesError } from './lines.ts';

describe('splitting lines', () => {
  it('gives the same lines however the bytes come in', () => {
    fc.assert(
      fc.property(
        fc.array(fc.string({ unit: 'grapheme' }).filter((each) => each !== '' && !each.includes('\n'))),
        fc.infiniteStream(fc.integer({ min: 1, max: 7 })),
        (lines, sizes) => {
          const bytes = Buffer.from(lines.map((line) => `${line}\n`).join(''));
          const splitter = new LineSplitter(10_000);
          const found: string[] = [];
          for (let start = 0; start < bytes.length; ) {
            const size = sizes.next().value as number;
            found.push(...splitter.push(bytes.subarray(start, start + size)));
            start += size;
          }
          assert.deepEqual(found, lines);
        },
      ),
    );
  });

  it('refuses a line beyond the bound, in one piece or in many', () => {
    assert.deepEqual(new LineSplitter(4).push(Buffer.from('1234\n')), ['1234']);
    assert.throws(() => new LineSplitter(4).push(Buffer.from('12345\n')), LineTooLongError);
    const splitter = new LineSplitter(4);
    splitter.push(Buffer.from('123'));
    assert.throws(() => splitter.push(Buffer.from('45')), LineTooLongError);
  });

  it('refuses more lines than it allows, empty ones included, until it is refilled', () => {
    const splitter = new LineSplitter(4, 2);
    assert.deepEqual(splitter.push(Buffer.from('1\n\n')), ['1']);
    splitter.refill();
    splitter.push(Buffer.from('1\n2\n'));
    assert.throws(() => splitter.push(Buffer.from('\n')), TooManyLinesError);
  });
});
