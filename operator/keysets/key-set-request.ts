import type { LookupAddress } from 'node:dns';
import type { IncomingMessage } from 'node:http';
import { request } from 'node:https';
import { isIP, type LookupFunction } from 'node:net';
import type { SecureContext } from 'node:tls';
import type { Clock } from '../clock.ts';
import type { AddressPolicy } from './address-policy.ts';

export interface KeySetRequestOptions {
  /** all addresses of a name */
  readonly resolve: (hostname: string) => Promise<readonly LookupAddress[]>;
  readonly refuses: AddressPolicy;
  /** the roots that are trusted */
  readonly secureContext: SecureContext;
  readonly clock: Clock;
  /** until the server is known */
  readonly connectMs: number;
  /** until the last byte of the answer */
  readonly totalMs: number;
  readonly maxBytes: number;
}

export interface KeySetAnswer {
  readonly text: string;
  readonly cacheControl: string | undefined;
}

/** Says in words, for the status of a policy, why a key set could not be had. */
export class KeySetError extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'KeySetError';
  }
}

/**
 * GET of a URI that a policy names, which is anybody's: https only, to an address that was looked at after the
 * name was resolved and is connected to as it is, so that a name which resolves differently the next moment leads
 * nowhere else. No redirections, no proxies, no kept connections. Throws KeySetError or the connection's error.
 */
export async function requestKeySet(
  uri: string,
  options: KeySetRequestOptions,
  signal: AbortSignal,
): Promise<KeySetAnswer> {
  const url = checkedUrl(uri);
  const deadlines = new Deadlines(options, signal);
  try {
    const addresses = await deadlines.race(allowedAddresses(url.hostname, options));
    const response = await deadlines.race(connect(url, addresses, options, deadlines));
    return await deadlines.race(read(response, options.maxBytes));
  } finally {
    deadlines.end();
  }
}

function checkedUrl(uri: string): URL {
  const url = URL.parse(uri);
  if (url === null || url.protocol !== 'https:') throw new KeySetError('is no https address');
  if (url.username !== '' || url.password !== '') {
    throw new KeySetError('has a user or password in it: key sets are public, remove it');
  }
  return url;
}

async function allowedAddresses(
  hostname: string,
  { resolve, refuses }: KeySetRequestOptions,
): Promise<LookupAddress[]> {
  const literal = hostname.replace(/^\[(.*)\]$/, '$1');
  const family = isIP(literal);
  const resolved = family === 0 ? await resolve(hostname) : [{ address: literal, family }];
  const allowed = resolved.filter(({ address }) => refuses(address) === undefined);
  if (allowed.length > 0) return allowed;
  const [first] = resolved;
  if (first === undefined) throw new KeySetError('has a host without an address');
  const why = refuses(first.address);
  throw new KeySetError(`leads to ${first.address}, which is ${why}: the operator does not connect there`);
}

function connect(
  url: URL,
  addresses: readonly LookupAddress[],
  { refuses, secureContext }: KeySetRequestOptions,
  deadlines: Deadlines,
): Promise<IncomingMessage> {
  const lookup: LookupFunction = (_hostname, { all }, done) => {
    if (all === true) done(null, [...addresses]);
    else done(null, addresses[0]!.address, addresses[0]!.family);
  };
  return new Promise((resolve, reject) => {
    const sent = request(url, {
      ...{ lookup, secureContext, signal: deadlines.signal, agent: false },
      ...{ rejectUnauthorized: true, minVersion: 'TLSv1.2' as const },
      headers: {
        accept: 'application/jwk-set+json, application/json',
        'accept-encoding': 'identity',
        'user-agent': 'weft',
      },
    });
    sent.once('socket', (socket) => {
      socket.once('connect', () => {
        // an address that is written as a number in the URI is connected to without `lookup`
        const { remoteAddress = '' } = socket;
        const why = refuses(remoteAddress);
        if (why !== undefined) socket.destroy(new KeySetError(`leads to ${remoteAddress}, which is ${why}`));
      });
      socket.once('secureConnect', () => deadlines.connected());
    });
    sent.once('response', resolve).on('error', reject).end();
  });
}

async function read(response: IncomingMessage, maxBytes: number): Promise<KeySetAnswer> {
  const { statusCode = 0, headers } = response;
  try {
    if (statusCode >= 300 && statusCode < 400) {
      throw new KeySetError(`answers ${statusCode}: redirections are not followed, write where it leads to`);
    }
    if (statusCode !== 200) throw new KeySetError(`answers ${statusCode}`);
    if ((headers['content-encoding'] ?? 'identity') !== 'identity') {
      throw new KeySetError('answers in an encoding that was not asked for');
    }
    return { text: await readText(response, maxBytes), cacheControl: headers['cache-control'] };
  } finally {
    response.destroy();
  }
}

async function readText(response: IncomingMessage, maxBytes: number): Promise<string> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of response as AsyncIterable<Buffer>) {
    bytes += chunk.length;
    if (bytes > maxBytes) throw new KeySetError(`answers with more than ${maxBytes} bytes`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}

/** Resolving has no way of its own to be ended, so what takes too long is left behind. */
class Deadlines {
  readonly signal: AbortSignal;
  readonly #controller = new AbortController();
  readonly #failed = Promise.withResolvers<never>();
  readonly #cancels: (() => void)[];
  readonly #outer: AbortSignal;
  readonly #onOuter = () => this.#fail(new KeySetError('was given up'));

  constructor({ clock, connectMs, totalMs }: KeySetRequestOptions, outer: AbortSignal) {
    this.signal = this.#controller.signal;
    this.#failed.promise.catch(() => {});
    const late = (what: string, limitMs: number) => () =>
      this.#fail(new KeySetError(`${what} within ${limitMs / 1000} s`));
    this.#cancels = [
      clock.after(connectMs, late('could not be connected to', connectMs)),
      clock.after(totalMs, late('did not answer', totalMs)),
    ];
    this.#outer = outer;
    if (outer.aborted) this.#onOuter();
    else outer.addEventListener('abort', this.#onOuter, { once: true });
  }

  race<T>(promise: Promise<T>): Promise<T> {
    return Promise.race([promise, this.#failed.promise]);
  }
  connected(): void {
    this.#cancels[0]!();
  }
  end(): void {
    for (const cancel of this.#cancels) cancel();
    this.#outer.removeEventListener('abort', this.#onOuter);
    this.#controller.abort();
  }

  #fail(error: KeySetError): void {
    this.#failed.reject(error);
    this.#controller.abort();
  }
}
