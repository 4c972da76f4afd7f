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
  /** fingerprints of the roots it trusts; absent: it has not said */
  readonly roots?: readonly string[] | undefined;
  /** by destination key; only what is subscribed to on the present stream */
  readonly destinations: ReadonlyMap<string, Held>;
}
/** Where statuses look: at the streams of this replica, or of all of them. */
export interface Acks {
  get(workload: string): ProxyAcks | undefined;
}
/** An entry of the table; `connection` tells streams of one sidecar apart. */
export interface AckEntry extends ProxyAcks {
  readonly connection: number;
}
/** @param destination undefined: whether the sidecar is connected, or what configuration it holds */
export type AckListener = (workload: string, destination: string | undefined) => void;

const NOTHING: Held = { sent: undefined, acked: undefined, refused: undefined };
const REASON_MAX_LENGTH = 300;

type Mutable = { -readonly [K in keyof AckEntry]: AckEntry[K] } & { destinations: Map<string, Held> };

/**
 * What sidecars said they have in force, by key of the Workload. Only streams of this replica are seen here.
 * One entry a workload, dropped when it goes.
 */
export class AckTable implements Acks {
  readonly #proxies = new Map<string, Mutable>();
  readonly #onChange: AckListener;
  readonly #nowMs: () => number;
  #connections = 0;

  constructor(nowMs: () => number, onChange: AckListener) {
    this.#nowMs = nowMs;
    this.#onChange = onChange;
  }

  get(workload: string): AckEntry | undefined {
    return this.#proxies.get(workload);
  }
  entries(): IterableIterator<[string, AckEntry]> {
    return this.#proxies.entries();
  }

  /** @param version the configuration in force at the sidecar, as it says; `roots` likewise */
  connected(workload: string, version: Version | undefined, roots?: readonly string[]): void {
    this.#proxies.set(workload, {
      ...{ connected: true, sinceMs: this.#nowMs(), connection: ++this.#connections },
      ...{ config: { ...NOTHING, acked: version }, roots, destinations: new Map() },
    });
    this.#onChange(workload, undefined);
  }

  /** Keeps what was in force: a sidecar keeps it too. */
  disconnected(workload: string): void {
    const proxy = this.#proxies.get(workload);
    if (proxy === undefined) return;
    proxy.connected = false;
    proxy.sinceMs = this.#nowMs();
    this.#onChange(workload, undefined);
  }

  forget(workload: string): void {
    if (this.#proxies.delete(workload)) this.#onChange(workload, undefined);
  }

  sent(workload: string, destination: string | undefined, version: Version | undefined): void {
    this.#update(workload, destination, (held) => ({ ...held, sent: version }));
  }
  acked(workload: string, destination: string | undefined, version: Version): void {
    this.#update(workload, destination, (held) => ({
      ...held,
      acked: withoutUnsent(version, held.sent, destination),
      refused: undefined,
    }));
  }
  nacked(workload: string, destination: string | undefined, version: Version, reason: string): void {
    this.#update(workload, destination, (held) => ({
      ...held,
      refused: { version: withoutUnsent(version, held.sent, destination), reason: printable(reason) },
    }));
  }
  trusts(workload: string, roots: readonly string[]): void {
    const proxy = this.#proxies.get(workload);
    if (proxy === undefined) return;
    proxy.roots = roots;
    this.#onChange(workload, undefined);
  }
  unsubscribed(workload: string, destination: string): void {
    if (this.#proxies.get(workload)?.destinations.delete(destination)) this.#onChange(workload, destination);
  }

  #update(workload: string, destination: string | undefined, change: (held: Held) => Held): void {
    const proxy = this.#proxies.get(workload);
    if (proxy === undefined) return;
    if (destination === undefined) proxy.config = change(proxy.config);
    else proxy.destinations.set(destination, change(proxy.destinations.get(destination) ?? NOTHING));
    this.#onChange(workload, destination);
  }
}

/** What a sidecar makes up costs no memory: an ack is about what was sent, so it names no other policies. */
function withoutUnsent(
  version: Version,
  sent: Version | undefined,
  destination: string | undefined,
): Version {
  if (sent === undefined && destination === undefined) return version;
  const expected = sent?.policies ?? {};
  const known = Object.entries(version.policies).filter(([uid]) => Object.hasOwn(expected, uid));
  return { hash: version.hash, policies: Object.fromEntries(known) };
}

/** It ends up in a status that people read in a terminal. */
function printable(text: string): string {
  return text.replace(/[^\x20-\x7e]/g, '?').slice(0, REASON_MAX_LENGTH);
}
