import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, beforeEach, describe, it } from 'node:test';
import { findBinary, versionOf } from './binaries.ts';
import { noProgress } from './progress.ts';

const content = 'the official kube-scheduler';
const checksum = createHash('sha256').update(content).digest('hex');
const names = ['WEFT_CACHE_DIR', 'WEFT_KUBERNETES_RELEASES', 'KUBEBUILDER_ASSETS'] as const;

/** A release server: it tells the checksum that it is told to. */
function serveRelease(told: () => string): Promise<Server> {
  const server = createServer((asked, answer) =>
    answer.end(asked.url?.endsWith('.sha256') ? told() : content),
  );
  return new Promise((resolve) => server.listen(0, '127.0.0.1', () => resolve(server)));
}

const skip = process.platform !== 'linux' && 'releases are downloaded for Linux only';

describe('finding a binary', { skip }, () => {
  const saved = names.map((name) => [name, process.env[name]] as const);
  const directory = mkdtempSync(join(tmpdir(), 'weft-binaries-'));
  let told = checksum;
  let server: Server;

  before(async () => {
    server = await serveRelease(() => told);
    const { port } = server.address() as AddressInfo;
    process.env.WEFT_KUBERNETES_RELEASES = `http://127.0.0.1:${port}`;
    delete process.env.KUBEBUILDER_ASSETS;
  });

  beforeEach(() => {
    process.env.WEFT_CACHE_DIR = mkdtempSync(join(directory, 'cache-'));
  });

  after(() => {
    server.close();
    rmSync(directory, { recursive: true });
    for (const [name, value] of saved) {
      if (value === undefined) delete process.env[name];
      else process.env[name] = value;
    }
  });

  it('takes the versions from the go.mod files', () => {
    assert.match(versionOf('kube-apiserver'), /^v1\.\d+\.\d+$/);
    assert.match(versionOf('helm4'), /^v4\./);
    assert.match(versionOf('helm3'), /^v3\./);
    assert.match(versionOf('coredns'), /^v1\./);
  });

  it('refuses an official release with the wrong checksum', async () => {
    told = 'f'.repeat(64);
    await assert.rejects(findBinary('kube-scheduler', noProgress), /checksum/);
  });

  it('downloads the official release into the cache once', async () => {
    told = checksum;
    const path = await findBinary('kube-scheduler', noProgress);
    assert.equal(readFileSync(path, 'utf8'), content);
    server.closeAllConnections();
    assert.equal(await findBinary('kube-scheduler', noProgress), path);
  });
});
