import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { CoreV1Api, KubeConfig, RbacAuthorizationV1Api } from '@kubernetes/client-node';
import { run } from '../cluster/command.ts';
import { type ApiServer, startApiServer } from './apiserver.ts';

const namespace = 'default';
const processesOf = async (directory: string) => (await run('pgrep', ['-f', directory])).stdout.trim();

function connect({ kubeconfig }: ApiServer): KubeConfig {
  const config = new KubeConfig();
  config.loadFromString(kubeconfig);
  return config;
}

async function waitUntilGone(directory: string): Promise<void> {
  const deadline = Date.now() + 10_000;
  while (existsSync(directory) && Date.now() < deadline) await delay(50);
}

describe('an API server', { timeout: 1_800_000 }, () => {
  let server: ApiServer;
  let core: CoreV1Api;

  before(async () => {
    server = await startApiServer();
    core = connect(server).makeApiClient(CoreV1Api);
  });

  after(() => server?.stop());

  const create = (name: string) =>
    core.createNamespacedConfigMap({ namespace, body: { metadata: { name }, data: { key: 'value' } } });
  const read = (name: string) => core.readNamespacedConfigMap({ namespace, name });

  it('keeps what is created', async () => {
    await create('kept');
    assert.deepEqual((await read('kept')).data, { key: 'value' });
  });

  it('keeps it over a restart, at the same address', async () => {
    await create('before-restart');
    await server.restart();
    assert.deepEqual((await read('before-restart')).data, { key: 'value' });
  });

  it('refuses connections while it is stopped', async () => {
    await server.stopApiServer();
    await assert.rejects(read('kept'));
    await server.startApiServer();
    assert.deepEqual((await read('kept')).data, { key: 'value' });
  });

  it('denies a user what no role allows', async () => {
    const config = connect(server);
    const user = { ...config.getCurrentUser(), name: 'weft-test', impersonateUser: 'nobody' };
    config.users = [user as KubeConfig['users'][number]];
    await assert.rejects(config.makeApiClient(RbacAuthorizationV1Api).listClusterRole(), { code: 403 });
  });
});

describe('an API server with the controller manager', { timeout: 1_800_000 }, () => {
  it('gives a namespace its service account, and removes what a removed owner owned', async () => {
    const server = await startApiServer({ controllerManager: true });
    try {
      const core = connect(server).makeApiClient(CoreV1Api);
      await core.readNamespacedServiceAccount({ namespace, name: 'default' });
      const owner = await core.createNamespacedConfigMap({
        namespace,
        body: { metadata: { name: 'owner' } },
      });
      const ownerReferences = [
        { apiVersion: 'v1', kind: 'ConfigMap', name: 'owner', uid: owner.metadata?.uid ?? '' },
      ];
      const owned = { metadata: { name: 'owned', ownerReferences } };
      await core.createNamespacedConfigMap({ namespace, body: owned });
      await core.deleteNamespacedConfigMap({ namespace, name: 'owner' });
      const names = async () =>
        (await core.listNamespacedConfigMap({ namespace })).items.map((item) => item.metadata?.name);
      const deadline = Date.now() + 30_000;
      while ((await names()).includes('owned') && Date.now() < deadline) await delay(200);
      assert.equal((await names()).includes('owned'), false);
    } finally {
      await server.stop();
    }
  });
});

describe('the end of an API server', { timeout: 1_800_000 }, () => {
  it('leaves no process and no file when it is stopped', async () => {
    const server = await startApiServer();
    const directory = dirname(server.kubeconfigPath);
    assert.notEqual(await processesOf(directory), '');
    await server.stop();
    assert.equal(await processesOf(directory), '');
    assert.equal(existsSync(directory), false);
  });

  it('leaves no process and no file when its owner is killed', async () => {
    const owner = spawn(process.execPath, [join(import.meta.dirname, 'owner.fixture.ts')], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const [said] = await once(owner.stdout, 'data');
    const directory = String(said).trim();
    assert.notEqual(await processesOf(directory), '');
    owner.kill('SIGKILL');
    await waitUntilGone(directory);
    assert.equal(existsSync(directory), false);
    assert.equal(await processesOf(directory), '');
  });
});
