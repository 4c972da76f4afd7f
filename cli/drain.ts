import { join } from 'node:path';
import { MOUNT_STATE } from '../api/names.ts';
import { askSocket } from './access/socket-request.ts';
import { UsageError } from './usage-error.ts';

export interface DrainOptions {
  readonly stateDir: string;
  /** how long to stay after the sidecar has been told */
  readonly waitSeconds: number;
}

const TIMEOUT_MS = 5_000;
const WAIT_MAX_SECONDS = 3600;

/**
 * `weft drain`: the preStop hook of the sidecar's container. Tells the sidecar that the pod is terminating: it
 * fails its readiness and keeps serving until SIGTERM, which a native sidecar gets after the app has gone.
 * Source: https://kubernetes.io/docs/concepts/workloads/pods/sidecar-containers/
 *
 * It is a process for the sake of the socket, which only the sidecar's container has: `httpGet` would have to ask the
 * admin port, where every pod and the app itself can ask, and who may make a pod unready may end its traffic. A signal
 * has the right audience, but no answer, and no process id that is sure: with a shared PID namespace 1 is another.
 */
export async function drain(options: DrainOptions): Promise<void> {
  await tell(join(options.stateDir, 'admin.sock'));
  await new Promise((resolve) => setTimeout(resolve, options.waitSeconds * 1000));
}

/** Throws UsageError with what is wrong. */
export function drainOptions(flags: { stateDir?: string; wait?: string }): DrainOptions {
  const wait = flags.wait ?? '0';
  const waitSeconds = /^[0-9]{1,4}$/.test(wait) ? Number(wait) : Number.NaN;
  if (!(waitSeconds <= WAIT_MAX_SECONDS)) {
    throw new UsageError(`--wait ${wait} is not valid`, `give whole seconds, at most ${WAIT_MAX_SECONDS}`);
  }
  return { stateDir: flags.stateDir ?? process.env.WEFT_STATE_DIR ?? MOUNT_STATE, waitSeconds };
}

async function tell(socketPath: string): Promise<void> {
  const asked = { method: 'POST', path: '/drain', timeoutMs: TIMEOUT_MS };
  const { status } = await askSocket(socketPath, asked).catch((error: Error) => {
    throw new UsageError(`no sidecar can be told at ${socketPath}: ${error.message}`);
  });
  if (status !== 200) throw new Error(`the sidecar answered ${status}`);
}
