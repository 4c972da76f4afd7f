import { type ChildProcess, spawn } from 'node:child_process';
import { connect, createServer } from 'node:net';

/** The core of the proxy under test, and the one of everything else. */
export const PROXY_CORE = 1;
export const LOAD_CORE = 0;

const READY_TIMEOUT_MS = 20_000;
const STOP_TIMEOUT_MS = 10_000;
const MAX_OUTPUT = 4_000;

export interface Pinned {
  readonly pid: number;
  /** Asks it to end, and makes it end when it does not. */
  stop(): Promise<void>;
}

export interface PinnedOptions {
  readonly core: number;
  /** it is ready when this port accepts connections */
  readonly port?: number;
  readonly env?: NodeJS.ProcessEnv;
}

const running = new Set<Pinned>();

/** Ends every process that was started here, the last first. */
export async function stopAll(): Promise<void> {
  for (const pinned of [...running].reverse()) await pinned.stop();
}

/** Starts a command on one core. `taskset` becomes the command, so the pid is the command's own. */
export async function startPinned(
  command: string,
  args: readonly string[],
  options: PinnedOptions,
): Promise<Pinned> {
  const child = spawn('taskset', ['-c', String(options.core), command, ...args], {
    stdio: ['ignore', 'ignore', 'pipe'],
    ...(options.env && { env: options.env }),
  });
  let output = '';
  child.stderr.on('data', (chunk: Buffer) => {
    output = (output + chunk).slice(-MAX_OUTPUT);
  });
  const ended = new Promise<void>((resolve) => child.once('close', () => resolve()));
  let stopping = false;
  child.once('close', (code, signal) => {
    if (!stopping) process.stderr.write(`${command} ended with ${code ?? signal}\n${output}`);
  });
  const pinned: Pinned = {
    pid: child.pid!,
    stop: async () => {
      stopping = true;
      running.delete(pinned);
      await end(child, ended);
    },
  };
  running.add(pinned);
  try {
    if (options.port !== undefined) await untilAccepts(options.port, child);
  } catch (error) {
    await pinned.stop();
    throw new Error(`${command}: ${(error as Error).message}\n${output}`);
  }
  return pinned;
}

async function end(child: ChildProcess, ended: Promise<void>): Promise<void> {
  if (child.exitCode === null && child.signalCode === null) child.kill('SIGTERM');
  const timer = setTimeout(() => child.kill('SIGKILL'), STOP_TIMEOUT_MS);
  await ended;
  clearTimeout(timer);
}

async function untilAccepts(port: number, child: ChildProcess): Promise<void> {
  const deadlineMs = performance.now() + READY_TIMEOUT_MS;
  while (!(await accepts(port))) {
    if (child.exitCode !== null || child.signalCode !== null) throw new Error('ended before it was ready');
    if (performance.now() > deadlineMs) throw new Error(`nothing accepts on port ${port}`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

function accepts(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1');
    const settle = (answer: boolean) => {
      socket.destroy();
      resolve(answer);
    };
    socket.once('connect', () => settle(true));
    socket.once('error', () => settle(false));
  });
}

/** A port that nothing listens on just now. */
export function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const { port } = server.address() as { port: number };
      server.close(() => resolve(port));
    });
  });
}
