import { execFile } from 'node:child_process';

export interface RunResult {
  readonly ok: boolean;
  /** the program is not installed */
  readonly missing: boolean;
  readonly stdout: string;
  /** first lines of what it complained about; empty when ok */
  readonly complaint: string;
}
export type Run = (program: string, args: readonly string[], input?: string) => Promise<RunResult>;

const TIMEOUT_MS = 15_000;
const OUTPUT_MAX_BYTES = 8 * 1024 * 1024;

/** Runs a program to its end; never throws. */
export const run: Run = (program, args, input = '') =>
  new Promise((resolve) => {
    const child = execFile(
      program,
      args,
      {
        timeout: TIMEOUT_MS,
        maxBuffer: OUTPUT_MAX_BYTES,
        // The pod's network namespace is ours alone, and the root file system may be read-only: there is
        // nobody to lock out and no place for a lock file.
        env: { ...process.env, XTABLES_LOCKFILE: '/dev/null', LC_ALL: 'C' },
      },
      (error, stdout, stderr) => {
        const missing = error !== null && 'code' in error && error.code === 'ENOENT';
        const complaint = stderr.trim().split('\n').slice(0, 4).join('; ') || (error?.message ?? '');
        resolve({ ok: error === null, missing, stdout, complaint: error === null ? '' : complaint });
      },
    );
    // A program that ends without reading its input is reported by its exit code.
    child.stdin?.on('error', () => {});
    child.stdin?.end(input);
  });
