import type { ErrorCode } from '../../api/errors.ts';
import type { Context } from '../context.ts';
import type { RequestCarrier } from '../http1/client-connection.ts';
import type { Exchange, FinishListener } from '../http1/exchange.ts';
import { Forward, type ForwardOwner, mayRepeat } from '../http1/forward.ts';
import type { Acquired, RequestPool } from '../http1/pool.ts';
import type { ResponseHead } from '../http1/response-head.ts';
import type { Limits } from '../limits.ts';
import type { Timers } from '../transport/timers.ts';

/** One request to outside the mesh, over a connection of the pool. `name`: the address it goes to. */
export class EgressRequest implements ForwardOwner, FinishListener {
  readonly #pool: RequestPool;
  readonly #exchange: Exchange;
  readonly timers: Timers;
  readonly limits: Limits;
  readonly fallbackHost: string;
  /** nobody out there speaks for the mesh */
  readonly trustsMeshFields = false;
  readonly replay = undefined;
  #mayRepeat = false;
  #cancel: (() => void) | undefined = undefined;

  constructor({ timers, limits }: Context, pool: RequestPool, name: string, exchange: Exchange) {
    this.#pool = pool;
    this.#exchange = exchange;
    this.timers = timers;
    this.limits = limits;
    this.fallbackHost = name;
  }

  start(): void {
    const idle = this.#pool.take();
    if (idle === undefined) return void this.#connect();
    this.#mayRepeat = mayRepeat(this.#exchange);
    new Forward(this.#exchange, idle, this).start(undefined);
  }

  #connect(): void {
    this.#mayRepeat = false;
    this.#exchange.onFinish(this);
    this.#cancel = this.#pool.connect((result) => this.#connected(result));
  }

  #connected(result: Acquired): void {
    const exchange = this.#exchange;
    this.#cancel = undefined;
    if (exchange.aborted || exchange.responseEnded) {
      if (result.ok) result.connection.release();
      return;
    }
    if (!result.ok) return void exchange.answer(result.code, result.reason);
    exchange.trail.connectedMs = this.timers.nowMs();
    new Forward(exchange, result.connection, this).start(undefined);
  }

  onExchangeFinished(): void {
    this.#cancel?.();
  }

  onResponse(_head: ResponseHead): boolean {
    this.#exchange.trail.respondedMs = this.timers.nowMs();
    return false;
  }

  /** Once more on a fresh connection, when an idle one had been closed under the request. */
  onFailed(_code: ErrorCode, _reason: string, { sawResponse }: RequestCarrier): boolean {
    if (!this.#mayRepeat || sawResponse) return false;
    this.#connect();
    return true;
  }
}
