import { detect, detectAtDeadline, type Spoken } from '../detect.ts';
import type { Limits } from '../limits.ts';
import type { Channel } from '../transport/channel.ts';
import type { Dial, DialResult } from '../transport/dial.ts';
import { peek } from '../transport/peek.ts';
import type { Timer, Timers } from '../transport/timers.ts';

/** `More`: what `recognize` tells apart besides. */
export type FirstWord<More = never> =
  | {
      readonly by: 'client';
      readonly verdict: Spoken | More;
      readonly bytes: Buffer;
      /** the connection dialled meanwhile: take it or discard it; undefined when none was to be dialled */
      readonly speculation: Speculation | undefined;
    }
  | {
      readonly by: 'server';
      readonly server: Channel;
      readonly serverBytes: Buffer;
      readonly clientBytes: Buffer;
    }
  /** the client went away, or nobody spoke in time */
  | { readonly by: 'nobody' };

export interface FirstSpeakerOptions<More = never> {
  readonly client: Channel;
  /** absent: only the client is waited for */
  readonly dial?: Dial | undefined;
  readonly dialDelayMs: number;
  /** what the client speaks, by its first bytes; absent: `detect`, to which the mesh is TLS like any other */
  readonly recognize?: ((bytes: Buffer) => Spoken | More | 'need-more') | undefined;
  readonly timers: Timers;
  readonly limits: Limits;
  readonly done: (word: FirstWord<More>) => void;
}

/**
 * Who speaks first decides what a connection is: waits for the client's first bytes while a connection to
 * the server is dialled, and reports whichever side says something.
 */
export function firstSpeaker<More = never>(options: FirstSpeakerOptions<More>): void {
  new FirstSpeaker<More>(options).start();
}

class FirstSpeaker<More> {
  readonly #options: FirstSpeakerOptions<More>;
  readonly #timers: Timer[] = [];
  #stopPeek: () => Buffer = () => EMPTY;
  #speculation: Speculation | undefined;
  #sawBytes = false;
  #over = false;

  constructor(options: FirstSpeakerOptions<More>) {
    this.#options = options;
  }

  start(): void {
    const { client, dial, dialDelayMs, limits } = this.#options;
    this.#after(limits.idleTimeoutMs, () => this.#nobody());
    this.#stopPeek = peek(
      client,
      (bytes) => this.#decide(bytes),
      ({ verdict, bytes }) => {
        if (verdict === undefined && client.destroyed) return this.#nobody();
        this.#client(verdict ?? detectAtDeadline(bytes), bytes);
      },
    );
    if (dial === undefined) return;
    if (dialDelayMs === 0) this.#speculate(dial);
    else this.#after(dialDelayMs, () => this.#speculate(dial));
  }

  #decide(bytes: Buffer): Spoken | More | undefined {
    const verdict = (this.#options.recognize ?? detect)(bytes);
    if (verdict !== 'need-more') return verdict;
    if (!this.#sawBytes) this.#after(this.#options.limits.detectTimeoutMs, () => this.#undecided());
    this.#sawBytes = true;
    return undefined;
  }

  #undecided(): void {
    const bytes = this.#stopPeek();
    this.#client(detectAtDeadline(bytes), bytes);
  }

  #speculate(dial: Dial): void {
    if (this.#over) return;
    this.#speculation = new Speculation(dial, {
      onSpoke: (server, serverBytes) => {
        // client bytes seen but undecided: it spoke first
        if (this.#sawBytes || !this.#end()) return;
        this.#options.done({ by: 'server', server, serverBytes, clientBytes: this.#stopPeek() });
      },
      // a client that speaks may still come to an endpoint that answers; one that waits for the server will not
      onFailed: () => this.#after(this.#options.limits.detectTimeoutMs, () => this.#nobody()),
    });
  }

  #client(verdict: Spoken | More, bytes: Buffer): void {
    if (!this.#end()) return;
    this.#options.done({ by: 'client', verdict, bytes, speculation: this.#speculation });
  }

  #nobody(): void {
    if (!this.#end()) return;
    this.#stopPeek();
    this.#speculation?.discard();
    this.#options.done({ by: 'nobody' });
  }

  #end(): boolean {
    if (this.#over) return false;
    this.#over = true;
    for (const timer of this.#timers) timer.cancel();
    return true;
  }

  #after(delayMs: number, expire: () => void): void {
    if (!this.#over) this.#timers.push(this.#options.timers.after(delayMs, expire));
  }
}

interface SpeculationEvents {
  readonly onSpoke: (server: Channel, bytes: Buffer) => void;
  readonly onFailed: () => void;
}

/** A connection dialled before it is known whether it is wanted. */
export class Speculation {
  readonly #cancelDial: () => void;
  #stopPeek: (() => Buffer) | undefined;
  #result: DialResult | undefined;
  /** bytes the server had said when the connection was taken */
  #bytes: Buffer = EMPTY;
  #taker: ((result: DialResult, serverBytes: Buffer) => void) | undefined;
  #discarded = false;

  constructor(dial: Dial, events: SpeculationEvents) {
    this.#cancelDial = dial((result) => {
      this.#result = result;
      if (this.#discarded) return this.discard();
      if (this.#taker !== undefined) return this.#taker(result, EMPTY);
      if (!result.ok) return events.onFailed();
      this.#stopPeek = peek(
        result.channel,
        // a server of HTTP/2 may send its preface first, and waits for the client's all the same (RFC 9113 3.4)
        (bytes) => (isServerPreface(bytes) ? undefined : true),
        ({ verdict, bytes }) => {
          this.#bytes = bytes;
          if (verdict) events.onSpoke(result.channel, bytes);
          else events.onFailed();
        },
      );
    });
  }

  /** Calls `done` once, now or when the dial has ended. */
  take(done: (result: DialResult, serverBytes: Buffer) => void): void {
    this.#taker = done;
    if (this.#result === undefined) return;
    const bytes = this.#stopPeek?.() ?? EMPTY;
    if (this.#result.ok && this.#result.channel.destroyed) {
      return void done({ ok: false, code: 'upstream-reset', reason: 'closed before it was needed' }, EMPTY);
    }
    done(this.#result, bytes.length > 0 ? bytes : this.#bytes);
  }

  discard(): void {
    this.#discarded = true;
    this.#stopPeek?.();
    this.#cancelDial();
    if (this.#result?.ok) this.#result.channel.destroy();
  }
}

const FRAME_HEADER_BYTES = 9;
const SETTINGS = 0x4;
/** More is no preface any more. */
const MAX_PREFACE_BYTES = 4_096;

/** Whether it is the SETTINGS frame by which a server of HTTP/2 begins, and what it may send with it. */
function isServerPreface(bytes: Buffer): boolean {
  if (bytes.length < FRAME_HEADER_BYTES || bytes.length > MAX_PREFACE_BYTES) return false;
  return bytes.readUIntBE(0, 3) % 6 === 0 && bytes[3] === SETTINGS && bytes.readUIntBE(4, 5) === 0;
}

const EMPTY = Buffer.alloc(0);
