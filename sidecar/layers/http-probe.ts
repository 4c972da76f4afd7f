import type { Channel, ChannelOwner } from '../transport/channel.ts';
import type { Dial } from '../transport/dial.ts';
import type { Timer, Timers } from '../transport/timers.ts';

/** of an answer, until its status is known */
const MAX_HEAD_BYTES = 8 * 1024;
/** RFC 9112 3.2: no white space, no controls, so that policy text cannot write a field of its own */
const TARGET = /^\/[\x21-\x7e]{0,1023}$/;
const AUTHORITY = /^[A-Za-z0-9._:[\]-]{1,261}$/;
/** RFC 9112 4, as http1/ reads it */
// biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what is refused
const STATUS_LINE = /^HTTP\/1\.[01] ([1-5][0-9]{2})(?: [^\x00-\x08\x0a-\x1f\x7f]*)?$/;

export const USER_AGENT = 'weft-health-check';

export type Status =
  | { readonly ok: true; readonly status: number }
  | { readonly ok: false; readonly reason: string };

/** A host is healthy whose answer is 2xx or 3xx, as for Kubernetes' own HTTP probes. */
export function probeHttp(
  dial: Dial,
  path: string,
  host: string,
  timers: Timers,
  timeoutMs: number,
  done: (ok: boolean, reason: string) => void,
): () => void {
  return fetchStatus(dial, path, host, timers, timeoutMs, (result) => {
    if (!result.ok) return done(false, result.reason);
    done(isHealthy(result.status), `status ${result.status}`);
  });
}

export function isHealthy(status: number): boolean {
  return status >= 200 && status <= 399;
}

/** Whether they can be written into a request as they are. */
export function isFit(path: string, host: string): boolean {
  return TARGET.test(path) && AUTHORITY.test(host);
}
export const UNFIT = 'the path or host is not fit for a request';

/**
 * GET over a connection of its own, which is closed as soon as the final status line is here; the body is not
 * waited for. Calls `done` once unless cancelled; returns the cancel. `timeoutMs` is for all of it.
 */
export function fetchStatus(
  dial: Dial,
  path: string,
  host: string,
  timers: Timers,
  timeoutMs: number,
  done: (result: Status) => void,
): () => void {
  if (!isFit(path, host)) {
    done(failed(UNFIT));
    return () => {};
  }
  const fetch = new Fetch(request(path, host), done);
  fetch.start(dial, timers, timeoutMs);
  return () => fetch.settle(undefined);
}

class Fetch implements ChannelOwner {
  readonly #request: string;
  readonly #done: (result: Status) => void;
  #timer: Timer | undefined;
  #cancelDial = () => {};
  #channel: Channel | undefined;
  #head = '';
  #settled = false;

  constructor(request: string, done: (result: Status) => void) {
    this.#request = request;
    this.#done = done;
  }

  start(dial: Dial, timers: Timers, timeoutMs: number): void {
    this.#timer = timers.after(timeoutMs, () => this.settle(failed('timed out')));
    this.#cancelDial = dial((result) => {
      if (result.ok) this.#send(result.channel);
      else this.settle(failed(result.reason));
    });
  }

  /** undefined: nobody wants to know. */
  settle(result: Status | undefined): void {
    if (this.#settled) return;
    this.#settled = true;
    this.#timer?.cancel();
    this.#cancelDial();
    this.#channel?.disown();
    this.#channel?.destroy();
    if (result !== undefined) this.#done(result);
  }

  #send(channel: Channel): void {
    this.#channel = channel;
    channel.owner = this;
    channel.write(this.#request);
    channel.resume();
  }

  onData(bytes: Buffer): void {
    this.#head += bytes.toString('latin1', 0, MAX_HEAD_BYTES + 1 - this.#head.length);
    const status = finalStatus(this.#head);
    if (status !== undefined) this.settle(status);
    else if (this.#head.length > MAX_HEAD_BYTES) this.settle(failed('no status line within the limit'));
  }

  onEnd(): void {
    this.settle(failed('closed before it answered'));
  }

  onDrain(): void {}

  onClose(): void {
    this.settle(failed('closed before it answered'));
  }
}

function request(path: string, host: string): string {
  return (
    `GET ${path} HTTP/1.1\r\nHost: ${host}\r\nUser-Agent: ${USER_AGENT}\r\n` +
    'Accept: */*\r\nConnection: close\r\n\r\n'
  );
}

/** Past interim answers (RFC 9110 15.2); undefined: more bytes are needed. */
function finalStatus(head: string): Status | undefined {
  for (let start = 0; start < head.length; ) {
    const lineEnd = head.indexOf('\r\n', start);
    if (lineEnd === -1) return undefined;
    const match = STATUS_LINE.exec(head.slice(start, lineEnd));
    if (match === null) return failed('malformed status line');
    const status = Number(match[1]);
    if (status === 101) return failed('switched protocols unasked');
    if (status >= 200) return { ok: true, status };
    const headEnd = head.indexOf('\r\n\r\n', lineEnd);
    if (headEnd === -1) return undefined;
    start = headEnd + 4;
  }
  return undefined;
}

function failed(reason: string): Status & { ok: false } {
  return { ok: false, reason };
}
