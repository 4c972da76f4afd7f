import type { Egress, ProxyConfig } from '../../api/proxy-config.ts';

export type EgressVerdict = 'denied' | 'Passthrough' | 'Originate';
type EgressHost = Egress['hosts'][number];

/** The name under which `egress` stands in the place of a rule, in the access log. */
export const EGRESS_RULE = 'egress';

/**
 * What may be reached outside the mesh. Names are compared in normal form. At most 64 hosts, so the list is
 * walked; the first that matches decides.
 */
export class EgressRules {
  readonly policy: string;
  /** mode AllowListed: what has no name is refused */
  readonly isListed: boolean;
  readonly #hosts: readonly EgressHost[];

  constructor({ egress }: Pick<ProxyConfig, 'egress'>) {
    this.policy = egress?.policy ?? '';
    this.isListed = egress?.mode === 'AllowListed';
    this.#hosts = egress?.hosts ?? [];
  }

  /** `name`: a host name or address without port; empty: there is none. */
  decide(name: string, port: number): EgressVerdict {
    for (const host of this.#hosts) {
      if (matchesPort(host, port) && matchesName(host.host, name)) return host.tls;
    }
    return this.isListed ? 'denied' : 'Passthrough';
  }

  /** Whether a plaintext request to this port could have to be sent over TLS. */
  mayOriginate(port: number): boolean {
    return this.#hosts.some((host) => host.tls === 'Originate' && matchesPort(host, port));
  }
}

function matchesPort({ ports }: EgressHost, port: number): boolean {
  return ports === undefined || ports.includes(port);
}

function matchesName(pattern: string, name: string): boolean {
  if (!pattern.startsWith('*.')) return pattern === name;
  const dot = name.length - pattern.length + 1;
  // at least one character before the dot that the pattern keeps
  return dot > 0 && name.startsWith(pattern.slice(1), dot);
}
