import type { ClientHttp2Session, ClientHttp2Stream } from 'node:http2';
import {
  type OperatorMessage,
  type SidecarMessage,
  STREAM_LINE_MAX_BYTES,
  STREAM_PATH,
  STREAM_PING_INTERVAL_MS,
  type StreamErrorMessage,
} from '../../api/stream.ts';
import { type Log, messageOf } from '../log.ts';
import { Backoff } from './backoff.ts';
import type { Clock } from './clock.ts';
import { type ControlPlaneTarget, dialControlPlane } from './dial.ts';
import { LineSplitter, parseJson } from './lines.ts';

/** What the client needs to know when it connects, and whom it tells. */
export interface StreamHandler {
  /** undefined: not yet known where, or no identity to show */
  target(): ControlPlaneTarget | undefined;
  /** sent first on every connection: hello, then what is subscribed to */
  greeting(): Iterable<SidecarMessage>;
  onMessage(message: Exclude<OperatorMessage, { type: 'ping' | 'error' }>): void;
  onUp(): void;
  /** also after every failed attempt */
  onDown(): void;
}

export interface StreamClientOptions {
  readonly handler: StreamHandler;
  readonly clock: Clock;
  readonly random: () => number;
  readonly log: Log;
  readonly pingIntervalMs?: number;
}

const RECONNECT_BASE_MS = 100;
const RECONNECT_MAX_MS = 15_000;
/** unsent bytes above which the control plane is taken for dead */
const UNSENT_MAX_BYTES = 4 * 1024 * 1024;

/** Reasons that ask for nothing but a new connection. */
const ORDINARY_ENDS = new Set(['max-age', 'restarting', 'replaced']);

/**
 * The push stream: keeps one connection to the control plane, for as long as it runs. Connects again with full
 * jitter when it ends for whatever reason, and gives up on a peer that is silent for three ping intervals.
 */
export class StreamClient {
  readonly #options: StreamClientOptions;
  readonly #pingIntervalMs: number;
  readonly #backoff: Backoff;
  #state: 'idle' | 'connecting' | 'up' | 'waiting' = 'idle';
  #attempt = new AbortController();
  #session: ClientHttp2Session | undefined;
  #stream: ClientHttp2Stream | undefined;
  #cancelRetry: () => void = () => {};
  #cancelPing: () => void = () => {};
  #ending = '';
  #heardMs = 0;
  #saidMs = 0;
  #upSinceMs = 0;
  #stopped = true;

