import { type ChildProcess, spawn } from 'node:child_process';
import { accessSync, constants } from 'node:fs';
import { delimiter, join } from 'node:path';

export interface CommandResult {
  stdout: string;
  stderr: string;
  code: number;
}

export interface CommandOptions {
  input?: string;
  env?: NodeJS.ProcessEnv;
  cwd?: string;
  /** Called with each piece of output as it comes. */
  onOutput?: (text: string) => void;
  signal?: AbortSignal;
}

/** Administration commands live in sbin, which an ordinary user's PATH leaves out. */
export const searchPath = [process.env.PATH ?? '', '/usr/local/sbin', '/usr/sbin', '/sbin'].join(delimiter);

export function findOnPath(name: string, path = searchPath): string | undefined {
  for (const directory of path.split(delimiter)) {
    const candidate = join(directory, name);
    try {
      accessSync(candidate, constants.X_OK);
      if (directory) return candidate;
    } catch {
      // Not here: look in the next directory.
    }
  }
  return undefined;
}

function collect(child: ChildProcess, options: CommandOptions): { stdout: string; stderr: string } {
  const output = { stdout: '', stderr: '' };
  for (const name of ['stdout', 'stderr'] as const) {
    child[name]?.setEncoding('utf8');
    child[name]?.on('data', (text: string) => {
      output[name] += text;
      options.onOutput?.(text);
    });
  }
  return output;
}

/** Runs a command to its end; a non-zero exit is an answer, not an error. */
export function run(command: string, args: string[], options: CommandOptions = {}): Promise<CommandResult> {
  return new Promise((resolve, reject) => {
    const { cwd, signal } = options;
    const child = spawn(command, args, {
      cwd,
      signal,
      env: { ...process.env, PATH: searchPath, ...options.env },
    });
    const output = collect(child, options);
    child.stdin.on('error', () => {}); // A command that ends before it has read its input says so by its exit code.
    child.stdin.end(options.input ?? '');
    child.on('error', reject);
    child.on('close', (code, ending) => resolve({ ...output, code: code ?? (ending ? 128 : 1) }));
  });
}

/** Runs a command that has to succeed; the error shows what it printed. */
export async function runOk(command: string, args: string[], options: CommandOptions = {}): Promise<string> {
  const { stdout, stderr, code } = await run(command, args, options);
  if (code === 0) return stdout;
  const printed = `${stdout}${stderr}`.trim().split('\n').slice(-30).join('\n');
  throw new Error(`${command} ${args.join(' ')} ended with ${code}:\n${printed}`);
}
