import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it, type TestContext } from 'node:test';
import type { Destination } from '../../api/destination.ts';
import type { RouteMatch } from '../../api/destination-traffic.ts';
import { buildAll } from '../../build.ts';
import {
  eventually,
  KubeletVolume,
  PROXY_ID,
  proxyConfig,
  temporaryFolder,
} from '../../sidecar/control/control.fixture.ts';
import { SnapshotFile } from '../../sidecar/control/snapshot.ts';
import { createTestAuthority } from '../fixtures/certificate-authority.ts';
import { freePorts } from '../free-ports.ts';

const KEY = 'shop/api:80';
const START_MS = 20_000;

/** Preloaded into the process: writes down every module that is loaded. */
const WATCH = `
import { appendFileSync } from 'node:fs';
import { registerHooks } from 'node:module';
registerHooks({
  load(url, context, next) {
    appendFileSync(process.env.LOADED_FILE, url + '\\n');
    return next(url, context);
  },
});
`;

describe('a sidecar from the bundle', () => {
  let out: string;
  before(async () => {
    out = await mkdtemp(join(tmpdir(), 'weft-parts-'));
    await buildAll(out);
    await writeFile(join(out, 'watch.js'), WATCH);
  });
  after(() => rm(out, { recursive: true, force: true }));

  /** One request through a sidecar whose destination has one route; resolves with the answer and what was loaded. */
  async function call(t: TestContext, path: NonNullable<RouteMatch['path']>) {
    const [admin, outbound] = (await freePorts(2)) as [number, number];
    const app = createServer((_request, response) => response.end('done'));
    await new Promise<void>((resolve) => app.listen(0, '127.0.0.1', resolve));
    t.after(() => app.close());
    const volume = new KubeletVolume(await temporaryFolder(t));
    const stateDir = await temporaryFolder(t);
    const authority = await createTestAuthority();
    const { certificate, privateKey } = await authority.issue({ dns: [PROXY_ID] });
    const config = proxyConfig({
      listeners: {
        inbound: [],
        outbound: [{ address: '127.0.0.1', port: outbound, destination: KEY }],
        admin: { address: '127.0.0.1', port: admin },
      },
    });
    await volume.write({
      ...{ 'config.json': JSON.stringify(config), 'tls.crt': certificate, 'tls.key': privateKey },
      'ca.crt': authority.root,
    });
    const endpoint = { address: '127.0.0.1', port: (app.address() as AddressInfo).port };
    const destination: Destination = {
      ...{ version: { hash: 'h', policies: {} }, key: KEY, name: 'api', namespace: 'shop' },
      ...{ protocol: 'HTTP', endpoints: [endpoint] },
      traffic: { routes: [{ name: 'one', match: [{ path }] }] },
    };
    const known = [{ key: KEY, destination }];
    await new SnapshotFile(stateDir, 'destinations').save(() => ({
      proxyId: PROXY_ID,
      destinations: known,
    }));
    const loadedFile = join(stateDir, 'loaded');
    const child = spawn(process.execPath, ['--import', './watch.js', 'weft.js', 'sidecar'], {
      cwd: out,
      env: {
        ...{ WEFT_PROXY_ID: PROXY_ID, WEFT_PROXY_DIR: volume.directory, WEFT_STATE_DIR: stateDir },
        ...{ WEFT_GRACE_SECONDS: '0', LOADED_FILE: loadedFile },
      },
      stdio: ['ignore', 'ignore', 'inherit'],
    });
    const exited = new Promise((resolve) => child.once('close', resolve));
    t.after(async () => {
      child.kill('SIGKILL');
      await exited;
    });
    const status = (url: string) =>
      fetch(url).then(
        ({ status }) => status,
        () => 0,
      );
    const isReady = async () => (await status(`http://127.0.0.1:${admin}/readyz`)) === 200;
    await eventually('it is ready', isReady, START_MS);
    const answer = await fetch(`http://127.0.0.1:${outbound}/users/7`);
    await answer.arrayBuffer();
    const loaded = (await readFile(loadedFile, 'utf8')).trim().split('\n');
    return { status: answer.status, loaded: loaded.map((url) => url.slice(url.lastIndexOf('/') + 1)) };
  }

  it('opens none of the parts that its configuration does not need', async (t) => {
    const { status, loaded } = await call(t, { type: 'PathPrefix', value: '/users' });
    assert.equal(status, 200);
    assert.ok(loaded.includes('sidecar.js'));
    assert.deepEqual(
      loaded.filter((file) => file.startsWith('sidecar-')),
      [],
    );
  });

  it('opens the engine of regular expressions when a destination has one', async (t) => {
    const { status, loaded } = await call(t, { type: 'RegularExpression', value: '/users/[0-9]+' });
    assert.equal(status, 200);
    assert.deepEqual(
      loaded.filter((file) => file.startsWith('sidecar-')),
      ['sidecar-re2.js'],
    );
  });
});
