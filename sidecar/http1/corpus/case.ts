/**
 * One input with what must become of it, and the rule it is about. Accepted messages say how they are
 * forwarded, byte for byte, in canonical form; bytes are written as latin1.
 */
export interface CorpusCase {
  readonly name: string;
  /** RFC and section */
  readonly rule: string;
  readonly input: string;
  /** canonical message(s); or the error, with the messages that were complete before it */
  readonly expect: { readonly forwarded: string } | { readonly error: CaseError; readonly before: string };
  /** for responses: the method of the request; GET unless given */
  readonly method?: string;
}

export type CaseError = 'bad-request' | 'header-too-large' | 'truncated';

export const bad = (rule: string, name: string, input: string, before = ''): CorpusCase => ({
  name,
  rule,
  input,
  expect: { error: 'bad-request', before },
});
export const large = (name: string, input: string): CorpusCase => ({
  name,
  rule: 'RFC 6585 5',
  input,
  expect: { error: 'header-too-large', before: '' },
});
export const cut = (name: string, input: string, before = ''): CorpusCase => ({
  name,
  rule: 'RFC 9112 8',
  input,
  expect: { error: 'truncated', before },
});
export const good = (rule: string, name: string, input: string, forwarded: string): CorpusCase => ({
  name,
  rule,
  input,
  expect: { forwarded },
});
/** Already canonical: forwarded as it came. */
export const same = (rule: string, name: string, input: string): CorpusCase => good(rule, name, input, input);

export const HOST = 'Host: a\r\n';
export const GET = `GET / HTTP/1.1\r\n${HOST}`;
export const POST = `POST / HTTP/1.1\r\n${HOST}`;
export const OK = 'HTTP/1.1 200 OK\r\n';

/** A request with these field lines, and what they become. */
export const field = (rule: string, name: string, from: string, to: string): CorpusCase =>
  good(rule, name, `${GET}${from}\r\n`, `${GET}${to}\r\n`);
export const badField = (rule: string, name: string, line: string): CorpusCase =>
  bad(rule, name, `${GET}${line}\r\n\r\n`);
export const badBody = (rule: string, name: string, fields: string, body = ''): CorpusCase =>
  bad(rule, name, `${POST}${fields}\r\n${body}`);
/** A chunked body, and what it becomes. */
export const chunked = (rule: string, name: string, body: string, to: string): CorpusCase =>
  good(
    rule,
    name,
    `${POST}Transfer-Encoding: chunked\r\n\r\n${body}`,
    `${POST}Transfer-Encoding: chunked\r\n\r\n${to}`,
  );
export const badChunk = (rule: string, name: string, body: string): CorpusCase =>
  badBody(rule, name, 'Transfer-Encoding: chunked\r\n', body);
/** A request line in full; the version and Host are as they should be where `line` ends. */
export const badLine = (rule: string, name: string, line: string): CorpusCase =>
  bad(rule, name, `${line}\r\n${HOST}\r\n`);
