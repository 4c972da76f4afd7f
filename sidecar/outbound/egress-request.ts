import type { ErrorCode } from '../../api/errors.ts';
import type { Context } from '../context.ts';
import type { HttpVersion } from '../http-server.ts';
import type { RequestCarrier } from '../http1/client-connection.ts';
import type { Exchange, FinishListener } from '../http1/exchange.ts';
import { Forward, type ForwardOwner, mayRepeat } from '../http1/forward.ts';
import type { Acquired } from '../http1/pool.ts';
import type { ResponseHead } from '../http1/response-head.ts';
import { fromHttp1, toHttp1 } from '../layers/websocket.ts';
import type { Limits } from '../limits.ts';
import type { Timers } from '../transport/timers.ts';
import type { EgressPools } from './egress-pools.ts';

/** One request to outside the mesh, over a connection of a pool. `tlsName`: empty in plaintext. */
export class EgressRequest implements ForwardOwner, FinishListener {
  readonly #pools: EgressPools;
  readonly #tlsName: string;
  readonly #exchange: Exchange;
  readonly timers: Timers;
  readonly limits: Limits;
  readonly fallbackHost: string;
  /** nobody out there speaks for the mesh */
  readonly trustsMeshFields = false;
  readonly replay = undefined;
  #version: HttpVersion;
  #mayRepeat = false;
  #cancel: (() => void) | undefined = undefined;

  constructor(
    { timers, limits }: Context,
    pools: EgressPools,
    tlsName: string,
    version: HttpVersion,
    exchange: Exchange,
  ) {
    this.#pools = pools;
    this.#tlsName = tlsName;
    this.#version = version;
    this.#exchange = exchange;
    this.timers = timers;
    this.limits = limits;
    this.fallbackHost = pools.name;
  }

  start(): void {
    if (this.#version !== this.#exchange.version) toHttp1(this.#exchange.head);
    const idle = this.#pools.get(this.#tlsName, this.#version).take();
    if (idle === undefined) return void this.#connect();
    this.#mayRepeat = mayRepeat(this.#exchange);
    new Forward(this.#exchange, idle, this).start(undefined);
  }

  #connect(): void {
    this.#mayRepeat = false;
    this.#exchange.onFinish(this);
    this.#cancel = this.#pools.get(this.#tlsName, this.#version).connect((result) => this.#connected(result));
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

  onResponse(head: ResponseHead): boolean {
    if (this.#version !== this.#exchange.version) fromHttp1(head);
    this.#exchange.trail.respondedMs = this.timers.nowMs();
    return false;
  }

  /** Once more on a fresh connection, when an idle one had been closed under the request. */
  onFailed(_code: ErrorCode, _reason: string, { sawResponse, refusesUpgrade }: RequestCarrier): boolean {
    if (refusesUpgrade && toHttp1(this.#exchange.head)) {
      this.#version = 'http1';
      this.#connect();
      return true;
    }
    if (!this.#mayRepeat || sawResponse) return false;
    this.#connect();
    return true;
  }
}
