import assert from 'node:assert/strict';
import { stat, writeFile } from 'node:fs/promises';
import { request } from 'node:http';
import { join } from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import { REPLAY_MAX_BYTES } from '../../api/replay.ts';
import { temporaryFolder } from '../control/control.fixture.ts';
import { AdminSocket, type AdminSocketOptions } from './socket.ts';

function ask(
  socketPath: string,
  method: string,
  path: string,
  body = '',
): Promise<{ status: number; body: unknown }> {
  return new Promise((resolve, reject) => {
    const asked = request({ socketPath, method, path, agent: false }, (response) => {
      let text = '';
      response.setEncoding('utf8').on('data', (chunk: string) => {
        text += chunk;
      });
      response.on('end', () => {
        const isJson = response.headers['content-type'] === 'application/json';
        resolve({ status: response.statusCode!, body: isJson ? JSON.parse(text) : text });
      });
    });
    asked.on('error', reject).end(body);
  });
}

async function open(t: TestContext, change: Partial<AdminSocketOptions> = {}) {
  const stateDir = await temporaryFolder(t);
  let drained = 0;
  let withdrawn = 0;
  const socket = new AdminSocket({
    stateDir,
    reasons: () => ['starting'],
    config: () => ({ proxyId: 'p1' }),
    edges: () => [{ source: 'web' }],
    connections: () => ({ open: 1 }),
    trails: (query) => ({ asked: [...query] }),
    replay: async (body) => ({ asked: body.length }),
    drain: () => {
      drained += 1;
    },
    withdraw: () => {
      withdrawn += 1;
    },
    ...change,
  });
  t.after(() => socket.close());
  return { socket, path: join(stateDir, 'admin.sock'), drained: () => drained, withdrawn: () => withdrawn };
}

describe('the admin socket', () => {
  it('answers what is asked, to this user only', async (t) => {
    const { socket, path, drained, withdrawn } = await open(t);
    await socket.listen();
    assert.equal((await stat(path)).mode & 0o777, 0o600);
    assert.deepEqual(await ask(path, 'GET', '/config'), { status: 200, body: { proxyId: 'p1' } });
    assert.deepEqual(await ask(path, 'GET', '/edges'), { status: 200, body: [{ source: 'web' }] });
    assert.deepEqual(await ask(path, 'GET', '/connections'), { status: 200, body: { open: 1 } });
    assert.deepEqual((await ask(path, 'GET', '/readyz')).status, 503);
    assert.equal(drained(), 0);
    assert.deepEqual(await ask(path, 'POST', '/drain'), { status: 200, body: { draining: true } });
    assert.equal(drained(), 1);
    assert.equal(withdrawn(), 0);
    assert.deepEqual(await ask(path, 'POST', '/withdraw'), { status: 200, body: { withdrawn: true } });
    assert.equal(withdrawn(), 1);
    assert.equal((await ask(path, 'GET', '/withdraw')).status, 404);
    assert.equal(drained(), 1);
  });

  it('holds the bodies of four replays, and refuses others until one is done', async (t) => {
    const waiting: (() => void)[] = [];
    const { socket, path } = await open(t, {
      replay: () => new Promise((resolve) => waiting.push(() => resolve({}))),
    });
    await socket.listen();
    const first = Array.from({ length: 4 }, () => ask(path, 'POST', '/replay', '{}'));
    while (waiting.length < 4) await new Promise(setImmediate);
    assert.equal((await ask(path, 'POST', '/replay', '{}')).status, 503);
    for (const done of waiting) done();
    for (const { status } of await Promise.all(first)) assert.equal(status, 200);
    const next = ask(path, 'POST', '/replay', '{}');
    while (waiting.length < 5) await new Promise(setImmediate);
    waiting[4]!();
    assert.equal((await next).status, 200);
  });

  it('knows nothing else', async (t) => {
    const { socket, path, drained } = await open(t);
    await socket.listen();
    for (const [method, url] of [
      ['GET', '/drain'],
      ['POST', '/config'],
      ['GET', '/quit'],
      ['POST', '/quit'],
    ] as const) {
      assert.equal((await ask(path, method, url)).status, 404, `${method} ${url}`);
    }
    assert.equal(drained(), 0);
  });

  it('has a candidate judged, and says what is wrong with it', async (t) => {
    const { socket, path } = await open(t, {
      replay: async (body) => {
        if (body === 'bad') throw new Error('no such thing');
        return { asked: body };
      },
    });
    await socket.listen();
    assert.deepEqual(await ask(path, 'POST', '/replay', '{}'), { status: 200, body: { asked: '{}' } });
    assert.deepEqual(await ask(path, 'POST', '/replay', 'bad'), {
      status: 400,
      body: { error: 'no such thing' },
    });
    const long = await ask(path, 'POST', '/replay', 'x'.repeat(REPLAY_MAX_BYTES + 1));
    assert.equal(long.status, 413);
    assert.equal((await ask(path, 'GET', '/replay')).status, 404);
  });

  it('takes the place of what a killed process left', async (t) => {
    const { socket, path } = await open(t);
    await writeFile(path, '');
    await socket.listen();
    assert.equal((await ask(path, 'GET', '/config')).status, 200);
  });

  it('says so when its path is too long for a socket, or its folder is not there', async (t) => {
    const folder = await temporaryFolder(t);
    const long = (await open(t, { stateDir: join(folder, 'x'.repeat(100)) })).socket;
    await assert.rejects(long.listen(), /longer than the 107 bytes/);
    const none = (await open(t, { stateDir: join(folder, 'none') })).socket;
    await assert.rejects(none.listen(), /EACCES|ENOENT/);
  });
});
