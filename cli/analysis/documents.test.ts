import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { after, before, describe, it } from 'node:test';
import { UsageError } from '../usage-error.ts';
import { readDocumentTexts } from './documents.ts';

const NOTHING = Readable.from([]);
let folder: string;
before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'weft-documents-'));
});
after(() => rm(folder, { recursive: true }));

describe('documents given with -f', () => {
  it('are those of files, folders and standard input', async () => {
    await writeFile(join(folder, 'a.yaml'), 'a: 1');
    await writeFile(join(folder, 'b.txt'), 'b: 1');
    const stdin = Readable.from([Buffer.from('é').subarray(0, 1), Buffer.from('é').subarray(1)]);
    const found = await readDocumentTexts([folder, join(folder, 'b.txt'), '-'], stdin);
    assert.deepEqual(
      found.map(({ text }) => text),
      ['a: 1', 'b: 1', 'é'],
    );
  });

  it('may come through a pipe', async () => {
    const pipe = join(folder, 'pipe');
    execFileSync('mkfifo', [pipe]);
    const [[found]] = await Promise.all([readDocumentTexts([pipe], NOTHING), writeFile(pipe, 'a: 1')]);
    assert.equal(found?.text, 'a: 1');
  });

  it('without an end, or larger than 4 MiB, are refused', async () => {
    const large = join(folder, 'large.yaml');
    await writeFile(large, ' '.repeat(4 * 1024 * 1024 + 1));
    const endless = Readable.from(
      (function* () {
        for (;;) yield Buffer.alloc(64 * 1024);
      })(),
    );
    for (const path of ['/dev/zero', large, folder, '-']) {
      await assert.rejects(readDocumentTexts([path], endless), (error) => {
        return error instanceof UsageError && /larger than 4 MiB/.test(error.message);
      });
    }
    await rm(large);
  });

  it('that cannot be read are said to be so', async () => {
    await assert.rejects(readDocumentTexts([join(folder, 'none.yaml')], NOTHING), {
      message: /none\.yaml cannot be read: ENOENT/,
    });
  });
});
