import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parse, stringify } from 'yaml';

const READY_WITHIN_MS = 30_000;

/** `weft operator` as a process of this machine, with a service account's token and nothing else. */
export class OperatorProcess {
  readonly #child: ChildProcess;
  readonly #directory: string;
  #output = '';

  constructor(adminKubeconfig: string, token: string, env: Readonly<Record<string, string>>) {
    this.#directory = mkdtempSync(join(tmpdir(), 'weft-chart-'));
    const kubeconfig = join(this.#directory, 'kubeconfig');
    writeFileSync(kubeconfig, withToken(adminKubeconfig, token), { mode: 0o600 });
    const addresses = { WEFT_STREAM_ADDRESS: '127.0.0.1:0', WEFT_HEALTH_ADDRESS: '127.0.0.1:0' };
    this.#child = spawn(process.execPath, [join(import.meta.dirname, '../../weft.ts'), 'operator'], {
      env: { PATH: process.env.PATH, ...env, ...addresses, KUBECONFIG: kubeconfig },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    for (const stream of [this.#child.stdout!, this.#child.stderr!]) {
      stream.setEncoding('utf8').on('data', (text: string) => {
        this.#output += text;
      });
    }
  }

  get output(): string {
    return this.#output;
  }

  /** Resolves when it serves; rejects with what it printed. */
  async ready(): Promise<void> {
    const deadline = Date.now() + READY_WITHIN_MS;
    while (!this.#output.includes('"event":"ready"')) {
      if (this.#child.exitCode !== null || Date.now() > deadline) throw new Error(this.#output);
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }

  /** Ends it as the kubelet would; resolves with its exit code. */
  async stop(): Promise<number | null> {
    if (this.#child.exitCode === null && this.#child.signalCode === null) {
      const exited = once(this.#child, 'exit');
      this.#child.kill('SIGTERM');
      await exited;
    }
    rmSync(this.#directory, { recursive: true, force: true });
    return this.#child.exitCode;
  }
}

function withToken(kubeconfig: string, token: string): string {
  const config = parse(kubeconfig);
  for (const user of config.users) user.user = { token };
  return stringify(config);
}
