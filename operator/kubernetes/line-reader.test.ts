import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { readLines } from './line-reader.ts';

async function* chunksOf(bytes: Buffer, sizes: readonly number[]): AsyncGenerator<Buffer> {
  let at = 0;
  for (let index = 0; at < bytes.length; index++) {
    const size = sizes[index % sizes.length] ?? bytes.length;
    yield bytes.subarray(at, at + size);
    at += size;
  }
}
async function read(text: string, sizes: readonly number[] = [1e9], maxLineBytes = 1e6): Promise<string[]> {
  const lines: string[] = [];
  for await (const batch of readLines(chunksOf(Buffer.from(text), sizes), maxLineBytes)) lines.push(...batch);
  return lines;
}

describe('readLines', () => {
  it('reads the same lines however the bytes arrive', async () => {
    const line = fc.string({ unit: 'binary' }).map((text) => `{${text.replaceAll('\n', '')}}`);
    const sizes = fc.array(fc.integer({ min: 1, max: 9 }), { minLength: 1 });
    await fc.assert(
      fc.asyncProperty(fc.array(line), sizes, async (lines, chunkSizes) => {
        const text = lines.map((one) => `${one}\n`).join('');
        assert.deepEqual(await read(text, chunkSizes), lines);
      }),
    );
  });

  it('leaves out empty lines', async () => {
    assert.deepEqual(await read('a\n\n\r\nb\n'), ['a', 'b']);
  });

  it('refuses a stream that ends inside a line', async () => {
    for (const text of ['a', 'a\nb', '\n{']) {
      await assert.rejects(read(text, [1]), { code: 'ERR_TRUNCATED_LINE' });
    }
  });

  it('refuses a line without end before it has all of it', async () => {
    let taken = 0;
    async function* endless(): AsyncGenerator<Buffer> {
      for (;;) {
        taken += 10;
        yield Buffer.from('x'.repeat(10));
      }
    }
    const drain = async () => {
      for await (const _ of readLines(endless(), 100)) assert.fail('a line out of nothing');
    };
    await assert.rejects(drain(), { name: 'TooLargeError' });
    assert.equal(taken, 110);
  });

  it('refuses a line that is too long even when it arrives at once', async () => {
    await assert.rejects(read(`${'x'.repeat(101)}\n`, [1e9], 100), { name: 'TooLargeError' });
  });
});
