/** A message that is refused: which mesh error it becomes, and which rule it breaks. */
export class HttpSyntaxError extends Error {
  readonly code: 'bad-request' | 'header-too-large' | 'truncated';
  /** e.g. `RFC 9112 6.1` */
  readonly rule: string;

  constructor(code: HttpSyntaxError['code'], rule: string, message: string) {
    super(message);
    this.code = code;
    this.rule = rule;
  }
}

export function bad(rule: string, message: string): never {
  throw new HttpSyntaxError('bad-request', rule, message);
}

export function tooLarge(message: string): never {
  throw new HttpSyntaxError('header-too-large', 'RFC 6585 5', message);
}
