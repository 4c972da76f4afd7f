import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { existsSync, mkdirSync, openSync, readFileSync, writeFileSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { clusterBinaries, findBinaries } from './binaries.ts';
import { removeCgroup } from './cgroup.ts';
import { clusterFiles, type NodeConfig, readState } from './clusterfiles.ts';
import { findOnPath, run } from './command.ts';
import { callControl, type NodeStatus } from './control.ts';
import { isAlive, processIdentity } from './lock.ts';
import { ensureCommands } from './packages.ts';
import { ensurePauseImage } from './pause.ts';
import { type Progress, step } from './progress.ts';

const nodeCommands = [
  'etcd',
  'containerd',
  'ctr',
  'runc',
  'iptables',
  'conntrack',
  'ip',
  'unshare',
  'nsenter',
  'setpriv',
  'mount',
] as const;

/** Why no cluster can run on this machine; undefined when one can. */
export async function whyNoCluster(): Promise<string | undefined> {
  const instead = 'set KUBECONFIG to use a cluster that you have';
  if (process.platform !== 'linux') return `a test cluster needs Linux: ${instead}`;
  if (process.getuid?.() !== 0) return `a test cluster needs root: ${instead}`;
  const namespaces = ['--net', '--mount', '--pid', '--uts', '--fork', '--mount-proc', 'true'];
  const { code, stderr } = await run('unshare', namespaces).catch((error: Error) => ({
    code: 1,
    stderr: error.message,
  }));
  return code === 0 ? undefined : `a test cluster needs namespaces (${stderr.trim()}): ${instead}`;
}

async function prepare(directory: string, progress: Progress): Promise<void> {
  const reason = await whyNoCluster();
  if (reason) throw new Error(reason);
  await ensureCommands(nodeCommands, progress, { cni: true });
  const { pause, ...binaries } = await findBinaries(clusterBinaries, progress);
  const config: NodeConfig = {
    directory,
    cgroup: `weft-test-${randomBytes(4).toString('hex')}`,
    etcd: findOnPath('etcd') ?? 'etcd',
    pauseArchive: await ensurePauseImage(pause),
    publicServer: '',
    binaries,
  };
  mkdirSync(directory, { recursive: true, mode: 0o700 });
  writeFileSync(clusterFiles(directory).config, JSON.stringify(config));
}

const imageName = (archive: string): string => basename(archive).split('@')[0]!;

/** A cluster on this machine whose keeper is a process of its own. */
export class RunningCluster {
  readonly directory: string;
  /** The keeper's identity, as in lock.ts. */
  readonly #keeper: string;

  private constructor(directory: string, keeper: string) {
    this.directory = directory;
    this.#keeper = keeper;
  }

  /**
   * Starts a cluster whose files are in `directory`. A standing one stays until it is taken down; any other ends with
   * this process, however that ends.
   */
  static async start(directory: string, standing: boolean, progress: Progress): Promise<RunningCluster> {
    await prepare(directory, progress);
    const log = openSync(clusterFiles(directory).keeperLog, 'a');
    const keeper = join(import.meta.dirname, 'keeper.ts');
    const child = spawn(process.execPath, [keeper, directory, standing ? 'standing' : 'owned'], {
      detached: true,
      stdio: [standing ? 'ignore' : 'pipe', log, log],
      cwd: '/',
      env: { ...process.env, NODE_OPTIONS: '' },
    });
    child.unref();
    const pipe = child.stdin as { unref?: () => void } | null;
    pipe?.unref?.();
    const cluster = new RunningCluster(directory, processIdentity(child.pid ?? 0) ?? '');
    try {
      await step(progress, 'starting the cluster', ({ note }) => cluster.#waitUntilReady(note));
    } catch (error) {
      await cluster.end();
      throw error;
    }
    return cluster;
  }

  /** The cluster that runs in `directory`, if one does. */
  static find(directory: string): RunningCluster | undefined {
    const state = readState(directory);
    if (!state || !isAlive(state.keeper)) return undefined;
    return new RunningCluster(directory, state.keeper);
  }

  /** Removes what a cluster left whose keeper was killed too; its processes have ended with the keeper. */
  static async removeRemains(directory: string): Promise<void> {
    try {
      const { cgroup } = JSON.parse(readFileSync(clusterFiles(directory).config, 'utf8')) as NodeConfig;
      removeCgroup(cgroup);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    }
    await rm(directory, { recursive: true, force: true, maxRetries: 5 });
  }

  async #waitUntilReady(note: (text: string) => void): Promise<void> {
    const deadline = Date.now() + 180_000;
    while (Date.now() < deadline) {
      const status = await this.status().catch(() => undefined);
      if (status?.phase === 'ready') return;
      if (status?.phase === 'failed') throw new Error(`The cluster did not start: ${status.detail}`);
      if (status) note(status.detail);
      await delay(150);
    }
    throw new Error(`The cluster did not start in time:\n${this.#logs()}`);
  }

  #logs(): string {
    const { keeperLog, nodeLog } = clusterFiles(this.directory);
    const read = (path: string) => {
      try {
        return readFileSync(path, 'utf8');
      } catch {
        return '';
      }
    };
    return [read(keeperLog), read(nodeLog)].join('').trim().split('\n').slice(-20).join('\n');
  }

  get kubeconfigPath(): string {
    return clusterFiles(this.directory).kubeconfig;
  }

  status(): Promise<NodeStatus> {
    return callControl(clusterFiles(this.directory).control, 'status');
  }

  async isReady(): Promise<boolean> {
    const status = await this.status().catch(() => undefined);
    return status?.phase === 'ready';
  }

  async stopApiServer(): Promise<void> {
    await callControl(clusterFiles(this.directory).control, 'stop-api-server');
  }

  async startApiServer(): Promise<void> {
    await callControl(clusterFiles(this.directory).control, 'start-api-server');
  }

  async pauseKubelet(): Promise<void> {
    await callControl(clusterFiles(this.directory).control, 'pause-kubelet');
  }

  async resumeKubelet(): Promise<void> {
    await callControl(clusterFiles(this.directory).control, 'resume-kubelet');
  }

  /** The archive of this name that the node was given last. @param archive named NAME@ID.tar */
  lastImage(archive: string): string | undefined {
    const note = clusterFiles(this.directory).image(imageName(archive));
    return existsSync(note) ? readFileSync(note, 'utf8') : undefined;
  }

  noteImage(archive: string): void {
    writeFileSync(clusterFiles(this.directory).image(imageName(archive)), basename(archive));
  }

  /** The arguments of nsenter that lead into the node. */
  get nsenter(): string[] {
    const state = readState(this.directory);
    if (!state) throw new Error(`No cluster runs in ${this.directory}`);
    return ['--target', String(state.nodePid), '--net', '--mount', '--pid', '--uts', '--'];
  }

  /** Ends every process of the cluster and removes its files; resolves when all is gone. */
  async end(): Promise<void> {
    if (isAlive(this.#keeper)) process.kill(Number.parseInt(this.#keeper, 10), 'SIGTERM');
    while (isAlive(this.#keeper)) await delay(50);
    // Nothing is left to do, unless the keeper was ended before it could.
    await RunningCluster.removeRemains(this.directory);
  }
}
