import type { Writable } from 'node:stream';
import type { Direction } from './parties.ts';

/** One line of the access log. No header values, no queries: those carry secrets. */
export interface AccessEntry {
  /** RFC 3339 */
  readonly time: string;
  readonly direction: Direction;
  /** SPIFFE ID, or the address when there is none */
  readonly caller: string;
  readonly service?: string | undefined;
  readonly route?: string | undefined;
  /** outside the mesh: the host that was named */
  readonly host?: string | undefined;
  readonly endpoint?: string | undefined;
  readonly method?: string | undefined;
  readonly path?: string | undefined;
  readonly status?: number | undefined;
  /** of a gRPC call, when one came */
  readonly grpcStatus?: number | undefined;
  /** mesh error */
  readonly code?: string | undefined;
  /** mesh error that the endpoint's own sidecar answered with */
  readonly peerCode?: string | undefined;
  readonly reason?: string | undefined;
  readonly policy?: string | undefined;
  readonly rule?: string | undefined;
  /** how often an endpoint was asked, outbound; the same without the first */
  readonly requestId?: string | undefined;
  readonly attempts?: number | undefined;
  readonly retries?: number | undefined;
  /** when it is traced */
  readonly traceId?: string | undefined;
  readonly durationMs: number;
}

const MAX_TEXT = 512;

/**
 * JSON lines to a stream. When the reader of the stream is slow, lines are dropped and their number is
 * written with the next one: the log never holds up traffic and never grows in memory.
 */
export class AccessLog {
  readonly #output: Pick<Writable, 'write' | 'once'>;
  #blocked = false;
  #dropped = 0;
  /** lines since the start that nobody read in time */
  dropped = 0;

  constructor(output: Pick<Writable, 'write' | 'once'>) {
    this.#output = output;
  }

  write(entry: AccessEntry): void {
    if (this.#blocked) {
      this.#dropped += 1;
      this.dropped += 1;
      return;
    }
    const dropped = this.#dropped === 0 ? undefined : this.#dropped;
    this.#dropped = 0;
    const line = JSON.stringify({
      log: 'access',
      ...entry,
      path: clip(entry.path),
      reason: clip(entry.reason),
      dropped,
    });
    if (this.#output.write(`${line}\n`)) return;
    this.#blocked = true;
    this.#output.once('drain', () => {
      this.#blocked = false;
    });
  }
}

function clip(text: string | undefined): string | undefined {
  if (text === undefined || text === '') return undefined;
  return text.length > MAX_TEXT ? `${text.slice(0, MAX_TEXT)}…` : text;
}
