import type { Timer } from '../transport/timers.ts';
import type { Connection } from './connection.ts';
import { ConnectionError, H2_ERROR } from './error-codes.ts';

/** While something is under way, deadlines are looked at this often. */
const TICK_MS = 1_000;
const SIGN_OF_LIFE = Buffer.from('weft-png', 'latin1');

/**
 * The clock of a connection: one timer for all its streams and deadlines, which are looked at now and then instead of
 * being armed by request.
 */
export class Watch {
  readonly #connection: Connection;
  #timer: Timer | undefined;
  #isSoon = false;
  /** monotonic */
  heardMs: number;
  #askedMs = -1;
  /** the head that is awaited, and since when */
  #head = 0;
  #headMs = 0;
  #introducedMs = -1;

  constructor(connection: Connection) {
    this.#connection = connection;
    this.heardMs = connection.timers.coarseMs();
  }

  /** Our SETTINGS were sent, and their acknowledgement must come. */
  start(): void {
    this.#introducedMs = this.#connection.timers.nowMs();
    this.#arm(TICK_MS);
  }
  acknowledged(): void {
    this.#introducedMs = -1;
  }
  heard(): void {
    this.heardMs = this.#connection.timers.coarseMs();
    this.#askedMs = -1;
  }
  /** There are streams. */
  busy(): void {
    if (!this.#isSoon) this.#arm(TICK_MS);
  }
  stop(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
  }
  /** Limits have changed. */
  again(): void {
    if (this.#timer !== undefined) this.#arm(TICK_MS);
  }

  #arm(delayMs: number): void {
    this.#timer?.cancel();
    this.#isSoon = delayMs <= TICK_MS;
    this.#timer = this.#connection.timers.after(delayMs, () => this.#look());
  }

  #look(): void {
    const connection = this.#connection;
    if (connection.isOver) return;
    const nowMs = connection.timers.nowMs();
    if (this.#isLate(nowMs)) return;
    for (const stream of [...connection.streams.values()]) {
      if (stream.idleTimeoutMs > 0 && nowMs - stream.touchedMs >= stream.idleTimeoutMs) stream.onIdle();
    }
    connection.output.flush();
    if (connection.isOver) return;
    const isBusy = connection.streams.size > 0 || this.#introducedMs !== -1 || this.#head !== 0;
    const delayMs = isBusy ? TICK_MS : connection.onQuiet(nowMs - this.heardMs);
    if (delayMs > 0 && !connection.isOver) this.#arm(delayMs);
  }

  /** True: the connection was given up. */
  #isLate(nowMs: number): boolean {
    const { sharedLimits } = this.#connection;
    if (this.#introducedMs !== -1 && nowMs - this.#introducedMs >= sharedLimits.headerTimeoutMs) {
      return this.#giveUp(H2_ERROR.settingsTimeout, 'RFC 9113 6.5.3', 'SETTINGS were not acknowledged');
    }
    const head = this.#connection.headUnderWay;
    if (head !== this.#head) {
      this.#head = head;
      this.#headMs = nowMs;
    } else if (head !== 0 && nowMs - this.#headMs >= sharedLimits.headerTimeoutMs) {
      return this.#giveUp(H2_ERROR.enhanceYourCalm, 'RFC 9113 10.5', 'a header block took too long');
    }
    return this.#connection.streams.size > 0 && this.#isSilent(nowMs);
  }

  #isSilent(nowMs: number): boolean {
    const { limits, output } = this.#connection;
    if (limits.pingAfterMs === 0 || nowMs - this.heardMs < limits.pingAfterMs) return false;
    if (this.#askedMs === -1) {
      this.#askedMs = nowMs;
      output.ping(SIGN_OF_LIFE, 0, false);
      return false;
    }
    if (nowMs - this.#askedMs < limits.pingTimeoutMs) return false;
    this.#connection.abandon('no answer to PING');
    return true;
  }

  #giveUp(code: number, rule: string, message: string): boolean {
    this.#connection.fail(new ConnectionError(code, rule, message));
    return true;
  }
}
