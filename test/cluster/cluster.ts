import { existsSync, mkdtempSync, readdirSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { findBinary } from './binaries.ts';
import { cacheDirectory } from './cache.ts';
import { readState } from './clusterfiles.ts';
import { type CommandOptions, type CommandResult, findOnPath, run, runOk } from './command.ts';
import { ctr } from './containerd.ts';
import { noProgress, type Progress, showProgress } from './progress.ts';
import { RunningCluster, whyNoCluster } from './runningcluster.ts';
import { toolsEnvironment } from './tools-environment.ts';

/** Where `npm run cluster up` keeps its cluster. */
export const standingDirectory = (): string => cacheDirectory('cluster');

type Ending = () => Promise<void>;

/** A Kubernetes cluster that a test uses: a given one, the standing one, or one of its own. */
export class Cluster {
  readonly kubeconfigPath: string;
  /** Undefined when the cluster is somebody else's, known by its kubeconfig alone. */
  readonly #running: RunningCluster | undefined;
  readonly #kubectl: string;
  readonly #ending: Ending | undefined;

  private constructor(kubeconfigPath: string, kubectl: string, running?: RunningCluster, ending?: Ending) {
    this.kubeconfigPath = kubeconfigPath;
    this.#kubectl = kubectl;
    this.#running = running;
    this.#ending = ending;
  }

  static async given(kubeconfigPath: string, progress: Progress): Promise<Cluster> {
    const kubectl = findOnPath('kubectl') ?? (await findBinary('kubectl', progress));
    return new Cluster(kubeconfigPath, kubectl);
  }

  static async of(running: RunningCluster, ending?: Ending): Promise<Cluster> {
    return new Cluster(running.kubeconfigPath, await findBinary('kubectl', noProgress), running, ending);
  }

  /** True when the node and the API server's process are in our hands. */
  get local(): boolean {
    return this.#running !== undefined;
  }

  #node(): RunningCluster {
    if (!this.#running) throw new Error('This needs a cluster of our own: unset KUBECONFIG');
    return this.#running;
  }

  #environment(): NodeJS.ProcessEnv {
    return { KUBECONFIG: this.kubeconfigPath };
  }

  kubectl(args: string[], options: CommandOptions = {}): Promise<CommandResult> {
    return run(this.#kubectl, args, { ...options, env: { ...this.#environment(), ...options.env } });
  }

  /** Like kubectl, but fails when it fails; gives what was printed. */
  kubectlOk(args: string[], options: CommandOptions = {}): Promise<string> {
    return runOk(this.#kubectl, args, { ...options, env: { ...this.#environment(), ...options.env } });
  }

  /** Applies manifests, given as YAML or JSON text. */
  apply(manifests: string): Promise<string> {
    return this.kubectlOk(['apply', '--server-side', '--force-conflicts', '-f', '-'], { input: manifests });
  }

  async helm(args: string[], options: CommandOptions & { major?: 3 | 4 } = {}): Promise<CommandResult> {
    const helm = await findBinary(options.major === 3 ? 'helm3' : 'helm4');
    return run(helm, args, { ...options, env: { ...this.#environment(), ...options.env } });
  }

  async helmOk(args: string[], options: CommandOptions & { major?: 3 | 4 } = {}): Promise<string> {
    const helm = await findBinary(options.major === 3 ? 'helm3' : 'helm4');
    return runOk(helm, args, { ...options, env: { ...this.#environment(), ...options.env } });
  }

  /** A line as a user types it, with kubectl and helm set up for this cluster; gives all that was printed. */
  async shell(line: string): Promise<string> {
    const env = await toolsEnvironment(this.kubeconfigPath);
    return (await run('sh', ['-c', `{ ${line}; } 2>&1`], { env })).stdout;
  }

  /** Runs a command inside the node: tcpdump, ip, iptables-save, nsenter … */
  nodeExec(command: string[], options: CommandOptions = {}): Promise<CommandResult> {
    return run('nsenter', [...this.#node().nsenter, ...command], options);
  }

  nodeExecOk(command: string[], options: CommandOptions = {}): Promise<string> {
    return runOk('nsenter', [...this.#node().nsenter, ...command], options);
  }

  /** The command line by which another program, such as a long tcpdump, is started inside the node. */
  nodeCommand(command: string[]): [string, string[]] {
    return ['nsenter', [...this.#node().nsenter, ...command]];
  }

  /**
   * Loads an image archive into the node, unless it came with the last one of that name; pods name the image with
   * imagePullPolicy Never or IfNotPresent.
   */
  async importImage(archivePath: string): Promise<void> {
    const node = this.#node();
    if (node.lastImage(archivePath) === basename(archivePath)) return;
    await this.nodeExecOk([...ctr, 'images', 'import', archivePath]);
    node.noteImage(archivePath);
  }

  stopApiServer(): Promise<void> {
    return this.#node().stopApiServer();
  }

  startApiServer(): Promise<void> {
    return this.#node().startApiServer();
  }

  /** Nobody hears of the node any more, and its pods go on: after a minute Kubernetes takes them for gone. */
  pauseKubelet(): Promise<void> {
    return this.#node().pauseKubelet();
  }

  resumeKubelet(): Promise<void> {
    return this.#node().resumeKubelet();
  }

  /** Whether anybody sees what a test leaves in it: nobody does in a cluster of the test's own. */
  get outlivesTest(): boolean {
    return this.#ending === undefined;
  }

  /** Done with it: a cluster of the test's own ends, any other stays as it is. */
  async release(): Promise<void> {
    await this.#ending?.();
  }
}

const ownPrefix = join(tmpdir(), 'weft-cluster-');

/** Removes what is left of clusters whose keeper was killed with its owner: nobody else would. */
async function removeAllRemains(): Promise<void> {
  for (const name of readdirSync(tmpdir())) {
    const directory = join(tmpdir(), name);
    if (!directory.startsWith(ownPrefix) || !readState(directory)) continue;
    if (!RunningCluster.find(directory)) await RunningCluster.removeRemains(directory);
  }
}

/** The keeper ends the cluster when this process ends; a signal only has to end the process. */
async function startOwn(progress: Progress): Promise<RunningCluster> {
  await removeAllRemains();
  return RunningCluster.start(mkdtempSync(ownPrefix), false, progress);
}

/** Names the directory of a cluster that several processes use one after the other. */
export const SHARED = 'WEFT_TEST_CLUSTER';

async function findRunning(): Promise<RunningCluster | undefined> {
  for (const directory of [process.env[SHARED], standingDirectory()]) {
    const found = directory === undefined ? undefined : RunningCluster.find(directory);
    if (found && (await found.isReady())) return found;
  }
  return undefined;
}

export interface SharedCluster {
  /** of the processes that are to use it */
  readonly environment: NodeJS.ProcessEnv;
  end(): Promise<void>;
}

/** A new cluster that lives until end(), or the end of this process; undefined where there is one to be had anyway. */
export async function shareCluster(progress: Progress = showProgress): Promise<SharedCluster | undefined> {
  if (process.env.KUBECONFIG || (await findRunning())) return undefined;
  const running = await startOwn(progress);
  return { environment: { [SHARED]: running.directory }, end: () => running.end() };
}

/**
 * The cluster for a test run: the one that KUBECONFIG names, else the one that the stage of this test shares, else the
 * one that `npm run cluster up` has left running, else a new one that lives until release() or the end of this process.
 */
export async function acquireCluster(progress: Progress = showProgress): Promise<Cluster> {
  const given = process.env.KUBECONFIG;
  if (given && existsSync(given)) return Cluster.given(given, progress);
  if (given) throw new Error(`KUBECONFIG names ${given}, which is not there`);
  const found = await findRunning();
  if (found) return Cluster.of(found);
  const running = await startOwn(progress);
  return Cluster.of(running, () => running.end());
}

/**
 * For a test's `skip`: the reason why there is no cluster here, or false when there is one to be had. CI gets no
 * reason: there the test runs, and fails if it cannot.
 */
export async function skipWithoutCluster(): Promise<string | false> {
  if (process.env.CI || process.env.KUBECONFIG) return false;
  return (await whyNoCluster()) ?? false;
}
