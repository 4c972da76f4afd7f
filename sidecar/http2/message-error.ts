/** A message that is malformed: its stream ends with PROTOCOL_ERROR, the connection goes on (RFC 9113 8.1.1). */
export class MessageError extends Error {
  /** e.g. `RFC 9113 8.3` */
  readonly rule: string;

  constructor(rule: string, message: string) {
    super(message);
    this.rule = rule;
  }
}

export function malformed(rule: string, message: string): never {
  throw new MessageError(rule, message);
}
