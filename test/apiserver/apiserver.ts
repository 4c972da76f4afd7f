import { spawn } from 'node:child_process';
import { mkdtempSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { findBinary } from '../cluster/binaries.ts';
import { findOnPath } from '../cluster/command.ts';
import { ControlPlane, type ControlPlaneBinaries } from '../cluster/controlplane.ts';
import { writeKubeconfig } from '../cluster/kubeconfig.ts';
import { ensureCommands } from '../cluster/packages.ts';
import { type Progress, showProgress } from '../cluster/progress.ts';
import { freePorts } from '../free-ports.ts';

export interface ApiServerOptions {
  /** Runs the controller manager too: service accounts, garbage collection, endpoints, namespace deletion. */
  controllerManager?: boolean;
  progress?: Progress;
}

export interface ApiServer {
  readonly kubeconfigPath: string;
  /** The kubeconfig's text: an administrator's. */
  readonly kubeconfig: string;
  readonly server: string;
  /** Ends kube-apiserver as a crash would; etcd keeps the data. */
  stopApiServer(): Promise<void>;
  /** Starts it again, at the same address; resolves when it is ready. */
  startApiServer(): Promise<void>;
  restart(): Promise<void>;
  stop(): Promise<void>;
}

async function findEtcd(progress: Progress): Promise<string> {
  const assets = process.env.KUBEBUILDER_ASSETS;
  const given = assets ? findOnPath('etcd', assets) : undefined;
  if (given) return given;
  await ensureCommands(['etcd'], progress);
  return findOnPath('etcd') ?? 'etcd';
}

async function findTools(options: ApiServerOptions, progress: Progress): Promise<ControlPlaneBinaries> {
  const etcd = await findEtcd(progress);
  const apiServer = await findBinary('kube-apiserver', progress);
  const controllers = options.controllerManager
    ? { 'kube-controller-manager': await findBinary('kube-controller-manager', progress) }
    : {};
  return { etcd, 'kube-apiserver': apiServer, ...controllers };
}

/**
 * Watches this process from a process group of its own: when the pipe between them closes, however this process
 * ended, it ends the daemons by their recorded ids and removes the directory.
 */
function watchOver(directory: string): { done(): Promise<void> } {
  const script = `cat >/dev/null
for file in "$0"/*.pid; do [ -f "$file" ] && kill -9 "$(cat "$file")" 2>/dev/null; done
sleep 0.3
rm -rf "$0"`;
  const child = spawn('sh', ['-c', script, directory], {
    detached: true,
    stdio: ['pipe', 'ignore', 'ignore'],
  });
  const pipe = child.stdin as unknown as { unref(): void };
  child.unref();
  pipe.unref();
  return {
    done: () =>
      new Promise((resolve) => {
        child.once('exit', () => resolve());
        child.ref();
        child.stdin.end();
      }),
  };
}

/** Starts etcd and kube-apiserver on loopback, in a temporary directory, with RBAC and an administrator. */
export async function startApiServer(options: ApiServerOptions = {}): Promise<ApiServer> {
  const binaries = await findTools(options, options.progress ?? showProgress);
  const directory = mkdtempSync(join(tmpdir(), 'weft-apiserver-'));
  const watchdog = watchOver(directory);
  const [etcd = 0, etcdPeer = 0, apiServer = 0] = await freePorts(3);
  const ports = { etcd, etcdPeer, apiServer };
  const plane = await ControlPlane.create({ directory, address: '127.0.0.1', ports, binaries });
  const stop = async () => {
    await plane.stop();
    await watchdog.done();
    await rm(directory, { recursive: true, force: true });
  };
  try {
    await plane.start();
  } catch (error) {
    await stop();
    throw error;
  }
  return {
    kubeconfigPath: writeKubeconfig(join(directory, 'kubeconfig'), plane.adminKubeconfig),
    kubeconfig: plane.adminKubeconfig,
    server: plane.server,
    stopApiServer: () => plane.stopApiServer(),
    startApiServer: () => plane.startApiServer(),
    restart: () => plane.restartApiServer(),
    stop,
  };
}
