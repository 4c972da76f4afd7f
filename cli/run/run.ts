import { cp, mkdir, mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { announce } from '../access/running-mesh.ts';
import { UsageError } from '../usage-error.ts';
import { describeDelta, tallies } from './changes.ts';
import { Ending } from './ending.ts';
import { checkExpectations, type Expectations } from './expectations.ts';
import { readWorkloads } from './folder.ts';
import { type MeshFolders, type RunningMesh, startMesh } from './mesh.ts';
import { Notices } from './notices.ts';
import { policyLines } from './policies.ts';
import { checkPorts } from './ports.ts';
import { Processes } from './processes.ts';
import { renderView } from './view.ts';

export interface RunOptions {
  readonly once?: boolean;
  /** keep certificates and logs here instead of a temporary folder that is removed at the end */
  readonly state?: string;
}

const VIEW_INTERVAL_MS = 500;
const EVENTS_SHOWN = 8;

/**
 * `weft run FOLDER`: operator, sidecars and apps as processes on loopback, all ended together.
 * Exit code 0: ended by Ctrl-C, or with --once all expectations held. 1: one did not, or a process died; an app
 * that ran and died is started again, unless with --once.
 */
export async function run(folder: string, options: RunOptions): Promise<number> {
  const workloads = await readWorkloads(folder);
  await checkPorts(workloads);
  const state = await stateFolder(options.state);
  const logs = join(state, 'logs');
  await mkdir(logs, { recursive: true, mode: 0o700 });
  const processes = new Processes(logs, (exit) => ending.died(exit));
  const ending = new Ending(() => {
    processes.killNow();
    process.exit(130);
  });
  process.once('exit', () => processes.killNow());
  const notices = new Notices();
  let takeBack = async () => {};
  try {
    const folders = await foldersOf(folder, state, options.once === true);
    const starting = startMesh(folders, workloads, {
      processes,
      restartsApps: options.once !== true,
      signal: ending.signal,
      progress: (text) => console.error(`weft: ${text}`),
      notice: (text) => notices.add(text),
    });
    starting.catch(() => {}); // heard of below, unless the run has ended for another reason
    const mesh = await Promise.race([starting, ending.promise]);
    if (typeof mesh === 'number') return mesh;
    if (options.once) return await Promise.race([prove(folder, folders, mesh), ending.promise]);
    const noted = { pid: process.pid, startedMs: Date.now(), folder: folders.documents, state };
    takeBack = await announce(noted, workloads);
    const view = showView(folder, folders, mesh, notices);
    const code = await ending.promise;
    clearInterval(view);
    return code;
  } catch (error) {
    for (const line of notices.take()) console.error(`weft: ${line}`); // most likely why
    throw error;
  } finally {
    await takeBack();
    await processes.stop();
    if (options.state === undefined && !ending.failed) await rm(state, { recursive: true, force: true });
  }
}

async function stateFolder(wanted: string | undefined): Promise<string> {
  if (wanted === undefined) return mkdtemp(join(tmpdir(), 'weft-run-'));
  const folder = resolve(wanted);
  await mkdir(folder, { recursive: true, mode: 0o700 });
  return folder;
}

/** With --once the documents are a copy, since the proof changes a policy. */
async function foldersOf(folder: string, state: string, once: boolean): Promise<MeshFolders> {
  const apps = resolve(folder);
  if (!once) return { apps, state, documents: apps };
  const documents = join(state, 'documents');
  await cp(apps, documents, { recursive: true });
  return { apps, state, documents };
}

async function prove(folder: string, folders: MeshFolders, mesh: RunningMesh): Promise<number> {
  const expectations = await readExpectations(folder);
  let failed = 0;
  let held = 0;
  for await (const outcome of checkExpectations(expectations, mesh, folders.documents)) {
    console.log(outcome.line);
    if (outcome.held) held++;
    else failed++;
  }
  console.log(`${held} of ${held + failed} expectations held`);
  return failed === 0 && held > 0 ? 0 : 1;
}

async function readExpectations(folder: string): Promise<Expectations> {
  const file = join(folder, 'expectations.json');
  const text = await readFile(file, 'utf8').catch(() => {
    throw new UsageError(`${file} is missing`, '--once proves what that file expects; see examples/shop');
  });
  return JSON.parse(text) as Expectations;
}

function showView(folder: string, folders: MeshFolders, mesh: RunningMesh, notices: Notices): NodeJS.Timeout {
  const title = `weft run ${folder} (${mesh.workloads.length} workloads; edit a policy there; Ctrl-C ends it)`;
  const hint = `its state is in ${folders.state}; ask it in another terminal: weft status, weft explain request ID`;
  const screen = process.stdout.isTTY === true;
  let before = tallies([]);
  let policies: string[] = [];
  let events: string[] = [];
  const look = async () => {
    const edges = await mesh.edges();
    const nowPolicies = await policyLines(folders.state);
    const news = nowPolicies.filter((line) => !policies.includes(line));
    const after = tallies(edges);
    const gone = policies.filter((line) => !nowPolicies.some((now) => subject(now) === subject(line)));
    const lines = [
      ...notices.take(),
      ...news,
      ...gone.map((line) => `${subject(line)}: removed`),
      ...(screen ? [] : describeDelta(before, after)),
    ].map(stamped);
    policies = nowPolicies;
    before = after;
    events = [...events, ...lines].slice(-EVENTS_SHOWN);
    if (screen)
      process.stdout.write(`\x1b[H\x1b[2J${renderView(`${title}\n${hint}`, edges, events, mesh.down())}`);
    else for (const line of lines) console.log(line);
  };
  if (!screen) console.log(`${title}\n${hint}`);
  let looking = false;
  return setInterval(() => {
    if (looking) return;
    looking = true;
    look()
      .catch((error: Error) => console.error(`weft: ${error.message}`))
      .finally(() => {
        looking = false;
      });
  }, VIEW_INTERVAL_MS);
}

function stamped(line: string): string {
  return `${new Date().toTimeString().slice(0, 8)}  ${line}`;
}

/** `policy shop/payments` of a policy's line. */
function subject(line: string): string {
  return line.slice(0, line.indexOf(':'));
}
