import { METRICS } from '../../api/metrics.ts';
import type { Context } from '../context.ts';
import type { Exchange } from '../http1/exchange.ts';
import { MirrorRequest, type MirrorResult } from './mirror-request.ts';
import type { Upstream } from './upstream.ts';

const RESULTS: readonly MirrorResult[] = ['answered', 'failed', 'dropped'];
/** Copies under way, of all destinations together. */
const MAX_MIRRORS = 256;

/** Copies of requests, sent beside them. Nothing that becomes of a copy is seen by its request. */
export class Mirrors {
  readonly #context: Context;
  readonly #counts: Record<MirrorResult, number> = { answered: 0, failed: 0, dropped: 0 };
  #active = 0;

  constructor(context: Context) {
    this.#context = context;
    context.telemetry.registerCounter(
      METRICS.mirrored,
      'Copies of requests, by what became of them.',
      ['result'],
      () => RESULTS.map((result) => [[result], this.#counts[result]]),
    );
  }

  /** Before the request's body is asked for. A tunnel is not copied: what follows is no request. */
  copy(
    exchange: Exchange,
    upstream: Upstream,
    { backend, percent }: { readonly backend: number; readonly percent: number },
  ): void {
    const { head } = exchange;
    if (this.#context.random() * 100 >= percent) return;
    if (head.upgrade !== undefined || head.method === 'CONNECT') return;
    if (this.#active >= MAX_MIRRORS) return void this.#count('dropped');
    this.#active += 1;
    const mirror = new MirrorRequest(
      this.#context,
      upstream.backend(backend),
      { protocol: exchange.protocol, version: exchange.version, head: head.copy() },
      (result) => {
        this.#active -= 1;
        this.#count(result);
      },
    );
    exchange.tee(mirror);
    mirror.start();
  }

  #count(result: MirrorResult): void {
    this.#counts[result] += 1;
  }
}
