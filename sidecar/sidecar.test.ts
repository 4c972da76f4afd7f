import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { createServer as createHttp, request, type ServerResponse } from 'node:http';
import { join } from 'node:path';
import { before, describe, it, type TestContext } from 'node:test';
import type { Listeners } from '../api/proxy-config.ts';
import { createTestAuthority, type TestAuthority } from '../test/fixtures/certificate-authority.ts';
import { freePorts } from '../test/free-ports.ts';
import {
  eventually,
  KubeletVolume,
  PROXY_ID,
  proxyConfig,
  temporaryFolder,
} from './control/control.fixture.ts';

/** A whole sidecar as a process of its own, on a folder instead of a Secret. */
const WEFT = join(import.meta.dirname, '..', 'weft.ts');
const START_MS = 20_000;

let authority: TestAuthority;
before(async () => {
  authority = await createTestAuthority();
});

async function setUp(t: TestContext) {
  const [admin, inbound, app] = (await freePorts(3)) as [number, number, number];
  const volume = new KubeletVolume(await temporaryFolder(t));
  const stateDir = await temporaryFolder(t);
  const listeners: Listeners = {
    inbound: [{ address: '127.0.0.1', port: inbound, appAddress: '127.0.0.1', appPort: app }],
    outbound: [],
    admin: { address: '127.0.0.1', port: admin },
  };
  const write = async (hash: string, change: Record<string, string> = {}) => {
    const { certificate, privateKey } = await authority.issue({ dns: [PROXY_ID] });
    const config = JSON.stringify(proxyConfig({ listeners, version: { hash, policies: {} } }));
    await volume.write({
      ...{ 'config.json': config, 'tls.crt': certificate, 'tls.key': privateKey, 'ca.crt': authority.root },
      ...change,
    });
  };
  return { admin, inbound, app, volume, stateDir, write };
}

type Place = Awaited<ReturnType<typeof setUp>>;

function run(t: TestContext, { volume, stateDir }: Place, env: Record<string, string> = {}) {
  const child = spawn(process.execPath, [WEFT, 'sidecar'], {
    env: {
      ...{ WEFT_PROXY_ID: PROXY_ID, WEFT_PROXY_DIR: volume.directory, WEFT_STATE_DIR: stateDir },
      ...{ WEFT_GRACE_SECONDS: '1', ...env },
    },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.on('data', (chunk: Buffer) => {
      output += chunk;
    });
  }
  const exited = new Promise<number | null>((resolve) => child.once('close', resolve));
  t.after(async () => {
    child.kill('SIGKILL');
    await exited;
  });
  return { child, exited, output: () => output };
}

async function readiness(port: number): Promise<{ status: number; reasons: string[] }> {
  const answer = await fetch(`http://127.0.0.1:${port}/readyz`).catch(() => undefined);
  if (answer === undefined) return { status: 0, reasons: [] };
  return { status: answer.status, reasons: ((await answer.json()) as { reasons: string[] }).reasons };
}

const becomesReady = (place: Place) =>
  eventually('it is ready', async () => (await readiness(place.admin)).status === 200, START_MS);

function overSocket(stateDir: string, method: string, path: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const socketPath = join(stateDir, 'admin.sock');
    const asked = request({ socketPath, method, path, agent: false }, (response) => {
      let text = '';
      response.setEncoding('utf8').on('data', (chunk: string) => {
        text += chunk;
      });
      response.on('end', () => resolve(text));
    });
    asked.on('error', reject).end();
  });
}

function terminate(child: ChildProcess, exited: Promise<number | null>): Promise<number | null> {
  child.kill('SIGTERM');
  return exited;
}

