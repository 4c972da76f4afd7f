import { readFile } from 'node:fs/promises';
import type { ClientHttp2Session } from 'node:http2';
import {
  type ConfigMessage,
  IDENTITY_PATH,
  type IdentityMessage,
  type OperatorMessage,
  STREAM_LINE_MAX_BYTES,
} from '../../api/stream.ts';
import { type Log, messageOf } from '../log.ts';
import { Backoff } from './backoff.ts';
import type { Clock } from './clock.ts';
import { type ControlPlaneTarget, dialControlPlane } from './dial.ts';
import { LineSplitter, parseJson } from './lines.ts';

export interface FirstIdentityAnswer {
  readonly identity: IdentityMessage;
  readonly config: ConfigMessage | undefined;
}

export interface FirstIdentityOptions {
  readonly proxyId: string;
  readonly tokenFile: string;
  /** undefined: not known where to ask, or whom to trust */
  readonly target: () => ControlPlaneTarget | undefined;
  /** Throws when the answer is of no use, and then it is asked again. */
  readonly onAnswer: (answer: FirstIdentityAnswer) => void;
  readonly clock: Clock;
  readonly random: () => number;
  readonly log: Log;
}

const ANSWER_TIMEOUT_MS = 10_000;
const TOKEN_MAX_CHARACTERS = 64 * 1024;
const LINES_MAX = 16;

/** Asks for an identity with the projected token, again and again until there is one or it is stopped. */
export class FirstIdentity {
  readonly #options: FirstIdentityOptions;
  readonly #backoff: Backoff;
  #asking: AbortController | undefined;
  #cancelRetry: () => void = () => {};
  /** why there is none yet, for readiness */
  reason: string | undefined;

  constructor(options: FirstIdentityOptions) {
    this.#options = options;
    this.#backoff = new Backoff({ baseMs: 100, maxMs: 15_000, random: options.random });
  }

  start(): void {
    if (this.#asking !== undefined) return;
    this.#backoff.reset();
    this.#ask();
  }

  stop(): void {
    this.#asking?.abort();
    this.#asking = undefined;
    this.#cancelRetry();
    this.reason = undefined;
  }

  #ask(): void {
    const asking = new AbortController();
    this.#asking = asking;
    this.#exchange(asking.signal).then(
      () => asking.signal.aborted || this.stop(),
      (error) => asking.signal.aborted || this.#retry(messageOf(error)),
    );
  }

  #retry(reason: string): void {
    const delayMs = this.#backoff.nextMs(this.#options.clock.nowMs());
    this.reason = reason;
    this.#options.log.warn('no identity yet', { reason, retryInMs: Math.round(delayMs) });
    this.#cancelRetry = this.#options.clock.after(delayMs, () => this.#ask());
  }

  async #exchange(signal: AbortSignal): Promise<void> {
    const { clock, proxyId, tokenFile, onAnswer } = this.#options;
    const target = this.#options.target();
    if (target === undefined) throw new Error('it is not known which control plane to ask');
    const token = await readToken(tokenFile);
    const session = await dialControlPlane(target, clock, signal);
    try {
      const answer = await ask(session, { proxyId, token, clock, signal });
      if (!signal.aborted) onAnswer(answer);
    } finally {
      session.destroy();
    }
  }
}

/** The kubelet replaces the token before it expires, so it is read anew for each attempt. */
async function readToken(path: string): Promise<string> {
  const token = await readFile(path, 'utf8').then(
    (text) => text.trim(),
    (error: NodeJS.ErrnoException) => {
      throw new Error(`the token cannot be read: ${error.code}`);
    },
  );
  // what a header field may hold; the text itself is a secret
  if (!/^[\x21-\x7e]+$/.test(token) || token.length > TOKEN_MAX_CHARACTERS) {
    throw new Error('the token file holds no token');
  }
  return token;
}

interface Asking {
  readonly proxyId: string;
  readonly token: string;
  readonly clock: Clock;
  readonly signal: AbortSignal;
}

function ask(session: ClientHttp2Session, asking: Asking): Promise<FirstIdentityAnswer> {
  return new Promise((resolve, reject) => {
    const stream = session.request({
      ':method': 'POST',
      ':path': IDENTITY_PATH,
      'content-type': 'application/json',
      authorization: `Bearer ${asking.token}`,
    });
    const messages: OperatorMessage[] = [];
    const lines = new LineSplitter(STREAM_LINE_MAX_BYTES, (line) => {
      if (messages.length >= LINES_MAX) throw new Error('the answer has too many lines');
      messages.push(parseJson(line) as OperatorMessage);
    });
    const fail = (error: Error) => {
      cancelTimer();
      stream.destroy();
      reject(error);
    };
    const attempt = (run: () => void) => {
      try {
        run();
      } catch (error) {
        fail(error as Error);
      }
    };
    const cancelTimer = asking.clock.after(ANSWER_TIMEOUT_MS, () => fail(new Error('no answer within 10 s')));
    asking.signal.addEventListener('abort', () => fail(new Error('stopped')), { once: true });
    let status: number | undefined;
    stream.on('response', (headers) => {
      status = headers[':status'];
    });
    stream.on('data', (chunk: Buffer) => attempt(() => lines.push(chunk)));
    stream.on('error', fail);
    stream.on('close', () => fail(new Error('the control plane closed without an answer')));
    stream.on('end', () =>
      attempt(() => {
        lines.end();
        const answer = readAnswer(status, messages);
        cancelTimer();
        resolve(answer);
      }),
    );
    stream.end(JSON.stringify({ proxyId: asking.proxyId }));
  });
}

function readAnswer(status: number | undefined, messages: readonly OperatorMessage[]): FirstIdentityAnswer {
  const refused = messages.find((message) => message?.type === 'error');
  if (refused !== undefined) throw new Error(`${refused.code}: ${String(refused.message).slice(0, 500)}`);
  if (status !== 200) throw new Error(`the control plane answered ${status}`);
  const identity = messages.find((message) => message?.type === 'identity');
  if (identity === undefined) throw new Error('the answer holds no identity');
  return { identity, config: messages.find((message) => message?.type === 'config') };
}
