import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { createInterface, type Interface } from 'node:readline';
import { promisify } from 'node:util';
import type { Answer, Command } from './agent.ts';

const AGENT = new URL('./agent.ts', import.meta.url).pathname;
const execute = promisify(execFile);

/** One process in a namespace; answers come in the order of commands. */
export class Agent {
  readonly #child: ChildProcess;
  readonly #lines: AsyncIterator<string>;
  readonly #reader: Interface;

  /** `prefix` is the command that leads into the namespace. */
  constructor(prefix: readonly string[], uid: number) {
    const [program = '', ...args] = [...prefix, process.execPath, AGENT];
    this.#child = spawn(program, args, {
      stdio: ['pipe', 'pipe', 'inherit'],
      env: { ...process.env, AGENT_UID: String(uid) },
    });
    this.#reader = createInterface({ input: this.#child.stdout! });
    this.#lines = this.#reader[Symbol.asyncIterator]();
  }

  get pid(): number {
    return this.#child.pid ?? 0;
  }

  async ask(command: Command): Promise<Answer> {
    this.#child.stdin!.write(`${JSON.stringify(command)}\n`);
    const line = await this.#lines.next();
    if (line.done) throw new Error('the agent ended');
    return JSON.parse(line.value) as Answer;
  }

  async stop(): Promise<void> {
    const ended = new Promise((resolve) => this.#child.once('exit', resolve));
    if (this.#child.exitCode !== null) return;
    this.#child.stdin!.end();
    await ended;
  }
}

/** A network namespace that lives as long as its first agent, and leaves nothing behind. */
export class Namespace {
  readonly first: Agent;
  readonly #agents: Agent[] = [];

  constructor() {
    this.first = new Agent(['unshare', '--net'], 0);
    this.#agents.push(this.first);
  }

  /** Resolves once the namespace exists, which is when its agent answers. */
  async ready(): Promise<void> {
    await this.first.ask({ dial: { host: '127.0.0.1', port: 9 } });
    await this.run('ip', ['link', 'set', 'lo', 'up']);
  }

  agent(uid: number): Agent {
    const agent = new Agent(this.#entry(), uid);
    this.#agents.push(agent);
    return agent;
  }

  /** Runs a program inside; throws with its complaint when it fails. */
  async run(program: string, args: readonly string[], env: Record<string, string> = {}): Promise<string> {
    const [enter = '', ...entry] = this.#entry();
    const options = { env: { ...process.env, ...env }, timeout: 30_000 };
    return (await execute(enter, [...entry, program, ...args], options)).stdout;
  }

  async stop(): Promise<void> {
    await Promise.all(this.#agents.map((agent) => agent.stop()));
  }

  #entry(): string[] {
    return ['nsenter', `--net=/proc/${this.first.pid}/ns/net`, '--'];
  }
}

/** Joins two namespaces by a cable; both ends are named eth0. */
export async function connectNamespaces(a: Namespace, b: Namespace): Promise<void> {
  const ends = [
    ['link', 'add', 'eth0', 'netns', String(a.first.pid), 'type', 'veth'],
    ['peer', 'name', 'eth0', 'netns', String(b.first.pid)],
  ];
  await execute('ip', ends.flat());
  for (const namespace of [a, b]) await namespace.run('ip', ['link', 'set', 'eth0', 'up']);
}