describe('a sidecar process', () => {
  it('becomes ready, survives a corrupt Secret, takes the next, and exits 0 on SIGTERM', async (t) => {
    const place = await setUp(t);
    await place.write('h1');
    const { child, exited, output } = run(t, place);
    await becomesReady(place);
    await place.write('h2', { 'config.json': '{"version"' });
    const metrics = async () => (await fetch(`http://127.0.0.1:${place.admin}/metrics`)).text();
    await eventually('it is refused', async () =>
      /weft_config_rejected_total\{source="mount"\} 1/.test(await metrics()),
    );
    assert.match(await metrics(), /weft_config_version_info\{hash="h1"\} 1/);
    assert.match(await metrics(), /weft_certificate_expiry_seconds 3[45]\d\d/);
    assert.match(await metrics(), /process_resident_memory_bytes \d{7}/);
    assert.equal((await readiness(place.admin)).status, 200);
    await place.write('h3');
    await eventually('the next is taken', async () => /hash="h3"/.test(await metrics()));
    assert.equal(await terminate(child, exited), 0, output());
    assert.doesNotMatch(output(), /PRIVATE KEY/);
  });

  it('is not ready when told to drain, and serves until SIGTERM', async (t) => {
    const place = await setUp(t);
    await place.write('h1');
    const { child, exited, output } = run(t, place);
    await becomesReady(place);
    const dump = await overSocket(place.stateDir, 'GET', '/config');
    assert.equal((JSON.parse(dump) as { proxyId: string }).proxyId, PROXY_ID);
    const key = (await readFile(join(place.volume.directory, 'tls.key'), 'utf8')).split('\n')[1]!;
    assert.ok(!dump.includes(key) && !dump.includes('PRIVATE'), 'the dump holds no key');

    const drain = spawn(process.execPath, [WEFT, 'drain'], {
      env: { WEFT_STATE_DIR: place.stateDir },
      stdio: 'ignore',
    });
    assert.equal(await new Promise((resolve) => drain.once('close', resolve)), 0);
    assert.deepEqual(await readiness(place.admin), { status: 503, reasons: ['the pod is terminating'] });
    const health = await fetch(`http://127.0.0.1:${place.inbound}/`);
    assert.ok(
      health.headers.get('weft-error') !== null,
      'inbound still answers, though the app is not there',
    );
    assert.equal(health.headers.get('connection'), 'close', 'a caller outside the mesh is to look elsewhere');
    assert.equal(await terminate(child, exited), 0, output());
  });

  it('is not ready once withdrawn, serves, ends connections after what they carry, and stops soon', async (t) => {
    const place = await setUp(t);
    const app = createHttp((request, response) => {
      if (request.url !== '/endless') response.end();
    });
    await new Promise<void>((resolve) => app.listen(place.app, '127.0.0.1', resolve));
    t.after(() => {
      app.closeAllConnections();
      app.close();
    });
    await place.write('h1');
    const { child, exited, output } = run(t, place, { WEFT_GRACE_SECONDS: '3600' });
    await becomesReady(place);
    await eventually('it can be asked', () =>
      overSocket(place.stateDir, 'GET', '/config').then(
        () => true,
        () => false,
      ),
    );
    assert.deepEqual(JSON.parse(await overSocket(place.stateDir, 'POST', '/withdraw')), { withdrawn: true });
    const reasons = ['another sidecar is about to take its place'];
    assert.deepEqual(await readiness(place.admin), { status: 503, reasons });
    const url = `http://127.0.0.1:${place.inbound}/`;
    for (let i = 0; i < 2; i += 1) {
      const answer = await fetch(url);
      assert.deepEqual([answer.status, answer.headers.get('connection')], [200, 'close']);
    }
    const asked = new Promise((resolve) => app.once('request', resolve));
    const endless = fetch(`${url}endless`).catch(() => 'cut');
    await asked;
    // what never ends would keep it for an hour
    assert.equal(await terminate(child, exited), 0, output());
    assert.equal(await endless, 'cut');
  });

  it('lets a request in flight end after SIGTERM, and accepts no other', async (t) => {
    const place = await setUp(t);
    const app = createHttp();
    const asked = new Promise<ServerResponse>((resolve) => {
      app.on('request', (request, response) => {
        // one that still got in before the listener closed is no reason to wait
        if (request.method === 'HEAD') response.end();
        else resolve(response);
      });
    });
    await new Promise<void>((resolve) => app.listen(place.app, '127.0.0.1', resolve));
    t.after(() => app.close());
    await place.write('h1');
    const { child, exited, output } = run(t, place, { WEFT_GRACE_SECONDS: '20' });
    await becomesReady(place);
    const url = `http://127.0.0.1:${place.inbound}/`;
    const answer = fetch(url);
    const response = await asked;
    child.kill('SIGTERM');
    await eventually('no other is accepted', () =>
      fetch(url, { method: 'HEAD' }).then(
        () => false,
        () => true,
      ),
    );
    assert.equal(child.exitCode, null);
    response.end('late');
    assert.equal(await (await answer).text(), 'late');
    assert.equal(await exited, 0, output());
  });

  it('says why it is not ready when the first Secret is bad, and becomes ready with the next', async (t) => {
    const place = await setUp(t);
    await place.write('h1', { 'tls.key': 'nothing' });
    const { child, exited, output } = run(t, place, { WEFT_ADMIN_ADDRESS: `127.0.0.1:${place.admin}` });
    await eventually('it says why', async () => (await readiness(place.admin)).status === 503, START_MS);
    const health = await fetch(`http://127.0.0.1:${place.admin}/healthz`);
    assert.equal(health.status, 200, 'it is alive all the same');
    await eventually('it has read the Secret', async () =>
      (await readiness(place.admin)).reasons.join().includes('the private key cannot be parsed'),
    );
    await place.write('h2');
    await becomesReady(place);
    assert.equal(await terminate(child, exited), 0, output());
  });

  it('exits 2 and says what is wrong when its environment is not valid', async (t) => {
    const place = await setUp(t);
    const { exited, output } = run(t, place, { WEFT_PROXY_ID: '', WEFT_LOG_LEVEL: 'loud' });
    assert.equal(await exited, 2);
    assert.match(output(), /WEFT_LOG_LEVEL: must be one of.*WEFT_PROXY_ID: is required/);
  });

  it('exits 0 on SIGTERM also before it has anything', async (t) => {
    const place = await setUp(t);
    const { child, exited, output } = run(t, place);
    await eventually('it has started', () => output().includes('"starting"'), START_MS);
    assert.equal(await terminate(child, exited), 0, output());
  });
});
