import { mkdir } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import type { WorkloadDocument } from '../../api/workload.ts';
import { becomesReady, type Edge, edgesOf } from './admin-client.ts';
import type { Processes, ProcessSpec } from './processes.ts';

const READY_WITHIN_MS = 30_000;
/** The launcher of this very program: `weft operator`, `weft sidecar`. */
const WEFT = process.argv[1]!;

export interface RunningMesh {
  readonly workloads: readonly WorkloadDocument[];
  edges(): Promise<Edge[]>;
}

export interface MeshFolders {
  /** documents the operator follows */
  readonly documents: string;
  /** where the apps' relative commands start from */
  readonly apps: string;
  readonly state: string;
}

/** Starts operator, sidecars and apps, in the order in which each needs the one before. */
export async function startMesh(
  folders: MeshFolders,
  workloads: readonly WorkloadDocument[],
  processes: Processes,
  progress: (text: string) => void,
): Promise<RunningMesh> {
  progress('starting the operator');
  await startOperator(folders, processes);
  progress(`starting ${workloads.length} sidecars`);
  for (const workload of workloads) await startSidecar(folders, workload, processes);
  await Promise.all(workloads.map(sidecarReady));
  progress('starting the apps');
  for (const workload of workloads) startApp(folders, workload, processes);
  await Promise.all(workloads.map(appReady));
  return {
    workloads,
    edges: async () => {
      const all = await Promise.all(
        workloads.map((workload) => edgesOf(adminSocket(folders, workload)).catch(() => [])),
      );
      return all.flat();
    },
  };
}

function startOperator(folders: MeshFolders, processes: Processes): Promise<void> {
  return new Promise((resolveReady, reject) => {
    const args = ['operator', '--files', folders.documents, '--state', folders.state];
    const command = weft(...args, '--stream-address', '127.0.0.1:0');
    const child = processes.start({ name: 'operator', command, env: {} }, (line) => {
      if (isReady(line)) resolveReady();
    });
    const timer = setTimeout(() => reject(new Error('the operator did not become ready')), READY_WITHIN_MS);
    timer.unref();
    child.once('exit', () => reject(new Error('the operator ended before it was ready')));
  });
}

/** The operator's one line for whoever started it; its other lines are logs. */
function isReady(line: string): boolean {
  if (!line.includes('"ready"')) return false;
  return (JSON.parse(line) as { event?: string }).event === 'ready';
}

async function startSidecar(
  folders: MeshFolders,
  workload: WorkloadDocument,
  processes: Processes,
): Promise<void> {
  const state = sidecarState(folders, workload);
  await mkdir(state, { recursive: true, mode: 0o700 });
  const env = {
    WEFT_PROXY_ID: proxyId(workload),
    WEFT_PROXY_DIR: join(folders.state, 'proxies', proxyId(workload)),
    WEFT_STATE_DIR: state,
  };
  processes.start({ name: `${proxyId(workload)}-sidecar`, command: weft('sidecar'), env });
}

async function sidecarReady(workload: WorkloadDocument): Promise<void> {
  const url = `http://${addressOf(workload)}:${workload.spec.admin.port}/readyz`;
  const said = await becomesReady(url, READY_WITHIN_MS);
  if (said !== undefined) throw new Error(`the sidecar of ${proxyId(workload)} is not ready: ${said}`);
}

function startApp(folders: MeshFolders, workload: WorkloadDocument, processes: Processes): void {
  const { app } = workload.spec;
  if (app === undefined) return;
  const spec: ProcessSpec = {
    name: proxyId(workload),
    command: app.command,
    cwd: resolve(folders.apps, app.cwd ?? '.'),
    // `node` in a command means the one that runs Weft.
    env: { PATH: `${dirname(process.execPath)}:${process.env.PATH ?? ''}`, ...app.env },
  };
  processes.start(spec);
}

/** The app answers anything at all on its own port. */
async function appReady(workload: WorkloadDocument): Promise<void> {
  if (workload.spec.app === undefined) return;
  const port = workload.spec.ports?.[0]?.appPort;
  if (port === undefined) return;
  const deadline = Date.now() + READY_WITHIN_MS;
  while (Date.now() < deadline) {
    if (await connects(addressOf(workload), port)) return;
    await new Promise((done) => setTimeout(done, 50));
  }
  throw new Error(`the app of ${proxyId(workload)} does not listen on port ${port}`);
}

async function connects(host: string, port: number): Promise<boolean> {
  const { connect } = await import('node:net');
  return new Promise((done) => {
    const socket = connect(port, host, () => {
      socket.destroy();
      done(true);
    });
    socket.once('error', () => done(false));
  });
}

export function proxyId(workload: WorkloadDocument): string {
  return `${workload.metadata.namespace}-${workload.metadata.name}`;
}

export function addressOf(workload: WorkloadDocument): string {
  return workload.spec.address ?? '127.0.0.1';
}

function sidecarState(folders: MeshFolders, workload: WorkloadDocument): string {
  return join(folders.state, 'sidecars', proxyId(workload));
}

function adminSocket(folders: MeshFolders, workload: WorkloadDocument): string {
  return join(sidecarState(folders, workload), 'admin.sock');
}

function weft(...args: string[]): string[] {
  return [process.execPath, WEFT, ...args];
}
