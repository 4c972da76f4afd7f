import type { Destination } from '../../../api/destination.ts';
import type { DestinationTraffic } from '../../../api/destination-traffic.ts';
import type { InboundPort, ProxyConfig, Telemetry } from '../../../api/proxy-config.ts';
import type { Wiring } from '../candidates/candidate.ts';
import type { WeftSettings } from '../candidates/weft-settings.ts';
import { type LoadRequest, SMALL_REQUEST } from '../machine/load.ts';

/** One thing a policy may say, and nothing else, so that its cost can be told from that of the bare hop. */
export interface Layer {
  readonly name: string;
  readonly what: string;
  readonly side: Wiring['side'];
  /** what the bare hop beside it is asked, too */
  readonly request: LoadRequest;
  /** on settings in which no policy says anything */
  readonly change: (settings: WeftSettings) => WeftSettings;
}

type Inbound = ProxyConfig['inbound'];

const OPEN: InboundPort = { protocol: 'HTTP', mtls: 'Permissive', authorizationDefault: 'Allow' };

/** The same proxy without a word of policy. */
export function bare(settings: WeftSettings): WeftSettings {
  return {
    ...settings,
    config: { ...settings.config, inbound: { ports: [OPEN], rules: [] } },
    destinations: settings.destinations.map(({ traffic: _, ...destination }) => destination),
  };
}

export function inboundLayer(
  name: string,
  what: string,
  { rules = [], ...more }: Partial<Omit<Inbound, 'ports'>>,
  port: Partial<InboundPort> = {},
  request: LoadRequest = SMALL_REQUEST,
): Layer {
  const inbound = { ...more, rules, ports: [{ ...OPEN, ...port }] };
  const change = (settings: WeftSettings) => ({ ...settings, config: { ...settings.config, inbound } });
  return { name, what, side: 'inbound', request, change };
}

export function telemetryLayer(
  name: string,
  what: string,
  telemetry: Telemetry,
  request: LoadRequest = SMALL_REQUEST,
): Layer {
  const change = (settings: WeftSettings) => ({ ...settings, config: { ...settings.config, telemetry } });
  return { name, what, side: 'inbound', request, change };
}

/** `backends`: so many, all of them the upstream. */
export function outboundLayer(
  name: string,
  what: string,
  traffic: DestinationTraffic,
  backends = 0,
  request: LoadRequest = SMALL_REQUEST,
): Layer {
  const withPolicy = (destination: Destination): Destination => ({
    ...destination,
    traffic,
    ...(backends > 0 && { backends: copies(destination, backends) }),
  });
  const change = (settings: WeftSettings) => ({
    ...settings,
    destinations: settings.destinations.map(withPolicy),
  });
  return { name, what, side: 'outbound', request, change };
}

function copies({ endpoints, namespace }: Destination, count: number): Destination['backends'] {
  return Array.from({ length: count }, (_, i) => ({
    ...{ name: `shop/backend-${i}:80`, service: `backend-${i}`, namespace },
    endpoints,
  }));
}
