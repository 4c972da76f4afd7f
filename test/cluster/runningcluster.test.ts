import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readdirSync, readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { acquireCluster, SHARED, skipWithoutCluster } from './cluster.ts';
import { clusterFiles, type NodeConfig, readState } from './clusterfiles.ts';
import { run } from './command.ts';
import { isAlive } from './lock.ts';
import { noProgress } from './progress.ts';
import { RunningCluster } from './runningcluster.ts';

const newDirectory = () => mkdtempSync(join(tmpdir(), 'weft-cluster-'));
const processesOf = async (directory: string) => (await run('pgrep', ['--full', directory])).stdout.trim();
const cgroupsOf = (name: string) =>
  ['/sys/fs/cgroup', ...readdirSync('/sys/fs/cgroup').map((entry) => join('/sys/fs/cgroup', entry))].filter(
    (parent) => existsSync(join(parent, name)),
  );

function cgroupName(directory: string): string {
  return (JSON.parse(readFileSync(clusterFiles(directory).config, 'utf8')) as NodeConfig).cgroup;
}

async function waitUntilGone(directory: string): Promise<void> {
  const deadline = Date.now() + 15_000;
  while (existsSync(directory) && Date.now() < deadline) await delay(50);
}

async function assertNothingLeft(directory: string, cgroup: string): Promise<void> {
  assert.equal(existsSync(directory), false, 'its directory');
  assert.equal(await processesOf(directory), '', 'its processes');
  assert.deepEqual(cgroupsOf(cgroup), [], 'its cgroups');
}

async function startOwner(directory: string): Promise<ChildProcess> {
  const owner = spawn(process.execPath, [join(import.meta.dirname, 'owner.fixture.ts'), directory], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const [said] = await once(owner.stdout, 'data');
  assert.match(String(said), /ready/);
  return owner;
}

const skip = process.env.KUBECONFIG ? 'the cluster is given' : await skipWithoutCluster();

describe('a cluster of our own', { skip, timeout: 300_000 }, () => {
  it('is left to its owner by others who use it, and leaves nothing behind when it is ended', async () => {
    const directory = newDirectory();
    const cluster = await RunningCluster.start(directory, false, noProgress);
    const cgroup = cgroupName(directory);
    assert.notEqual(cgroupsOf(cgroup).length, 0);
    const shared = process.env[SHARED];
    process.env[SHARED] = directory;
    const used = await acquireCluster(noProgress);
    if (shared === undefined) delete process.env[SHARED];
    else process.env[SHARED] = shared;
    assert.deepEqual([used.kubeconfigPath, used.outlivesTest], [cluster.kubeconfigPath, true]);
    await used.release();
    assert.equal(await cluster.isReady(), true);
    await cluster.end();
    await assertNothingLeft(directory, cgroup);
  });

  it('leaves nothing behind when its owner is killed', async () => {
    const directory = newDirectory();
    const owner = await startOwner(directory);
    const cgroup = cgroupName(directory);
    owner.kill('SIGKILL');
    await waitUntilGone(directory);
    await assertNothingLeft(directory, cgroup);
  });

  it('ends every process when its keeper is killed, and the rest is removed later', async () => {
    const directory = newDirectory();
    const owner = await startOwner(directory);
    const cgroup = cgroupName(directory);
    const keeper = readState(directory)?.keeper ?? '';
    process.kill(Number.parseInt(keeper, 10), 'SIGKILL');
    owner.kill('SIGKILL');
    while (isAlive(keeper)) await delay(20);
    await delay(1_000);
    assert.equal(await processesOf(directory), '');
    await RunningCluster.removeRemains(directory);
    await assertNothingLeft(directory, cgroup);
  });
});
