import type { Endpoint } from '../../api/destination.ts';
import { Host } from './host.ts';

/**
 * Endpoints as hosts that outlive the lists they come in: what was learned of address, port and identity stays
 * with them. Another identity at the same address is another host.
 */
export class HostList {
  #byIdentity = new Map<string, Host>();
  #hosts: readonly Host[] = [];
  #isFirst = true;

  get hosts(): readonly Host[] {
    return this.#hosts;
  }

  /** O(n). Returns the hosts that are no longer listed. An endpoint listed twice counts once, as first listed. */
  update(endpoints: readonly Endpoint[], nowMs: number): Host[] {
    const before = this.#byIdentity;
    const after = new Map<string, Host>();
    for (const endpoint of endpoints) {
      const identity = identityOf(endpoint);
      if (after.has(identity)) continue;
      after.set(identity, this.#host(before.get(identity), endpoint, nowMs));
      before.delete(identity);
    }
    this.#byIdentity = after;
    this.#hosts = [...after.values()];
    this.#isFirst = false;
    return [...before.values()];
  }

  #host(known: Host | undefined, endpoint: Endpoint, nowMs: number): Host {
    const host = known ?? new Host(endpoint, nowMs);
    host.endpoint = endpoint;
    if (known === undefined) host.startsSlowly = !this.#isFirst;
    return host;
  }
}

function identityOf({ address, port, spiffeId }: Endpoint): string {
  return `${address}|${port}|${spiffeId ?? ''}`;
}
