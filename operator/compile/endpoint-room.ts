import type { Endpoint } from '../../api/destination.ts';
import { STREAM_LINE_MAX_BYTES } from '../../api/stream.ts';

/** Of one Destination, as JSON; what is left of a line of the stream is for its routes, which have a policy's size. */
export const ENDPOINTS_MAX_BYTES = (STREAM_LINE_MAX_BYTES * 3) / 4;

/**
 * Where the endpoints of one Destination, its backends' included, have their place. A few hundred subsets of one large
 * Service are easily written, and a line that is too long would cut whoever calls the Service off from the operator:
 * so those who come late get what is left.
 */
export class EndpointRoom {
  #bytes = ENDPOINTS_MAX_BYTES;

  get isFull(): boolean {
    return this.#bytes === 0;
  }

  /** As many as there is room for, the first. */
  take(endpoints: Endpoint[]): Endpoint[] {
    let fitting = 0;
    for (const each of endpoints) {
      const bytes = sizeOf(each);
      if (bytes > this.#bytes) {
        this.#bytes = 0;
        return endpoints.slice(0, fitting);
      }
      this.#bytes -= bytes;
      fitting += 1;
    }
    return endpoints;
  }
}

/** Names of members, quotes, the port. */
const FRAME_BYTES = 96;

/** At least what it is as JSON: names in it need no escapes. */
function sizeOf({ address, workload = '', namespace = '', spiffeId = '', zone = '' }: Endpoint): number {
  return FRAME_BYTES + address.length + workload.length + namespace.length + spiffeId.length + zone.length;
}
