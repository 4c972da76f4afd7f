/** Error codes of RST_STREAM and GOAWAY (RFC 9113 section 7). */
export const H2_ERROR = {
  none: 0x0,
  protocol: 0x1,
  internal: 0x2,
  flowControl: 0x3,
  settingsTimeout: 0x4,
  streamClosed: 0x5,
  frameSize: 0x6,
  refusedStream: 0x7,
  cancel: 0x8,
  compression: 0x9,
  connect: 0xa,
  enhanceYourCalm: 0xb,
  inadequateSecurity: 0xc,
  http11Required: 0xd,
} as const;

/** Breaks the whole connection: both ends' states may differ from here on (RFC 9113 5.4.1). */
export class ConnectionError extends Error {
  readonly code: number;
  /** e.g. `RFC 9113 6.5` */
  readonly rule: string;

  constructor(code: number, rule: string, message: string) {
    super(message);
    this.code = code;
    this.rule = rule;
  }
}

export function broken(code: number, rule: string, message: string): never {
  throw new ConnectionError(code, rule, message);
}
