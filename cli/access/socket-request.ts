import { request } from 'node:http';

export interface SocketAnswer {
  readonly status: number;
  readonly text: string;
}

export interface SocketRequest {
  readonly method: string;
  readonly path: string;
  readonly body?: string | Buffer;
  readonly timeoutMs: number;
  /** of the answer; absent: 64 MiB */
  readonly answerMaxBytes?: number;
}

/** 2,048 requests of 2 KiB are 4 MiB. */
const ANSWER_MAX_BYTES = 64 * 1024 * 1024;

/** Asks the sidecar behind a unix socket. Rejects when there is none, or it does not answer in time. */
export function askSocket(
  socketPath: string,
  { method, path, body, timeoutMs, answerMaxBytes = ANSWER_MAX_BYTES }: SocketRequest,
): Promise<SocketAnswer> {
  return new Promise((resolve, reject) => {
    const asked = request({ socketPath, method, path, agent: false }, (response) => {
      const chunks: Buffer[] = [];
      let bytes = 0;
      response.on('data', (chunk: Buffer) => {
        bytes += chunk.length;
        if (bytes > answerMaxBytes) response.destroy(new Error('the answer is too long'));
        else chunks.push(chunk);
      });
      response.on('error', reject);
      response.on('end', () =>
        resolve({ status: response.statusCode!, text: Buffer.concat(chunks).toString('utf8') }),
      );
    });
    // for the whole exchange: a trickle is no answer
    const timer = setTimeout(() => asked.destroy(new Error('the sidecar does not answer')), timeoutMs);
    asked.on('close', () => clearTimeout(timer));
    asked.on('error', reject);
    asked.end(body);
  });
}
