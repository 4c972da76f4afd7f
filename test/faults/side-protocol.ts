import type { Protocol, ProxyConfig } from '../../api/proxy-config.ts';
import type { Limits } from '../../sidecar/limits.ts';
import type { Identity } from '../../sidecar/proxy-state.ts';

/** What a side is started with. */
export interface SideOptions {
  readonly limits?: Partial<Limits>;
  readonly identity?: Identity;
  /** where the app listens; absent: no inbound listener */
  readonly appPort?: number;
  readonly inboundListeners?: number;
  readonly inbound?: ProxyConfig['inbound'];
  /** where the outbound listener sends; absent: there is none */
  readonly endpoint?: { readonly port: number | 'own inbound'; readonly spiffeId?: string };
  readonly protocol?: Protocol;
}

export interface Started {
  readonly inbound: readonly number[];
  readonly outbound: readonly number[];
}

/** `jump` in milliseconds from the real time, `block` for how many milliseconds. */
export interface Command {
  readonly id: number;
  readonly what: 'report' | 'collect' | 'jump' | 'block';
  readonly value: number;
}

export interface Report {
  /** Prometheus text */
  readonly metrics: string;
  readonly connections: { readonly open: number; readonly pools: number; readonly handshakes: number };
  /** JavaScript heap and buffers in use */
  readonly heldBytes: number;
  /** the most of it since the last report, sampled */
  readonly peakBytes: number;
}
