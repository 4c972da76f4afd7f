import type { Exchange } from '../http1/exchange.ts';
import type { ReplayBuffer } from './replay-buffer.ts';

/** Of one request. */
const MAX_RESENT = 3;

/**
 * How often a request is sent again that an endpoint says it did nothing about (RFC 9113 8.7): whatever its method, as
 * long as all that came of its body is still here.
 */
export class ResendAllowance {
  #taken = 0;

  /** `mayRepeat`: whether there is a budget for more than one. */
  take({ head }: Exchange, replay: ReplayBuffer<unknown> | undefined, mayRepeat: () => boolean): boolean {
    if (head.framing.type !== 'none' && replay?.overflowed !== false) return false;
    this.#taken += 1;
    // an endpoint that goes away is left once; one that refuses again and again is not to be asked by everybody
    return this.#taken === 1 || (this.#taken <= MAX_RESENT && mayRepeat());
  }

  /** What came while there was no connection was too much to be kept. */
  isLost(replay: ReplayBuffer<unknown> | undefined): boolean {
    return this.#taken > 0 && replay?.overflowed === true;
  }
}

export const LOST_BODY = 'the body became too large to be sent again';
