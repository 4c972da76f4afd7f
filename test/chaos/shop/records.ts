/** What apps of the shop write down, one JSON object a line, each before anybody can learn of it in another way. */

/** A request that came to an app; written before it is answered, so that who has an answer finds it here. */
export interface Execution {
  readonly kind: 'execution';
  /** ms since the epoch, as all times of records: everybody is on one machine */
  readonly atMs: number;
  readonly service: string;
  readonly pod: string;
  readonly method: string;
  readonly id: string;
  /** the identity that the sidecar vouches for; absent: the request did not come by it */
  readonly caller?: string;
}

/** A call that an app made, and how it ended. */
export interface Call {
  readonly kind: 'call';
  readonly beganMs: number;
  readonly atMs: number;
  readonly from: string;
  readonly pod: string;
  readonly to: string;
  readonly method: string;
  readonly id: string;
  /** 0: no answer */
  readonly status: number;
  /** of an answer that the mesh made, its `weft-error`; of no answer, why */
  readonly error?: string;
  /** who answered, and what it says it was asked: what an app of the shop puts into each of its answers */
  readonly answer?: { readonly service: string; readonly pod: string; readonly id: string };
}

export type ShopRecord = Execution | Call;
