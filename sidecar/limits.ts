/**
 * Every bound of the data path in one place. Tests override single values; policy will override some of them
 * per workload. Names end in their unit.
 */
export interface Limits {
  /** Open connections accepted per direction; above, new ones are closed. */
  readonly maxConnections: number;
  /** TLS handshakes, including the wait for the ClientHello, at the same time. */
  readonly maxHandshakes: number;
  /** Tokens whose signature is checked at the same time; requests with more of them are refused. */
  readonly maxTokenVerifications: number;
  /** From accept to a verified peer. */
  readonly handshakeTimeoutMs: number;
  /** From the first byte of a request head to its last. */
  readonly headerTimeoutMs: number;
  /** Without a byte in either direction: between requests, within an exchange, on an opaque connection. */
  readonly idleTimeoutMs: number;
  /** An endpoint that acknowledges nothing of what it was sent, sent again and again, for so long is gone. 0: never. */
  readonly deadPeerMs: number;
  /** Connections to endpoints, from the last byte: the kernel asks whether the other end is still there. */
  readonly keepAliveMs: number;
  /** TCP connect and TLS handshake to an endpoint together. */
  readonly connectTimeoutMs: number;
  /** The same where no other endpoint could take what waits, as of a pod that starts on a busy node; at least the former. */
  readonly loneConnectTimeoutMs: number;
  /**
   * How long a Permissive port waits for the first byte of a client that is not known to be meshed, before
   * the app is dialled because it may be the one that speaks first. Later client bytes that are HTTP are
   * still served as HTTP if the app has not spoken.
   */
  readonly serverFirstWaitMs: number;
  /**
   * How long a speculative connection is put off, so that clients that speak at once cause none. It decides
   * nothing: who speaks first does.
   */
  readonly speculationDelayMs: number;
  /** How long first bytes may stay undecided between protocols. */
  readonly detectTimeoutMs: number;
  readonly maxHeaderBytes: number;
  readonly maxTrailerBytes: number;
  /** Bytes held for a peer that is not ready for them, per connection and direction. */
  readonly maxHeldBytes: number;
  /** Connections to one endpoint, idle ones included. */
  readonly maxConnectionsPerEndpoint: number;
  readonly maxIdlePerEndpoint: number;
  /** An upstream connection older than this carries no further request, so that load spreads over new endpoints. */
  readonly maxConnectionAgeMs: number;
  /** Idle upstream connections to other sidecars, whose own idle timeout is known to be longer. */
  readonly meshIdleMs: number;
  /**
   * Idle upstream connections to apps that announce no `Keep-Alive: timeout`; shorter than the shortest
   * default of common servers (gunicorn: 2 s), since a request that meets the close cannot always be repeated.
   */
  readonly appIdleMs: number;
  /** Endpoints tried for one request or connection, the first included. */
  readonly maxConnectAttempts: number;
  /** From its begin, what no endpoint took a connection of is tried anew for so long, after short pauses. */
  readonly connectAgainMs: number;
  /** After a response that ends before its request: how long input is read and dropped, so that no RST destroys the response. */
  readonly lingerMs: number;
  /** How long an idle HTTP/1 connection that is to end waits for a request that is on its way. */
  readonly lastCallMs: number;
  /** How long `drain` waits for what is in flight. */
  readonly drainTimeoutMs: number;
  /** Once a caller's certificate has ended: the pause in which its connection is closed, if it is not parsed. */
  readonly unprovenIdleMs: number;
  /** Once a caller's certificate has ended: how long its connection may last without such a pause. */
  readonly unprovenMaxMs: number;
}

export const DEFAULT_LIMITS: Limits = {
  maxConnections: 10_000,
  maxHandshakes: 256,
  maxTokenVerifications: 256,
  handshakeTimeoutMs: 10_000,
  headerTimeoutMs: 10_000,
  idleTimeoutMs: 300_000,
  deadPeerMs: 5_000,
  keepAliveMs: 10_000,
  connectTimeoutMs: 1_000,
  loneConnectTimeoutMs: 5_000,
  serverFirstWaitMs: 1_000,
  speculationDelayMs: 10,
  detectTimeoutMs: 5_000,
  maxHeaderBytes: 64 * 1024,
  maxTrailerBytes: 16 * 1024,
  maxHeldBytes: 64 * 1024,
  maxConnectionsPerEndpoint: 1_000,
  maxIdlePerEndpoint: 256,
  maxConnectionAgeMs: 3_600_000,
  meshIdleMs: 60_000,
  appIdleMs: 1_500,
  maxConnectAttempts: 3,
  connectAgainMs: 3_000,
  lingerMs: 1_000,
  lastCallMs: 1_000,
  drainTimeoutMs: 30_000,
  unprovenIdleMs: 5_000,
  unprovenMaxMs: 24 * 3_600_000,
};
