import { join } from 'node:path';
import { MOUNT_STATE } from '../api/names.ts';
import { askSocket } from './access/socket-request.ts';
import { UsageError } from './usage-error.ts';

export interface AdminFlags {
  /** how many bytes of standard input are the body: over `exec` its end may not be seen */
  readonly bytes?: string;
  readonly stateDir?: string;
}

const TIMEOUT_MS = 20_000;
const BODY_MAX_BYTES = 16 * 1024 * 1024;

/**
 * `weft admin METHOD PATH`, inside the sidecar's container: what its admin socket answers, on standard output. The
 * socket has mode 0600, so whoever may run this has become the sidecar's user, by permission to exec into the pod.
 */
export async function admin(method: string, path: string, flags: AdminFlags): Promise<void> {
  if (!/^(GET|POST)$/.test(method) || !path.startsWith('/')) {
    throw new UsageError('asked for neither GET nor POST of a path', 'weft admin GET /config');
  }
  const socket = join(flags.stateDir ?? process.env.WEFT_STATE_DIR ?? MOUNT_STATE, 'admin.sock');
  const body = flags.bytes === undefined ? undefined : await readBytes(process.stdin, bytesOf(flags.bytes));
  const asked = { method, path, timeoutMs: TIMEOUT_MS, ...(body && { body }) };
  const { status, text } = await askSocket(socket, asked).catch((error: Error) => {
    throw new UsageError(`no sidecar can be asked at ${socket}: ${error.message}`);
  });
  // one line for whoever asked, then the answer as it is
  await new Promise<void>((resolve) => process.stdout.write(`${status}\n${text}`, () => resolve()));
}

function bytesOf(text: string): number {
  const bytes = /^[0-9]{1,9}$/.test(text) ? Number(text) : Number.NaN;
  if (!(bytes <= BODY_MAX_BYTES))
    throw new UsageError(`--bytes ${text} is not valid`, `at most ${BODY_MAX_BYTES}`);
  return bytes;
}

async function readBytes(input: NodeJS.ReadStream, wanted: number): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of input as AsyncIterable<Buffer>) {
    chunks.push(chunk);
    bytes += chunk.length;
    if (bytes >= wanted) break;
  }
  input.destroy();
  if (bytes < wanted) throw new UsageError(`the body ended after ${bytes} of ${wanted} bytes`);
  return Buffer.concat(chunks).subarray(0, wanted);
}
