import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';

interface Ended {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** `input` undefined: standard input stays open, as it does over exec. */
function weft(args: readonly string[], input = ''): Promise<Ended> {
  const child = spawn(process.execPath, ['weft.ts', 'admin', ...args], { stdio: 'pipe' });
  const texts = { stdout: '', stderr: '' };
  for (const stream of ['stdout', 'stderr'] as const) {
    child[stream].on('data', (chunk: Buffer) => {
      texts[stream] += chunk;
    });
  }
  child.stdin.on('error', () => {}); // it may have ended before
  child.stdin.write(input);
  return new Promise((resolve) =>
    child.once('exit', (code) => {
      child.stdin.destroy();
      child.once('close', () => resolve({ code, ...texts }));
    }),
  );
}

describe('weft admin, inside the container of a sidecar', () => {
  let folder: string;
  let server: Server;
  const at = () => ['--state-dir', folder];

  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'weft-admin-'));
    server = createServer((request, response) => {
      response.statusCode = request.method === 'POST' ? 400 : 200;
      response.write(`${request.method} ${request.url} `);
      request.pipe(response);
    });
    await new Promise<void>((resolve) => server.listen(join(folder, 'admin.sock'), resolve));
  });
  after(async () => {
    await new Promise((resolve) => server.close(resolve));
    await rm(folder, { recursive: true });
  });

  it('prints the status in a line of its own, then the answer', async () => {
    const { code, stdout } = await weft(['GET', '/trails?id=a%20b', ...at()]);
    assert.deepEqual([code, stdout], [0, '200\nGET /trails?id=a%20b ']);
  });

  it('takes as many bytes of standard input as it is told, without waiting for its end', async () => {
    const { code, stdout } = await weft(['POST', '/replay', '--bytes', '3', ...at()], 'äbcd');
    assert.deepEqual([code, stdout], [0, '400\nPOST /replay äb']);
  });

  const bad: [what: string, args: readonly string[], words: RegExp][] = [
    ['another method', ['DELETE', '/x'], /neither GET nor POST of a path/],
    ['no path', ['GET', 'config'], /neither GET nor POST of a path/],
    ['bytes that are no number', ['POST', '/replay', '--bytes', '1e3'], /--bytes 1e3 is not valid/],
    ['too many bytes', ['POST', '/replay', '--bytes', '99999999'], /--bytes 99999999 is not valid/],
    [
      'no sidecar there',
      ['GET', '/config', '--state-dir', '/nowhere'],
      /no sidecar can be asked at \/nowhere/,
    ],
  ];
  for (const [what, args, words] of bad) {
    it(`exits 2 at ${what}`, async () => {
      const { code, stdout, stderr } = await weft(args);
      assert.deepEqual([code, stdout], [2, '']);
      assert.match(stderr, words);
    });
  }
});
