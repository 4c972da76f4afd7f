import { detect, detectAtDeadline } from '../detect.ts';
import { serverNameOf } from '../layers/egress-name.ts';
import type { Limits } from '../limits.ts';
import type { Channel } from '../transport/channel.ts';
import { parseClientHello } from '../transport/client-hello.ts';
import { peek } from '../transport/peek.ts';
import type { Timers } from '../transport/timers.ts';

/** What a connection says about the host it wants, before a byte of it goes anywhere. */
export type Named =
  | { readonly kind: 'http1' }
  | { readonly kind: 'http2' }
  | { readonly kind: 'tls'; readonly serverName: string }
  | { readonly kind: 'nameless'; readonly reason: string };

export interface EgressPeekOptions {
  readonly client: Channel;
  readonly timers: Timers;
  readonly limits: Limits;
  /** undefined: the client went away without a byte */
  readonly done: (named: Named | undefined, bytes: Buffer) => void;
}

/**
 * Reads until the host is known or it is clear that there is none to be known. First bytes have
 * `detectTimeoutMs`; a ClientHello that has begun, up to 16 KiB in any pieces, has `handshakeTimeoutMs`.
 */
export function egressPeek({ client, timers, limits, done }: EgressPeekOptions): void {
  let seen = EMPTY;
  let needed = 0;
  let extended = false;
  const late = () => {
    if (seen[0] === TLS_HANDSHAKE && !extended) {
      extended = true;
      timer = timers.after(Math.max(0, limits.handshakeTimeoutMs - limits.detectTimeoutMs), late);
      return;
    }
    const bytes = stop();
    done(undecided(bytes), bytes);
  };
  let timer = timers.after(limits.detectTimeoutMs, late);
  const decide = (bytes: Buffer): Named | undefined => {
    seen = bytes;
    if (bytes.length < needed) return undefined;
    const result = nameIn(bytes);
    if ('kind' in result) return result;
    needed = result.atLeast;
    return undefined;
  };
  const stop = peek(client, decide, ({ verdict, bytes }) => {
    timer.cancel();
    if (verdict === undefined && bytes.length === 0) return done(undefined, bytes);
    done(verdict ?? undecided(bytes), bytes);
  });
}

/** Pure: what is named, or how many bytes it takes to say more. */
export function nameIn(bytes: Buffer): Named | { readonly atLeast: number } {
  switch (detect(bytes)) {
    case 'need-more':
    // the method of a request may be one nobody knows, until its line has ended
    case 'unlikely':
      return { atLeast: 0 };
    case 'http1':
      return { kind: 'http1' };
    case 'http2':
      return { kind: 'http2' };
    case 'tls':
      return nameInHello(bytes);
    default:
      return nameless('neither HTTP nor TLS: nothing names a host');
  }
}

function nameInHello(bytes: Buffer): Named | { readonly atLeast: number } {
  const hello = parseClientHello(bytes);
  if (hello.kind === 'need-more') return { atLeast: hello.atLeast };
  if (hello.kind !== 'client-hello') return nameless('TLS whose ClientHello cannot be read');
  if (hello.hasEncryptedHello)
    return nameless('TLS with an encrypted ClientHello: the server name is hidden');
  if (hello.serverName === undefined) return nameless('TLS without a server name');
  const serverName = serverNameOf(hello.serverName);
  return serverName === '' ? nameless('TLS with a server name that is none') : { kind: 'tls', serverName };
}

/** Of a client that fell silent, or ended, in the middle. */
function undecided(bytes: Buffer): Named {
  if (bytes.length === 0) return nameless('the client waits for the server to speak: nothing names a host');
  if (bytes[0] === TLS_HANDSHAKE) return nameless('TLS whose ClientHello did not come in time');
  if (detectAtDeadline(bytes) === 'http1') return { kind: 'http1' };
  return nameless('neither HTTP nor TLS: nothing names a host');
}

function nameless(reason: string): Named {
  return { kind: 'nameless', reason };
}

const TLS_HANDSHAKE = 0x16;
const EMPTY: Buffer = Buffer.alloc(0);
