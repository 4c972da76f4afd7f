import { ALPN } from '../../api/names.ts';
import { detect, detectAtDeadline, type Spoken } from '../detect.ts';
import type { Channel } from '../transport/channel.ts';
import { parseClientHello } from '../transport/client-hello.ts';
import { peek } from '../transport/peek.ts';
import type { Timers } from '../transport/timers.ts';

/** `mesh`: a ClientHello that offers one of our ALPN values; `silent`: not a byte in time; `gone`: closed. */
export type Recognized = Spoken | 'mesh' | 'silent' | 'gone';

export interface RecognizeOptions {
  readonly channel: Channel;
  readonly timers: Timers;
  /** for the first byte */
  readonly waitMs: number;
  /** for a whole ClientHello, once it has begun: it may be spread over segments of a slow link; from the start */
  readonly helloTimeoutMs: number;
  readonly done: (recognized: Recognized, bytes: Buffer) => void;
}

const OURS: ReadonlySet<string> = new Set(Object.values(ALPN));
const TLS_HANDSHAKE = 0x16;

/** Looks at first bytes and says whose connection this is. The ALPN value is a hint, never a proof. */
export function recognize(options: RecognizeOptions): void {
  const { channel, timers, waitMs, helloTimeoutMs, done } = options;
  let seen: Buffer = Buffer.alloc(0);
  let extended = false;
  const late = () => {
    if (seen[0] === TLS_HANDSHAKE && !extended) {
      extended = true;
      timer = timers.after(Math.max(0, helloTimeoutMs - waitMs), late);
      return;
    }
    const bytes = stop();
    done(bytes.length === 0 ? 'silent' : detectAtDeadline(bytes), bytes);
  };
  let timer = timers.after(waitMs, late);
  let needed = 0;
  const decide = (bytes: Buffer): Recognized | undefined => {
    seen = bytes;
    if (bytes.length < needed) return undefined;
    const result = recognizeBytes(bytes);
    if (typeof result === 'string') return result;
    needed = result.atLeast;
    return undefined;
  };
  const stop = peek(channel, decide, ({ verdict, bytes }) => {
    timer.cancel();
    if (verdict === undefined && bytes.length === 0) return done('gone', bytes);
    done(verdict ?? detectAtDeadline(bytes), bytes);
  });
}

/** Pure: the verdict, or how many bytes it takes to say more. */
export function recognizeBytes(bytes: Buffer): Spoken | 'mesh' | { readonly atLeast: number } {
  const verdict = detect(bytes);
  if (verdict === 'need-more') return { atLeast: 0 };
  if (verdict !== 'tls') return verdict;
  const hello = parseClientHello(bytes);
  if (hello.kind === 'need-more') return hello;
  if (hello.kind !== 'client-hello') return 'opaque';
  return hello.alpn.some((name) => OURS.has(name)) ? 'mesh' : 'tls';
}

/** The same of a client that said nothing for long, beside a server that may speak first. */
export function recognizeLate(bytes: Buffer): Spoken | 'mesh' | 'need-more' {
  const result = recognizeBytes(bytes);
  return typeof result === 'string' ? result : 'need-more';
}
