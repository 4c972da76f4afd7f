import { mkdir } from 'node:fs/promises';
import { connect } from 'node:net';
import { join } from 'node:path';
import { SIDECAR_RUNTIME } from '../../api/environment.ts';
import { APP_ADDRESS, type WorkloadDocument } from '../../api/workload.ts';
import { type Edge, edgesOf, readyProblem } from './admin-client.ts';
import { Apps } from './apps.ts';
import { noticeOf } from './notices.ts';
import type { Processes } from './processes.ts';
import { type Waiting, waitFor } from './wait.ts';
import { WEFT } from './weft.ts';
import { addressOf, adminSocketIn, keyOf, proxyId, sidecarStateIn } from './workload-place.ts';

export interface RunningMesh {
  readonly workloads: readonly WorkloadDocument[];
  edges(): Promise<Edge[]>;
  /** apps that ended and do not run, in words */
  down(): string[];
}

export interface Startup extends Waiting {
  readonly processes: Processes;
  /** an app that ends once all run is started again; false: it ends the run */
  readonly restartsApps: boolean;
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
  const apps = new Apps(folders.apps, processes, startup.notice);
  for (const workload of workloads) apps.start(workload);
  await Promise.all(workloads.map((workload) => appReady(workload, startup)));
  if (startup.restartsApps) apps.restartFromNowOn();
  return {
    workloads,
    down: () => apps.down,
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
    {
      onLine: (line) => {
        ready ||= isReady(line);
        const notice = noticeOf(line);
        if (notice !== undefined) startup.notice(notice);
      },
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
  return waitFor(`the sidecar of ${keyOf(workload)} is not ready`, () => readyProblem(url), waiting);
}

/** The app accepts connections where its document says. */
async function appReady(workload: WorkloadDocument, waiting: Waiting): Promise<void> {
  const port = workload.spec.ports?.[0]?.appPort;
  if (workload.spec.app === undefined || port === undefined) return;
  const listens = async () =>
    (await connects(APP_ADDRESS, port)) ? undefined : notListening(workload, port);
  await waitFor(`the app of ${keyOf(workload)}`, listens, waiting);
}

function notListening(workload: WorkloadDocument, port: number): string {
  const says = `it does not listen on ${APP_ADDRESS}:${port}, its appPort`;
  const address = addressOf(workload);
  if (address === APP_ADDRESS) return says;
  return `${says}: spec.address ${address} is where its sidecar listens, the app belongs on ${APP_ADDRESS}`;
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
