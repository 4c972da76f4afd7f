import type { Destination, Endpoint } from '../../api/destination.ts';
import type { ProxyConfig } from '../../api/proxy-config.ts';
import type { DestinationTable, Identity, ProxyState, Resolution } from '../proxy-state.ts';

const MAX_ASKED = 1_000;

/** A ProxyState that a test sets by hand. */
export class FakeState implements ProxyState {
  identity: Identity | undefined;
  config: ProxyConfig | undefined;
  readonly destinations = new FakeDestinations();
  readonly #parts: ((config: ProxyConfig) => () => void)[] = [];
  readonly #identityListeners: ((identity: Identity) => void)[] = [];

  constructor(identity?: Identity, config?: ProxyConfig) {
    this.identity = identity;
    this.config = config;
  }

  onConfig(prepare: (config: ProxyConfig) => () => void): void {
    this.#parts.push(prepare);
    if (this.config !== undefined) prepare(this.config)();
  }
  onIdentity(listener: (identity: Identity) => void): void {
    this.#identityListeners.push(listener);
  }

  /** Throws what a part throws; then nothing is swapped. */
  setConfig(config: ProxyConfig): void {
    const swaps = this.#parts.map((prepare) => prepare(config));
    this.config = config;
    for (const swap of swaps) swap();
  }
  setIdentity(identity: Identity): void {
    this.identity = identity;
    for (const listener of this.#identityListeners) listener(identity);
  }
}

export class FakeDestinations implements DestinationTable {
  readonly #answers = new Map<string, Resolution>();
  readonly #listeners: ((key: string, destination: Destination | null | undefined) => void)[] = [];
  readonly asked: string[] = [];
  isInUse: (key: string) => boolean = () => false;

  resolve(key: string, done: (answer: Resolution) => void): void {
    // a soak asks for each of a million requests
    if (this.asked.length < MAX_ASKED) this.asked.push(key);
    const answer = this.#answers.get(key);
    done(answer === undefined ? 'unreachable' : answer);
  }
  onChange(listener: (key: string, destination: Destination | null | undefined) => void): void {
    this.#listeners.push(listener);
  }
  keepWhile(isInUse: (key: string) => boolean): void {
    this.isInUse = isInUse;
  }
  set(key: string, answer: Resolution): void {
    this.#answers.set(key, answer);
    if (answer !== 'unreachable') for (const listener of this.#listeners) listener(key, answer);
  }
}

export function destination(
  key: string,
  endpoints: readonly Endpoint[],
  more: Partial<Destination> = {},
): Destination {
  return {
    version: { hash: 'd', policies: {} },
    key,
    name: 'service',
    namespace: 'shop',
    endpoints: [...endpoints],
    ...more,
  };
}

/** A configuration as the operator sends it; `more` replaces whole fields. */
export function proxyConfig(name: string, more: Partial<ProxyConfig> = {}): ProxyConfig {
  return {
    apiVersion: 'weft.dev/v1alpha1',
    kind: 'ProxyConfig',
    version: { hash: 'c', policies: {} },
    proxyId: `${name}-proxy`,
    trustDomain: 'cluster.local',
    workload: { name, namespace: 'shop', serviceAccount: name, app: name },
    controlPlane: {
      address: '127.0.0.1:1',
      spiffeId: 'spiffe://cluster.local/ns/weft-system/sa/weft-operator',
    },
    inbound: { ports: [{ mtls: 'Permissive', authorizationDefault: 'Allow' }], rules: [] },
    ...more,
  };
}
