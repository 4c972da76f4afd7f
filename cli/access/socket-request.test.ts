import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer, type RequestListener, type Server } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { askSocket } from './socket-request.ts';

describe('asking at a unix socket', () => {
  let folder: string;
  let path: string;
  let server: Server;
  let answer: RequestListener;
  const ask = (more: object = {}) =>
    askSocket(path, { method: 'GET', path: '/config', timeoutMs: 2_000, ...more });

  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'weft-socket-'));
    path = join(folder, 'admin.sock');
    server = createServer((request, response) => answer(request, response));
    await new Promise<void>((resolve) => server.listen(path, resolve));
  });
  after(async () => {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
    await rm(folder, { recursive: true });
  });

  it('gives status and text as they are', async () => {
    answer = (request, response) => response.writeHead(503).end(`${request.method} ${request.url}`);
    assert.deepEqual(await ask(), { status: 503, text: 'GET /config' });
  });

  it('sends a body', async () => {
    answer = (request, response) => request.pipe(response);
    assert.equal((await ask({ method: 'POST', body: 'ä' })).text, 'ä');
  });

  it('rejects where nobody listens', async () => {
    const nowhere = join(folder, 'none.sock');
    await assert.rejects(askSocket(nowhere, { method: 'GET', path: '/', timeoutMs: 2_000 }), /ENOENT/);
  });

  it('rejects in time when it does not answer', async () => {
    answer = () => {};
    await assert.rejects(ask({ timeoutMs: 30 }), /^Error: the sidecar does not answer$/);
  });

  it('rejects in time when the answer begins and trickles', async () => {
    answer = (_request, response) => {
      const trickle = setInterval(() => response.write('x'), 5);
      response.once('close', () => clearInterval(trickle));
    };
    await assert.rejects(ask({ timeoutMs: 60 }), /^Error: the sidecar does not answer$/);
  });

  it('rejects when the answer is cut', async () => {
    answer = (_request, response) => {
      response.writeHead(200, { 'content-length': '9' });
      response.write('half', () => response.destroy());
    };
    await assert.rejects(ask(), /aborted|ECONNRESET/);
  });

  it('rejects an answer that is too long', async () => {
    answer = (_request, response) => response.end('x'.repeat(5_000));
    await assert.rejects(ask({ answerMaxBytes: 4_000 }), /^Error: the answer is too long$/);
    assert.equal((await ask({ answerMaxBytes: 5_000 })).text.length, 5_000);
  });
});
