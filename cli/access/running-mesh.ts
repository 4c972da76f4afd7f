import { lstat, mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir, userInfo } from 'node:os';
import { join, resolve } from 'node:path';
import { WORKLOADS_FILE } from '../../api/analysis.ts';
import type { WorkloadDocument } from '../../api/workload.ts';
import { UsageError } from '../usage-error.ts';

/** What `weft run` writes down of itself, so that other commands find it. */
export interface RunningMesh {
  readonly pid: number;
  readonly startedMs: number;
  /** of the documents */
  readonly folder: string;
  readonly state: string;
}

const FILE = 'mesh.json';

/**
 * Notes the run in its state folder, with the workloads it was started with, and among the runs of this user; the
 * returned function takes it back.
 */
export async function announce(
  mesh: RunningMesh,
  workloads: readonly WorkloadDocument[],
): Promise<() => Promise<void>> {
  const text = `${JSON.stringify(mesh)}\n`;
  await writeFile(join(mesh.state, WORKLOADS_FILE), JSON.stringify(workloads), { mode: 0o600 });
  await writeFile(join(mesh.state, FILE), text, { mode: 0o600 });
  const runs = runsFolder();
  // a run that cannot be found without --state is still a run
  const noted = await mkdir(runs, { recursive: true, mode: 0o700 })
    .then(() => isOurs(runs))
    .catch(() => false);
  const file = join(runs, `${mesh.pid}.json`);
  if (noted) await writeFile(file, text, { mode: 0o600 });
  return async () => {
    if (noted) await rm(file, { force: true });
    await rm(join(mesh.state, FILE), { force: true });
  };
}

/** The newest that runs here. Undefined: none does. */
export async function findRunningMesh(): Promise<RunningMesh | undefined> {
  return (await runningMeshes())[0];
}

/** The one that runs with this folder of documents, or with this state folder. Throws UsageError when none does. */
export async function runningMeshOf(folder: string): Promise<RunningMesh> {
  const found = await runningIn(folder);
  if (found !== undefined) return found;
  throw new UsageError(`no mesh of ${folder} runs here`, `start it: weft run ${folder}`);
}

/** A mesh that is named as runningMeshOf has it: its documents, and its state folder if it runs. */
export async function foldersOf(
  folder: string,
): Promise<{ readonly folder: string; readonly state?: string }> {
  const running = await runningIn(folder);
  if (running !== undefined) return { folder: running.folder, state: running.state };
  return { folder: (await read(join(resolve(folder), FILE)))?.folder ?? folder };
}

/** The Workloads it was started with. */
export async function workloadsOf({ state }: RunningMesh): Promise<readonly WorkloadDocument[]> {
  return JSON.parse(await readFile(join(state, WORKLOADS_FILE), 'utf8')) as WorkloadDocument[];
}

async function runningIn(folder: string): Promise<RunningMesh | undefined> {
  const wanted = resolve(folder);
  const ofState = await read(join(wanted, FILE));
  if (ofState !== undefined && isAlive(ofState.pid)) return ofState;
  return (await runningMeshes()).find((mesh) => mesh.folder === wanted);
}

/** Of this user, the newest first. */
async function runningMeshes(): Promise<RunningMesh[]> {
  const runs = runsFolder();
  if (!(await isOurs(runs).catch(() => false))) return [];
  const names = await readdir(runs);
  const meshes = await Promise.all(names.map((name) => read(join(runs, name))));
  return meshes
    .filter((mesh) => mesh !== undefined)
    .filter(({ pid }) => isAlive(pid))
    .sort((a, b) => b.startedMs - a.startedMs);
}

async function read(file: string): Promise<RunningMesh | undefined> {
  try {
    const { pid, startedMs, folder, state } = JSON.parse(await readFile(file, 'utf8')) as RunningMesh;
    const isSound =
      Number.isInteger(pid) && pid > 0 && typeof state === 'string' && typeof folder === 'string';
    return isSound ? { pid, startedMs: Number(startedMs), folder, state } : undefined;
  } catch {
    return undefined;
  }
}

/** `/tmp` is everybody's: a folder there counts only if nobody else can have put something into it. */
async function isOurs(folder: string): Promise<boolean> {
  const { uid, mode } = await lstat(folder);
  return uid === userInfo().uid && (mode & 0o077) === 0;
}

function runsFolder(): string {
  return join(process.env.XDG_RUNTIME_DIR ?? tmpdir(), `weft-runs-${userInfo().uid}`);
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}
