/** Bounds of one HTTP/2 connection; times and those shared with HTTP/1 are in ../limits.ts. */
export interface Http2Limits {
  /** Streams a client may have open at once; we open no more than as many on a connection whatever a server allows. */
  readonly maxConcurrentStreams: number;
  /** Bytes of a request that a client may send ahead of their taking, by stream. */
  readonly requestWindowBytes: number;
  /**
   * Bytes of a response that a server may send ahead of their taking, by stream. With 64 KiB, HAProxy (2.6) stops for
   * good when the streams of a connection are busy both ways: it hears of a window only behind bytes of requests, of
   * which it takes no more until it is rid of the responses'. Not a round number, as servers of node (24) reset a
   * response that ends where the window does.
   */
  readonly responseWindowBytes: number;
  /**
   * The same of all streams of a connection together: what a connection can make us hold. With streams whose takers
   * are slow adding up to this, the others of the connection wait too.
   */
  readonly connectionWindowBytes: number;
  /** Without a byte from a peer with open streams: it is asked for a sign of life. 0: never. */
  readonly pingAfterMs: number;
  /** Without an answer the connection is given up. */
  readonly pingTimeoutMs: number;
  /** From GOAWAY that announces the end to the one that names the last stream, when the peer does not answer. */
  readonly drainNoticeMs: number;
  /** Interim responses to one request. */
  readonly maxInterims: number;
}

export const DEFAULT_HTTP2_LIMITS: Http2Limits = {
  maxConcurrentStreams: 256,
  requestWindowBytes: 65_535,
  responseWindowBytes: 262_143,
  connectionWindowBytes: 1_048_575,
  pingAfterMs: 10_000,
  pingTimeoutMs: 10_000,
  drainNoticeMs: 1_000,
  maxInterims: 32,
};
