/**
 * Requests and responses with what must become of them, each with the rule it is about. Accepted ones say
 * how they are forwarded, byte for byte, as the canonical message.
 */
export interface CorpusCase {
  readonly name: string;
  /** RFC and section */
  readonly rule: string;
  readonly input: string;
  /** canonical message(s), or the error */
  readonly expect:
    | { readonly forwarded: string }
    | { readonly error: 'bad-request' | 'header-too-large' | 'truncated' };
  /** for responses: the method of the request; GET unless given */
  readonly method?: string;
}

export const bad = (rule: string, name: string, input: string): CorpusCase => ({
  name,
  rule,
  input,
  expect: { error: 'bad-request' },
});
export const large = (name: string, input: string): CorpusCase => ({
  name,
  rule: 'RFC 6585 5',
  input,
  expect: { error: 'header-too-large' },
});
export const cut = (name: string, input: string): CorpusCase => ({
  name,
  rule: 'RFC 9112 8',
  input,
  expect: { error: 'truncated' },
});
export const good = (rule: string, name: string, input: string, forwarded: string): CorpusCase => ({
  name,
  rule,
  input,
  expect: { forwarded },
});
