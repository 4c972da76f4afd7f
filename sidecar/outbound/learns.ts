import type { Host } from '../balancers/host.ts';
import type { RouteSettings } from './route-settings.ts';
import type { Upstream } from './upstream.ts';

/** What the connection a request came on learns of where its requests go, for telemetry. */
export interface Learns {
  readonly key: string;
  upstream: Upstream | undefined;
  route: RouteSettings | undefined;
  host: Host | undefined;
}
