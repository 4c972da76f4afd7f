import type { Endpoint } from '../../api/destination.ts';
import type { RequestPool } from '../http1/pool.ts';
import { LearnedVersion } from '../layers/learned-version.ts';
import type { RequestMeter } from '../telemetry/request-meters.ts';

/**
 * One endpoint of one destination, with everything learned of it. It lives as long as the endpoint is listed
 * and is written in place on the hot path: fields always exist and keep their type.
 */
export class Host {
  /** replaced when the same address and identity come with another weight or zone */
  endpoint: Endpoint;
  /** `address:port` */
  readonly name: string;
  /** monotonic; when it was first listed, for slow start */
  readonly sinceMs: number;
  /** it joined a list that was already in use: its weight grows while slow start is on */
  startsSlowly = false;
  /** counted with the hosts of the caller's own zone; kept by HostSet */
  isLocal = false;

  /** requests (or opaque connections) in flight */
  active = 0;
  /** peak EWMA of the time to the response head, milliseconds; 0: nothing known */
  latencyMs = 0;
  /** monotonic; when latencyMs was last brought up to date */
  latencyAtMs = 0;

  /** failures in a row, as outlier detection counts them */
  consecutiveErrors = 0;
  /** of the interval under way */
  intervalSuccesses = 0;
  intervalFailures = 0;
  /** how many times it was ejected lately; the next ejection lasts that much longer */
  ejections = 0;
  /** monotonic; 0: not ejected */
  ejectedUntilMs = 0;
  /** the verdict of active health checks; true when there are none */
  healthy = true;

  readonly version = new LearnedVersion();
  /** its connections of each version of HTTP, found once */
  http1: RequestPool | undefined = undefined;
  http2: RequestPool | undefined = undefined;
  /** by the index of the route and the protocol */
  readonly meters: (RequestMeter | undefined)[] = [];

  constructor(endpoint: Endpoint, sinceMs: number) {
    this.endpoint = endpoint;
    this.name = nameOf(endpoint);
    this.sinceMs = sinceMs;
  }

  get weight(): number {
    return this.endpoint.weight ?? 1;
  }

  get isEjected(): boolean {
    return this.ejectedUntilMs !== 0;
  }
}

export function nameOf({ address, port }: Pick<Endpoint, 'address' | 'port'>): string {
  return address.includes(':') ? `[${address}]:${port}` : `${address}:${port}`;
}
