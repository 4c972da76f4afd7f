import type { Version } from '../../api/version.ts';

/** What one version of one thing came to at a sidecar; `sent` is what it is expected to hold. */
export interface Held {
  readonly sent: Version | undefined;
  readonly acked: Version | undefined;
  readonly refused: { readonly version: Version; readonly reason: string } | undefined;
}
export interface ProxyAcks {
  readonly connected: boolean;
  /** since when connected, or not connected */
  readonly sinceMs: number;
  readonly config: Held;
  /** by destination key; only what is subscribed to on the present stream */
  readonly destinations: ReadonlyMap<string, Held>;
}

const NOTHING: Held = { sent: undefined, acked: undefined, refused: undefined };
const REASON_MAX_LENGTH = 300;

/**
 * What sidecars said they have in force, by key of the Workload. Only streams of this replica are seen here.
 * One entry a workload, dropped when it goes.
 */
export class AckTable {
  readonly #proxies = new Map<
    string,
    { -readonly [K in keyof ProxyAcks]: ProxyAcks[K] } & { destinations: Map<string, Held> }
  >();
  readonly #onChange: (workload: string) => void;
  readonly #nowMs: () => number;

  constructor(nowMs: () => number, onChange: (workload: string) => void) {
    this.#nowMs = nowMs;
    this.#onChange = onChange;
  }

  get(workload: string): ProxyAcks | undefined {
    return this.#proxies.get(workload);
  }

  /** @param version the configuration in force at the sidecar, as it says */
  connected(workload: string, version: Version | undefined): void {
    const config = { ...NOTHING, acked: version };
    this.#proxies.set(workload, { connected: true, sinceMs: this.#nowMs(), config, destinations: new Map() });
    this.#onChange(workload);
  }

  /** Keeps what was in force: a sidecar keeps it too. */
  disconnected(workload: string): void {
    const proxy = this.#proxies.get(workload);
    if (proxy === undefined) return;
    proxy.connected = false;
    proxy.sinceMs = this.#nowMs();
    this.#onChange(workload);
  }

  forget(workload: string): void {
    if (this.#proxies.delete(workload)) this.#onChange(workload);
  }

  sent(workload: string, destination: string | undefined, version: Version | undefined): void {
    this.#update(workload, destination, (held) => ({ ...held, sent: version }));
  }
  acked(workload: string, destination: string | undefined, version: Version): void {
    this.#update(workload, destination, (held) => ({ ...held, acked: version, refused: undefined }));
  }
  nacked(workload: string, destination: string | undefined, version: Version, reason: string): void {
    const refused = { version, reason: printable(reason) };
    this.#update(workload, destination, (held) => ({ ...held, refused }));
  }
  unsubscribed(workload: string, destination: string): void {
    if (this.#proxies.get(workload)?.destinations.delete(destination)) this.#onChange(workload);
  }

  #update(workload: string, destination: string | undefined, change: (held: Held) => Held): void {
    const proxy = this.#proxies.get(workload);
    if (proxy === undefined) return;
    if (destination === undefined) proxy.config = change(proxy.config);
    else proxy.destinations.set(destination, change(proxy.destinations.get(destination) ?? NOTHING));
    this.#onChange(workload);
  }
}

/** It ends up in a status that people read in a terminal. */
function printable(text: string): string {
  return text.replace(/[^\x20-\x7e]/g, '?').slice(0, REASON_MAX_LENGTH);
}
