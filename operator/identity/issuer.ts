import type { IssuerReport } from '../../api/ca-report.ts';
import { type BackoffLimits, backoffMs } from '../backoff.ts';
import type { Clock } from '../clock.ts';
import { describeError, type Log } from '../log.ts';
import type { IssuerClient } from '../platform.ts';
import type { LeafRequest } from './authority.ts';
import { IssuerError } from './issuer-error.ts';
import { exportKey, generateKeys } from './leaf-keys.ts';
import { type CheckedLeaf, checkAnswer } from './signed-answer.ts';
import { signingRequest } from './signing-request.ts';

export interface IssuerOptions {
  readonly client: IssuerClient;
  /** names that it signs for certain: the operator's own */
  readonly ownRequest: LeafRequest;
  readonly clock: Clock;
  readonly random: () => number;
  readonly log: Log;
}
export interface AskedLeaf extends CheckedLeaf {
  /** PEM */
  readonly privateKey: string;
}

const CONCURRENCY = 8;
/** Whoever asks when so many wait already is told to come again. */
const WAITING_MAX = 512;
const BACKOFF: BackoffLimits = { baseMs: 1_000, maxMs: 60_000 };
/** The same complaint is logged again after this time. */
const SAME_COMPLAINT_MS = 10 * 60_000;

/**
 * Somebody else signs: asked for a few leaves at a time, distrusted, and left alone for a while when it does not
 * answer, with one request at a time that tries. Knows with which root it signed last.
 */
export class Issuer {
  readonly #options: IssuerOptions;
  readonly #waiting: (() => void)[] = [];
  #running = 0;
  #isTrying = false;
  /** in a row, of those that concern all */
  #failures = 0;
  #retryAtMs = 0;
  #last: IssuerError | undefined;
  #failingSinceMs: number | undefined;
  #complaint = { problem: '', atMs: 0 };
  #offered: { readonly root: string; readonly atMs: number } | undefined;
  #issued = 0;
  #failed = 0;
  #probing = false;

  constructor(options: IssuerOptions) {
    this.#options = options;
  }

  /** PEM of the root that signed last; undefined: none has since this process began. */
  get offered(): string | undefined {
    return this.#offered?.root;
  }

  /** @param trusted PEM of roots, for an issuer that does not name its own. Rejects with IssuerError. */
  async ask(request: LeafRequest, lifetimeMs: number, trusted: readonly string[]): Promise<AskedLeaf> {
    await this.#enter();
    try {
      this.#mayTry();
      const leaf = await this.#ask(request, lifetimeMs, trusted);
      this.#succeeded(leaf.root);
      return leaf;
    } catch (error) {
      throw this.#noted(error);
    } finally {
      this.#leave();
    }
  }

  /** Whether it was not heard of for so long. */
  isSilentFor(ms: number): boolean {
    return this.#offered === undefined || this.#options.clock.monotonicMs() - this.#offered.atMs >= ms;
  }

  /** Asks for a leaf nobody needs, to learn whether it answers and with which root it signs. Never rejects. */
  async probe(lifetimeMs: number, trusted: readonly string[]): Promise<void> {
    if (this.#probing) return;
    this.#probing = true;
    await this.ask(this.#options.ownRequest, lifetimeMs, trusted).catch(() => {});
    this.#probing = false;
  }

  report(isHeld: boolean): IssuerReport {
    const { client } = this.#options;
    return {
      name: client.name,
      pending: this.#running + this.#waiting.length,
      isHeld,
      ...(this.#failingSinceMs !== undefined && {
        failingSince: new Date(this.#failingSinceMs).toISOString(),
        reason: `${this.#last!.problem}: ${this.#last!.message}`,
      }),
    };
  }

  metrics(): Record<string, number> {
    return {
      weft_operator_issuer_pending: this.#running + this.#waiting.length,
      weft_operator_issuer_issued_total: this.#issued,
      weft_operator_issuer_failures_total: this.#failed,
      weft_operator_issuer_failing_since_timestamp_seconds: (this.#failingSinceMs ?? 0) / 1000,
    };
  }

  async #ask(request: LeafRequest, lifetimeMs: number, trusted: readonly string[]): Promise<AskedLeaf> {
    const { client, clock } = this.#options;
    const keys = await generateKeys();
    const privateKey = await exportKey(keys.privateKey);
    const answer = await client.sign(await signingRequest(keys, request), lifetimeMs);
    const leaf = checkAnswer(answer, { privateKey, request, lifetimeMs }, trusted, clock.unixMs());
    return { ...leaf, privateKey };
  }

  async #enter(): Promise<void> {
    if (this.#running >= CONCURRENCY) {
      if (this.#waiting.length >= WAITING_MAX) {
        throw new IssuerError('Unreachable', 'too many certificates wait for the issuer already');
      }
      // the turn is handed over, and counted already
      return new Promise((resolve) => void this.#waiting.push(resolve));
    }
    this.#running += 1;
  }
  #leave(): void {
    const next = this.#waiting.shift();
    if (next === undefined) this.#running -= 1;
    else next();
  }

  /** After a failure that concerns all, nobody asks for a while, and then one. Throws what it failed with. */
  #mayTry(): void {
    if (this.#failures === 0) return;
    if (this.#isTrying || this.#options.clock.monotonicMs() < this.#retryAtMs) {
      throw new Repeated(this.#last!);
    }
    this.#isTrying = true;
  }

  #succeeded(root: string): void {
    const { clock, log, client } = this.#options;
    if (this.#failingSinceMs !== undefined) log.info({ issuer: client.name }, 'the issuer signs again');
    this.#issued += 1;
    this.#failures = 0;
    this.#isTrying = false;
    this.#failingSinceMs = undefined;
    this.#complaint = { problem: '', atMs: 0 };
    this.#offered = { root, atMs: clock.monotonicMs() };
  }

  #noted(error: unknown): IssuerError {
    if (error instanceof Repeated) return error.of;
    const { clock, random } = this.#options;
    const told = error instanceof IssuerError ? error : new IssuerError('Unreachable', describeError(error));
    this.#failed += 1;
    this.#last = told;
    this.#failingSinceMs ??= clock.unixMs();
    if (told.isOfAll && (this.#isTrying || this.#failures === 0)) {
      this.#failures += 1;
      this.#isTrying = false;
      // never at once: half of the delay is certain
      const delayMs = backoffMs(this.#failures, BACKOFF, () => 0.5 + random() / 2);
      this.#retryAtMs = clock.monotonicMs() + delayMs;
    } else if (this.#isTrying) {
      // it answers, if not as wished
      this.#failures = 0;
      this.#isTrying = false;
    }
    this.#complain(told);
    return told;
  }

  #complain({ problem, message }: IssuerError): void {
    const { clock, log, client } = this.#options;
    const nowMs = clock.monotonicMs();
    if (problem === this.#complaint.problem && nowMs - this.#complaint.atMs < SAME_COMPLAINT_MS) return;
    this.#complaint = { problem, atMs: nowMs };
    log.warn(
      { issuer: client.name, problem, reason: message },
      `a certificate was not issued: ${message}; those in use stay, and it is tried again`,
    );
  }
}

/** What the last one that tried has heard, for whoever asks meanwhile. */
class Repeated extends Error {
  readonly of: IssuerError;

  constructor(of: IssuerError) {
    super(of.message);
    this.of = of;
  }
}
