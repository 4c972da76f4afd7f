import { mkdir } from 'node:fs/promises';
import { connect } from 'node:net';
import { dirname, join, resolve } from 'node:path';
import { SIDECAR_RUNTIME } from '../../api/environment.ts';
import type { WorkloadDocument } from '../../api/workload.ts';
import { type Edge, edgesOf, readyProblem } from './admin-client.ts';
import { noticeOf } from './notices.ts';
import type { Processes, ProcessSpec } from './processes.ts';
import { type Waiting, waitFor } from './wait.ts';
import { WEFT } from './weft.ts';
import { addressOf, adminSocketIn, proxyId, sidecarStateIn } from './workload-place.ts';

export interface RunningMesh {
  readonly workloads: readonly WorkloadDocument[];
  edges(): Promise<Edge[]>;
}

export interface Startup extends Waiting {
  readonly processes: Processes;
  /** what the operator warns about, while starting and afterwards */
  readonly notice: (text: string) => void;
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
  startup: Startup,
): Promise<RunningMesh> {
  const { processes, progress } = startup;
  progress('starting the operator');
  await startOperator(folders, startup);
  progress(`starting ${workloads.length} sidecars`);
  for (const workload of workloads) await startSidecar(folders, workload, processes);
  await Promise.all(workloads.map((workload) => sidecarReady(workload, startup)));
  progress('starting the apps');
  for (const workload of workloads) startApp(folders, workload, processes);
  await Promise.all(workloads.map((workload) => appReady(workload, startup)));
  return {
    workloads,
    edges: async () => {
      const all = await Promise.all(
        workloads.map((workload) => edgesOf(adminSocketIn(folders.state, workload.metadata)).catch(() => [])),
      );
      return all.flat();
    },
  };
}

async function startOperator(folders: MeshFolders, startup: Startup): Promise<void> {
  const args = ['operator', '--files', folders.documents, '--state', folders.state];
  let ready = false;
  startup.processes.start(
    { name: 'operator', command: [...WEFT, ...args, '--stream-address', '127.0.0.1:0'], env: {} },
    (line) => {
      ready ||= isReady(line);
      const notice = noticeOf(line);
      if (notice !== undefined) startup.notice(notice);
    },
  );
  await waitFor('the operator', async () => (ready ? undefined : 'is not ready'), startup);
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
  const state = sidecarStateIn(folders.state, workload.metadata);
  await mkdir(state, { recursive: true, mode: 0o700 });
  const env = {
    ...SIDECAR_RUNTIME,
    WEFT_PROXY_ID: proxyId(workload.metadata),
    WEFT_PROXY_DIR: join(folders.state, 'proxies', proxyId(workload.metadata)),
    WEFT_STATE_DIR: state,
  };
  processes.start({ name: `${proxyId(workload.metadata)}-sidecar`, command: [...WEFT, 'sidecar'], env });
}

function sidecarReady(workload: WorkloadDocument, waiting: Waiting): Promise<void> {
  const url = `http://${addressOf(workload)}:${workload.spec.admin.port}/readyz`;
  return waitFor(`the sidecar of ${nameOf(workload)} is not ready`, () => readyProblem(url), waiting);
}

function startApp(folders: MeshFolders, workload: WorkloadDocument, processes: Processes): void {
  const { app } = workload.spec;
  if (app === undefined) return;
  const spec: ProcessSpec = {
    name: proxyId(workload.metadata),
    command: app.command,
    cwd: resolve(folders.apps, app.cwd ?? '.'),
    // `node` in a command means the one that runs Weft.
    env: { PATH: `${dirname(process.execPath)}:${process.env.PATH ?? ''}`, ...app.env },
  };
  processes.start(spec);
}

/** The app accepts connections where its document says. */
async function appReady(workload: WorkloadDocument, waiting: Waiting): Promise<void> {
  const port = workload.spec.ports?.[0]?.appPort;
  if (workload.spec.app === undefined || port === undefined) return;
  const listens = async () =>
    (await connects(addressOf(workload), port)) ? undefined : `it does not listen on its appPort ${port}`;
  await waitFor(`the app of ${nameOf(workload)}`, listens, waiting);
}

function connects(host: string, port: number): Promise<boolean> {
  return new Promise((done) => {
    const socket = connect(port, host, () => {
      socket.destroy();
      done(true);
    });
    socket.once('error', () => done(false));
  });
}

/** As people write it. */
function nameOf({ metadata }: WorkloadDocument): string {
  return `${metadata.namespace}/${metadata.name}`;
}
