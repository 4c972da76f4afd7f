// Keeps one cluster: starts its node in new namespaces, and cleans up when it ends or its owner does. It runs in a
// session of its own, so that it outlives an owner that is killed.
import { type ChildProcess, spawn } from 'node:child_process';
import { openSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { createServer, type Server } from 'node:net';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { createCgroup, removeCgroup } from './cgroup.ts';
import { type ClusterState, clusterFiles, type NodeConfig } from './clusterfiles.ts';
import { searchPath } from './command.ts';
import { processIdentity } from './lock.ts';

/** A port on loopback, as a socket that is handed to the node. */
function listen(): Promise<Server> {
  const server = createServer();
  return new Promise((resolve, reject) => {
    server.on('error', reject);
    server.listen(0, '127.0.0.1', () => resolve(server));
  });
}

function descriptor(server: Server): number {
  // Node gives no public way to a socket's descriptor.
  return (server as unknown as { _handle: { fd: number } })._handle.fd;
}

function portOf(server: Server): number {
  const address = server.address();
  return typeof address === 'object' && address ? address.port : 0;
}

/**
 * The shell is the first process of the namespace because it reaps orphans, which Node does not; when it ends, all
 * others end. Should this keeper be killed, unshare gets the signal, and passes it on.
 */
function spawnNode(directory: string, relaySocket: Server): ChildProcess {
  const log = openSync(clusterFiles(directory).nodeLog, 'a');
  const namespaces = ['--net', '--mount', '--pid', '--uts', '--fork', '--kill-child', '--mount-proc'];
  const init = ['sh', '-c', '"$@" & wait "$!"', 'init'];
  const node = [process.execPath, join(import.meta.dirname, 'node.ts'), directory];
  return spawn('setpriv', ['--pdeathsig', 'KILL', '--', 'unshare', ...namespaces, '--', ...init, ...node], {
    stdio: ['ignore', log, log, descriptor(relaySocket)],
    env: { ...process.env, PATH: searchPath, NODE_OPTIONS: '' },
  });
}

function isRunning(child: ChildProcess): boolean {
  return child.exitCode === null && child.signalCode === null;
}

function parentOf(pid: string): number | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    return Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1]);
  } catch {
    return undefined; // It has ended meanwhile.
  }
}

/** The namespace's first process, by its id outside. */
async function firstProcess(unshare: ChildProcess): Promise<number> {
  while (isRunning(unshare)) {
    const found = readdirSync('/proc').find((name) => /^\d+$/.test(name) && parentOf(name) === unshare.pid);
    if (found) return Number(found);
    await delay(20);
  }
  throw new Error('unshare has ended');
}

function killQuietly(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch {
    // It has ended by itself.
  }
}

async function keep(directory: string): Promise<void> {
  const files = clusterFiles(directory);
  const config = JSON.parse(readFileSync(files.config, 'utf8')) as NodeConfig;
  const socket = await listen();
  writeFileSync(
    files.config,
    JSON.stringify({ ...config, publicServer: `https://127.0.0.1:${portOf(socket)}` }),
  );
  createCgroup(config.cgroup);
  const unshare = spawnNode(directory, socket);
  socket.close();
  const ended = new Promise((resolve) => unshare.on('exit', resolve));
  const nodePid = await firstProcess(unshare);
  const state: ClusterState = { keeper: processIdentity(process.pid) ?? '', nodePid };
  writeFileSync(files.state, JSON.stringify(state));

  await released();
  // unshare reports the end of its child only when every process of the namespace is gone.
  if (isRunning(unshare)) killQuietly(nodePid);
  await ended;
  removeCgroup(config.cgroup);
  await rm(directory, { recursive: true, force: true, maxRetries: 5 });
}

/** The owner's end of the pipe closes, or somebody asks by signal. A crashed node is kept for its logs till then. */
function released(): Promise<void> {
  return new Promise((resolve) => {
    for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP'] as const) process.on(signal, () => resolve());
    if (process.argv[3] === 'standing') return void setInterval(() => {}, 60_000);
    process.stdin
      .on('end', resolve)
      .on('error', () => resolve())
      .resume();
  });
}

const [, , directory] = process.argv;
if (import.meta.main && directory) {
  await keep(directory);
  process.exit(0);
}
