import { readFileSync } from 'node:fs';
import type { Destination } from '../../../api/destination.ts';
import type { ProxyConfig } from '../../../api/proxy-config.ts';
import { AdminServer } from '../../../sidecar/admin/server.ts';
import { createDataPath } from '../../../sidecar/data-path.ts';
import { createLog } from '../../../sidecar/log.ts';
import type { DestinationTable, ProxyState, Resolution } from '../../../sidecar/proxy-state.ts';
import type { WeftSettings } from './weft-settings.ts';

/** The sidecar's data path with its whole chain and without control plane. Bundled before it runs. */
async function main(file: string): Promise<void> {
  const settings = JSON.parse(readFileSync(file, 'utf8')) as WeftSettings;
  const log = createLog({ level: 'error', write: (line) => void process.stderr.write(line) });
  const path = createDataPath({ state: new FixedState(settings), log, ...trailsOf(settings) });
  await path.start(settings.config);
  if (settings.metricsPort !== undefined) {
    const admin = {
      reasons: () => [],
      metrics: () => path.metricSlices(),
      probes: new Map(),
      podIp: '',
      log,
    };
    new AdminServer(admin).listen({ host: '127.0.0.1', port: settings.metricsPort });
  }
  // an orderly end, so that the runtime writes its profile
  process.once('SIGTERM', () => process.exit(0));
}

function trailsOf({ trails }: WeftSettings): { trails?: number } {
  return trails === undefined ? {} : { trails };
}

/** What a control plane said once and does not take back. */
class FixedState implements ProxyState {
  readonly identity: ProxyState['identity'];
  readonly config: ProxyConfig;
  readonly destinations: DestinationTable;

  constructor({ identity, config, destinations }: WeftSettings) {
    this.identity = identity;
    this.config = config;
    this.destinations = new FixedDestinations(destinations);
  }
  onConfig(prepare: (config: ProxyConfig) => () => void): void {
    prepare(this.config)();
  }
  onIdentity(): void {}
}

class FixedDestinations implements DestinationTable {
  readonly #known: ReadonlyMap<string, Destination>;

  constructor(destinations: readonly Destination[]) {
    this.#known = new Map(destinations.map((destination) => [destination.key, destination]));
  }
  resolve(key: string, done: (answer: Resolution) => void): void {
    done(this.#known.get(key) ?? null);
  }
  onChange(listener: (key: string, destination: Destination | null | undefined) => void): void {
    for (const [key, destination] of this.#known) listener(key, destination);
  }
  keepWhile(): void {}
}

await main(process.argv[2]!);