  constructor(options: StreamClientOptions) {
    this.#options = options;
    this.#pingIntervalMs = options.pingIntervalMs ?? STREAM_PING_INTERVAL_MS;
    this.#backoff = new Backoff({
      baseMs: RECONNECT_BASE_MS,
      maxMs: RECONNECT_MAX_MS,
      random: options.random,
    });
  }

  get isUp(): boolean {
    return this.#state === 'up';
  }

  /** Connects unless it is connected, connecting or waiting to; also when a target has just become known. */
  start(): void {
    this.#stopped = false;
    if (this.#state === 'idle') this.#connect();
  }

  /** Connects anew at once, because the target or the identity has changed. */
  restart(): void {
    if (this.#stopped) return;
    this.#drop();
    this.#backoff.reset();
    this.#connect();
  }

  stop(): void {
    this.#stopped = true;
    this.#drop();
  }

  /** Forgets the message when there is no connection: the greeting of the next one says it all again. */
  send(message: SidecarMessage): void {
    if (this.#stream !== undefined) this.#write(this.#stream, message);
  }

  #connect(): void {
    const target = this.#options.handler.target();
    if (target === undefined || this.#stopped) {
      this.#state = 'idle';
      return;
    }
    this.#state = 'connecting';
    const attempt = new AbortController();
    this.#attempt = attempt;
    dialControlPlane(target, this.#options.clock, attempt.signal).then(
      (session) => {
        if (attempt.signal.aborted) session.destroy();
        else this.#guard(attempt, () => this.#open(session, attempt));
      },
      (error) => this.#end(attempt, messageOf(error)),
    );
  }

  #open(session: ClientHttp2Session, attempt: AbortController): void {
    this.#session = session;
    const stream = session.request(
      { ':method': 'POST', ':path': STREAM_PATH, 'content-type': 'application/x-ndjson' },
      { endStream: false },
    );
    this.#stream = stream;
    this.#ending = 'the control plane ended the stream';
    this.#heardMs = this.#options.clock.nowMs();
    this.#saidMs = this.#heardMs;
    const lines = new LineSplitter(STREAM_LINE_MAX_BYTES, (line) => this.#receive(attempt, line));
    stream.on('response', (headers) => {
      const status = headers[':status'];
      // what it says about it follows, and then the end
      if (status === 200) this.#up();
      else this.#ending = `the control plane answered ${status}`;
    });
    stream.on('data', (chunk: Buffer) => this.#guard(attempt, () => this.#take(lines, chunk)));
    stream.on('error', (error: Error) => this.#end(attempt, error.message));
    stream.on('end', () => this.#end(attempt, this.#ending));
    stream.on('close', () => this.#end(attempt, 'the stream was closed'));
    session.on('close', () => this.#end(attempt, 'the connection ended'));
    for (const message of this.#options.handler.greeting()) this.#write(stream, message);
    this.#keepAlive(attempt);
  }

  #up(): void {
    this.#state = 'up';
    this.#upSinceMs = this.#options.clock.nowMs();
    this.#options.log.info('the stream is up');
    this.#options.handler.onUp();
  }

  #take(lines: LineSplitter, chunk: Buffer): void {
    this.#heardMs = this.#options.clock.nowMs();
    lines.push(chunk);
  }

  #receive(attempt: AbortController, line: string): void {
    if (attempt.signal.aborted) return;
    const message = parseJson(line) as OperatorMessage | null;
    switch (message?.type) {
      case 'config':
      case 'identity':
      case 'trust-bundle':
      case 'destination':
        this.#options.handler.onMessage(message);
        break;
      case 'error':
        this.#told(message);
        break;
      default:
      // pings, and types that a newer control plane knows
    }
  }

  #told(message: StreamErrorMessage): void {
    const fields = { code: message.code, reason: String(message.message).slice(0, 500) };
    if (ORDINARY_ENDS.has(message.code)) this.#options.log.info('the control plane ends the stream', fields);
    else this.#options.log.warn('the control plane ends the stream', fields);
  }

  /** Whatever goes wrong ends the connection, not the process. */
  #guard(attempt: AbortController, run: () => void): void {
    try {
      if (!attempt.signal.aborted) run();
    } catch (error) {
      this.#end(attempt, messageOf(error));
    }
  }

  #write(stream: ClientHttp2Stream, message: SidecarMessage): void {
    if (stream.destroyed || stream.writableEnded) return;
    if (stream.writableLength > UNSENT_MAX_BYTES) {
      stream.destroy(new Error('the control plane does not read'));
      return;
    }
    this.#saidMs = this.#options.clock.nowMs();
    stream.write(`${JSON.stringify(message)}\n`);
  }

  #keepAlive(attempt: AbortController): void {
    this.#cancelPing = this.#options.clock.after(this.#pingIntervalMs, () => {
      const nowMs = this.#options.clock.nowMs();
      if (nowMs - this.#heardMs >= 3 * this.#pingIntervalMs) {
        return this.#end(attempt, 'the control plane is silent');
      }
      if (nowMs - this.#saidMs >= this.#pingIntervalMs && this.#stream !== undefined) {
        this.#write(this.#stream, { type: 'ping' });
      }
      this.#keepAlive(attempt);
    });
  }

  #end(attempt: AbortController, reason: string): void {
    if (attempt.signal.aborted) return;
    // a stream that breaks as soon as it is up must not be reopened without pause
    const lastedMs = this.#options.clock.nowMs() - this.#upSinceMs;
    if (this.#state === 'up' && lastedMs >= this.#pingIntervalMs) this.#backoff.reset();
    this.#drop();
    this.#state = 'waiting';
    const delayMs = this.#backoff.nextMs(this.#options.clock.nowMs());
    this.#options.log.warn('the stream is down', { reason, retryInMs: Math.round(delayMs) });
    this.#cancelRetry = this.#options.clock.after(delayMs, () => this.#connect());
    this.#options.handler.onDown();
  }

  #drop(): void {
    this.#attempt.abort();
    this.#cancelRetry();
    this.#cancelPing();
    this.#stream?.destroy();
    this.#session?.destroy();
    this.#stream = undefined;
    this.#session = undefined;
    this.#state = 'idle';
  }
}
