import { PassThrough, Writable } from 'node:stream';
import type { Exec } from '@kubernetes/client-node';
import { CONTAINER_SIDECAR } from '../../api/names.ts';
import type { Question, Sidecar } from './access.ts';
import { parseAnswer } from './parse-answer.ts';

interface Limits {
  readonly timeoutMs: number;
  readonly answerMaxBytes: number;
}

const LIMITS: Limits = { timeoutMs: 30_000, answerMaxBytes: 64 * 1024 * 1024 };
const ERROR_MAX_BYTES = 64 * 1024;

/**
 * Asks the sidecar of a pod with `weft admin` inside its container. Permission to create pods/exec decides who may.
 * Rejects with what went wrong, in words.
 */
export async function askByExec(
  exec: Pick<Exec, 'exec'>,
  proxy: Sidecar,
  { method, path, body }: Question,
  { timeoutMs, answerMaxBytes }: Limits = LIMITS,
): Promise<unknown> {
  const bytes = body === undefined ? undefined : Buffer.from(body);
  // not to its end: which versions of the protocol can say that depends on the server
  const command = ['weft', 'admin', method, path, ...(bytes ? ['--bytes', String(bytes.length)] : [])];
  const stdout = new Collected(answerMaxBytes);
  const stderr = new Collected(ERROR_MAX_BYTES);
  const stdin = bytes && new PassThrough();
  const text = await new Promise<string>((resolve, reject) => {
    let close = () => {};
    let isOver = false;
    const timer = setTimeout(
      () => ended(() => reject(new Error(`no answer in ${timeoutMs / 1_000} s`))),
      timeoutMs,
    );
    const ended = (settle: () => void) => {
      isOver = true;
      clearTimeout(timer);
      stdin?.destroy();
      close();
      settle();
    };
    exec
      .exec(
        proxy.namespace,
        proxy.name,
        CONTAINER_SIDECAR,
        command,
        stdout,
        stderr,
        stdin ?? null,
        false,
        (status) =>
          ended(() => {
            if (stdout.isCut) reject(new Error('the answer is too long'));
            else if (status.status === 'Success') resolve(stdout.text());
            else reject(new Error(stderr.text().trim() || status.message || 'the command failed'));
          }),
      )
      .then((socket) => {
        // too late: nobody waits for it any more
        if (isOver) return socket.close();
        close = () => socket.close();
        socket.onclose = () => ended(() => reject(new Error('the connection was closed')));
        stdin?.write(bytes);
      })
      .catch((error: unknown) => ended(() => reject(new Error(wordsOf(error)))));
  });
  const [, status, answer] = /^([1-5][0-9]{2})\n(.*)$/s.exec(text) ?? [];
  return parseAnswer(Number(status), answer ?? '');
}

/** Of a handshake that was refused only the status is told. */
function wordsOf(error: unknown): string {
  const message = String((error as { message?: unknown } | undefined)?.message ?? error);
  if (/\b403\b/.test(message)) return 'not permitted to exec into it (get and create pods/exec)';
  if (/\b404\b/.test(message)) return 'there is no such pod, or it has no sidecar';
  return message;
}

/** What was written to it, as far as it fits. */
class Collected extends Writable {
  readonly #chunks: Buffer[] = [];
  readonly #maxBytes: number;
  #bytes = 0;

  constructor(maxBytes: number) {
    super();
    this.#maxBytes = maxBytes;
  }

  get isCut(): boolean {
    return this.#bytes > this.#maxBytes;
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: () => void): void {
    this.#bytes += chunk.length;
    if (this.#bytes <= this.#maxBytes) this.#chunks.push(chunk);
    done();
  }

  text(): string {
    return Buffer.concat(this.#chunks).toString('utf8');
  }
}
