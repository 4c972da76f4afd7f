import type { Caller } from '../layers/caller.ts';
import type { OpaqueConnection } from '../layers/opaque.ts';
import type { SocketAddress } from '../transport/socket-address.ts';

/** One connection on its way to the app. */
export interface Flow extends OpaqueConnection {
  /** what the client dialled, at the app */
  readonly target: SocketAddress;
  readonly caller: Caller;
}
