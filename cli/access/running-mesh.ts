import { lstat, mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir, userInfo } from 'node:os';
import { join, resolve } from 'node:path';
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

/** Notes the run in its state folder and among the runs of this user; the returned function takes it back. */
export async function announce(mesh: RunningMesh): Promise<() => Promise<void>> {
  const text = `${JSON.stringify(mesh)}\n`;
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
  const wanted = resolve(folder);
  const ofState = await read(join(wanted, FILE));
  if (ofState !== undefined && isAlive(ofState.pid)) return ofState;
  const found = (await runningMeshes()).find((mesh) => mesh.folder === wanted);
  if (found !== undefined) return found;
  throw new UsageError(`no mesh of ${folder} runs here`, `start it: weft run ${folder}`);
}

/** The documents of a mesh that is named as runningMeshOf has it, whether it runs or not. */
export async function documentsOf(folder: string): Promise<string> {
  return (await read(join(resolve(folder), FILE)))?.folder ?? folder;
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
