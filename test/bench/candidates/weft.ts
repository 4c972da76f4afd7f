import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Destination } from '../../../api/destination.ts';
import { SIDECAR_RUNTIME } from '../../../api/environment.ts';
import { API } from '../machine/certificates.ts';
import { freePort, PROXY_CORE, startPinned } from '../machine/pinned.ts';
import { type RunningProxy, type Surroundings, upstreamPortOf, type Wiring } from './candidate.ts';
import { destination, KEY, proxyConfig, type Scale, SMALL } from './weft-documents.ts';
import type { WeftSettings } from './weft-settings.ts';

export interface WeftOptions {
  readonly scale?: Scale;
  /** known, and not where the load goes */
  readonly others?: readonly Destination[];
  readonly servesMetrics?: boolean;
  /** another policy than that which says everything */
  readonly change?: (settings: WeftSettings) => WeftSettings;
}

/** One half of a sidecar in a process of its own, from bundled JavaScript as in the image. */
export async function startWeft(
  around: Surroundings,
  wiring: Wiring,
  options: WeftOptions = {},
): Promise<RunningProxy> {
  const port = await freePort();
  const metricsPort = options.servesMetrics ? await freePort() : undefined;
  const file = join(around.dir, `weft-${port}.json`);
  const { change = (settings: WeftSettings) => settings } = options;
  const settings = change(weftSettings(around, wiring, port, options));
  writeFileSync(file, JSON.stringify({ ...settings, metricsPort }), { mode: 0o600 });
  const args = [...around.runtimeFlags, around.bundles.weft, file];
  const { pid, stop } = await startPinned(around.runtime, args, {
    core: PROXY_CORE,
    port,
    env: { ...process.env, ...SIDECAR_RUNTIME },
  });
  return {
    port,
    pid,
    stop,
    alpn: SPEECH[wiring.speaks ?? 'http1'].alpn,
    ...(metricsPort !== undefined && { metricsPort }),
  };
}

/** As the destination and the inbound port declare it, and as sidecars call it between them. */
const SPEECH = {
  http1: { protocol: 'HTTP', alpn: 'weft/1-h1' },
  h2: { protocol: 'HTTP2', alpn: 'weft/1-h2' },
  tcp: { protocol: 'TCP', alpn: 'weft/1-tcp' },
} as const;

export function weftSettings(
  around: Surroundings,
  wiring: Wiring,
  port: number,
  { scale = SMALL, others = [] }: WeftOptions = {},
): WeftSettings {
  const upstreamPort = upstreamPortOf(around, wiring);
  const { api, web } = around.certificates;
  const { protocol } = SPEECH[wiring.speaks ?? 'http1'];
  const here = { address: '127.0.0.1', port };
  if (wiring.side === 'inbound') {
    const inbound = [{ ...here, appAddress: '127.0.0.1', appPort: upstreamPort }];
    return { identity: api.identity, config: proxyConfig('api', { inbound }, protocol), destinations: [] };
  }
  const spiffeId = wiring.to === 'mtls' ? API : undefined;
  return {
    identity: web.identity,
    config: proxyConfig('web', { outbound: [{ ...here, destination: KEY }] }, protocol),
    destinations: [{ ...destination(upstreamPort, spiffeId, scale), protocol }, ...others],
  };
}
