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
  readonly expect: { readonly forwarded: string } | { readonly error: 'bad-request' | 'header-too-large' | 'truncated' };
  /** for responses: the method of the request; GET unless given */
  readonly method?: string;
}

const HOST = 'Host: a\r\n';
const GET = `GET / HTTP/1.1\r\n${HOST}`;
const POST = `POST / HTTP/1.1\r\n${HOST}`;

type Case = CorpusCase;
const bad = (rule: string, name: string, input: string): Case => ({ name, rule, input, expect: { error: 'bad-request' } });
const large = (name: string, input: string): Case => ({ name, rule: 'RFC 6585 5', input, expect: { error: 'header-too-large' } });
const cut = (name: string, input: string): Case => ({ name, rule: 'RFC 9112 8', input, expect: { error: 'truncated' } });
const good = (rule: string, name: string, input: string, forwarded: string): Case => ({
  name,
  rule,
  input,
  expect: { forwarded },
});
/** A request line's target and the one that is forwarded. */
const target = (rule: string, name: string, from: string, to: string): Case =>
  good(rule, name, `GET ${from} HTTP/1.1\r\n${HOST}\r\n`, `GET ${to} HTTP/1.1\r\n${HOST}\r\n`);
const host = (name: string, from: string, to: string): Case =>
  good('RFC 9110 4.2.3', name, `GET / HTTP/1.1\r\nHost: ${from}\r\n\r\n`, `GET / HTTP/1.1\r\nHost: ${to}\r\n\r\n`);
const badHost = (name: string, value: string): Case =>
  bad('RFC 9112 3.2', name, `GET / HTTP/1.1\r\nHost: ${value}\r\n\r\n`);
const field = (rule: string, name: string, from: string, to: string): Case => good(rule, name, `${GET}${from}\r\n`, `${GET}${to}\r\n`);
const badField = (rule: string, name: string, line: string): Case => bad(rule, name, `${GET}${line}\r\n\r\n`);
const badBody = (rule: string, name: string, fields: string, body = ''): Case => bad(rule, name, `${POST}${fields}\r\n${body}`);
const chunked = (rule: string, name: string, body: string, to: string): Case =>
  good(rule, name, `${POST}Transfer-Encoding: chunked\r\n\r\n${body}`, `${POST}Transfer-Encoding: chunked\r\n\r\n${to}`);
const badChunk = (rule: string, name: string, body: string): Case =>
  badBody(rule, name, 'Transfer-Encoding: chunked\r\n', body);

export const REQUESTS: readonly CorpusCase[] = [
  // request line
  good('RFC 9112 3', 'a plain request', `${GET}\r\n`, `${GET}\r\n`),
  good('RFC 9112 2.2', 'one empty line before a request is skipped', `\r\n${GET}\r\n`, `${GET}\r\n`),
  good('RFC 9110 9.1', 'an unknown method', `BREW / HTTP/1.1\r\n${HOST}\r\n`, `BREW / HTTP/1.1\r\n${HOST}\r\n`),
  good('RFC 9110 9.1', 'methods are case-sensitive and stay as they are', `get / HTTP/1.1\r\n${HOST}\r\n`, `get / HTTP/1.1\r\n${HOST}\r\n`),
  bad('RFC 9112 2.2', 'two empty lines before a request', `\r\n\r\n${GET}\r\n`),
  bad('RFC 9112 3', 'two spaces before the target', `GET  / HTTP/1.1\r\n${HOST}\r\n`),
  bad('RFC 9112 3', 'two spaces before the version', `GET /  HTTP/1.1\r\n${HOST}\r\n`),
  bad('RFC 9112 3', 'a tab in the request line', `GET\t/ HTTP/1.1\r\n${HOST}\r\n`),
  bad('RFC 9112 3', 'space after the version', `GET / HTTP/1.1 \r\n${HOST}\r\n`),
  bad('RFC 9112 3', 'space before the method', ` GET / HTTP/1.1\r\n${HOST}\r\n`),
  bad('RFC 9112 3', 'no version (HTTP/0.9)', `GET /\r\n${HOST}\r\n`),
  bad('RFC 9112 2.3', 'lower-case http', `GET / http/1.1\r\n${HOST}\r\n`),
  bad('RFC 9112 2.3', 'HTTP/1.2', `GET / HTTP/1.2\r\n${HOST}\r\n`),
  bad('RFC 9112 2.3', 'HTTP/2.0', `GET / HTTP/2.0\r\n${HOST}\r\n`),
  bad('RFC 9112 2.3', 'HTTP/1.10', `GET / HTTP/1.10\r\n${HOST}\r\n`),
  bad('RFC 9112 2.3', 'HTTP/01.1', `GET / HTTP/01.1\r\n${HOST}\r\n`),
  bad('RFC 9110 9.1', 'a method that is no token', `G(T / HTTP/1.1\r\n${HOST}\r\n`),
  bad('RFC 9112 3', 'an empty target', `GET  HTTP/1.1\r\n${HOST}\r\n`),
  // line ends
  bad('RFC 9112 2.2', 'bare LF after the request line', `GET / HTTP/1.1\n${HOST}\r\n`),
  bad('RFC 9112 2.2', 'bare LF after a field', `GET / HTTP/1.1\r\nHost: a\n\r\n`),
  bad('RFC 9112 2.2', 'bare LF as the empty line', `GET / HTTP/1.1\r\nHost: a\r\n\n`),
  bad('RFC 9112 2.2', 'bare CR in the request line', `GET /\r HTTP/1.1\r\n${HOST}\r\n`),
  badField('RFC 9112 2.2', 'bare CR in a value', 'X: a\rY: b'),
  badField('RFC 9110 5.5', 'NUL in a value', 'X: a\u0000b'),
  badField('RFC 9110 5.5', 'a control character in a value', 'X: a\u0001b'),
  badField('RFC 9110 5.5', 'DEL in a value', 'X: a\u007fb'),
  badField('RFC 9112 5.1', 'NUL in a name', 'X\u0000: a'),
  // targets
  target('RFC 3986 5.2.4', 'dot segments are removed', '/a/./b/../c', '/a/c'),
  target('RFC 3986 5.2.4', 'dot segments do not climb above the root', '/../../etc', '/etc'),
  target('RFC 3986 6.2.2', 'encoded dots are dots', '/a/%2e%2E/b', '/b'),
  target('RFC 3986 6.2.2', 'a trailing dot segment leaves a folder', '/a/b/..', '/a/'),
  target('RFC 3986 6.2.2', 'repeated slashes are merged', '//a///b', '/a/b'),
  target('RFC 3986 6.2.2', 'unreserved characters are decoded', '/%61%2D%7e', '/a-~'),
  target('RFC 3986 6.2.2', 'other encodings are written in upper case', '/%c3%a9%3f', '/%C3%A9%3F'),
  target('RFC 3986 6.2.2', 'a double encoding stays one', '/%252e%252e/', '/%252e%252e/'),
  target('RFC 3986 3.4', 'the query stays as it is', '/a/../b?x=/../%2e&y', '/b?x=/../%2e&y'),
  target('RFC 9112 3.2.1', 'segments of three dots are names', '/.../a', '/.../a'),
  bad('RFC 3986 2.1', 'a malformed percent-encoding', `GET /%zz HTTP/1.1\r\n${HOST}\r\n`),
  bad('RFC 3986 2.1', 'a cut percent-encoding', `GET /% HTTP/1.1\r\n${HOST}\r\n`),
  bad('RFC 9112 3.2', 'a fragment', `GET /a#b HTTP/1.1\r\n${HOST}\r\n`),
  bad('RFC 9112 3.2', 'a byte above ASCII in the path', `GET /\u00e9 HTTP/1.1\r\n${HOST}\r\n`),
  bad('RFC 9112 3.2', 'a byte above ASCII in the query', `GET /?\u00e9 HTTP/1.1\r\n${HOST}\r\n`),
  bad('RFC 9112 3.2', 'a target that is no path', `GET a HTTP/1.1\r\n${HOST}\r\n`),
  good('RFC 9112 3.2.2', 'absolute form: its authority replaces Host', `GET http://B.example:80/x?y HTTP/1.1\r\n${HOST}\r\n`, 'GET /x?y HTTP/1.1\r\nHost: b.example\r\n\r\n'),
  good('RFC 9112 3.2.2', 'absolute form without a path', `GET http://b HTTP/1.1\r\n${HOST}\r\n`, 'GET / HTTP/1.1\r\nHost: b\r\n\r\n'),
  good('RFC 9112 3.2.2', 'absolute form with only a query', `GET http://b?q HTTP/1.1\r\n${HOST}\r\n`, 'GET /?q HTTP/1.1\r\nHost: b\r\n\r\n'),
  good('RFC 9112 3.2.4', 'OPTIONS in absolute form without a path', `OPTIONS http://b HTTP/1.1\r\n${HOST}\r\n`, 'OPTIONS * HTTP/1.1\r\nHost: b\r\n\r\n'),
  bad('RFC 9112 3.2.2', 'absolute form without Host', 'GET http://b/ HTTP/1.1\r\n\r\n'),
  bad('RFC 9110 4.2.4', 'absolute form with user information', `GET http://u@b/ HTTP/1.1\r\n${HOST}\r\n`),
  bad('RFC 9112 3.2.2', 'absolute form of another scheme', `GET ftp://b/ HTTP/1.1\r\n${HOST}\r\n`),
  good('RFC 9112 3.2.4', 'asterisk form', `OPTIONS * HTTP/1.1\r\n${HOST}\r\n`, `OPTIONS * HTTP/1.1\r\n${HOST}\r\n`),
  bad('RFC 9112 3.2.4', 'asterisk form for another method', `GET * HTTP/1.1\r\n${HOST}\r\n`),
  good('RFC 9112 3.2.3', 'CONNECT in authority form', `CONNECT b:443 HTTP/1.1\r\n${HOST}\r\n`, 'CONNECT b:443 HTTP/1.1\r\nHost: b:443\r\n\r\n'),
  bad('RFC 9112 3.2.3', 'CONNECT without a port', `CONNECT b HTTP/1.1\r\n${HOST}\r\n`),
  bad('RFC 9112 3.2.3', 'CONNECT with a path', `CONNECT /b HTTP/1.1\r\n${HOST}\r\n`),
  bad('RFC 9110 9.3.6', 'CONNECT with a body', `CONNECT b:1 HTTP/1.1\r\n${HOST}Content-Length: 1\r\n\r\nx`),
  // Host
  host('host in lower case', 'Api.Shop', 'api.shop'),
  host('port 80 is left out', 'a:80', 'a'),
  host('an empty port is left out', 'a:', 'a'),
  host('another port stays', 'a:8080', 'a:8080'),
  host('a leading zero of a port goes', 'a:08080', 'a:8080'),
  host('a trailing dot goes', 'a.:8080', 'a:8080'),
  host('an IPv4 address', '10.0.0.1:81', '10.0.0.1:81'),
  host('an IPv6 address', '[FD00::1]:81', '[fd00::1]:81'),
  host('an underscore', 'my_app', 'my_app'),
  bad('RFC 9112 3.2', 'no Host', 'GET / HTTP/1.1\r\n\r\n'),
  bad('RFC 9112 3.2', 'two Hosts', `GET / HTTP/1.1\r\n${HOST}Host: b\r\n\r\n`),
  bad('RFC 9112 3.2', 'two equal Hosts', `GET / HTTP/1.1\r\n${HOST}${HOST}\r\n`),
  badHost('an empty Host', ''),
  badHost('a list of Hosts', 'a, b'),
  badHost('a Host with a path', 'a/b'),
  badHost('a Host with user information', 'u@a'),
  badHost('a Host with a space', 'a b'),
  badHost('a port that is no number', 'a:b'),
  badHost('a port too large', 'a:65536'),
  badHost('port zero', 'a:0'),
  badHost('an IPv6 address without brackets', 'fd00::1'),
  badHost('brackets without an address', '[]'),
  badHost('an IPv6 zone', '[fe80::1%25eth0]'),
  good('RFC 9112 3.2', 'HTTP/1.0 may leave Host out', 'GET / HTTP/1.0\r\n\r\n', 'GET / HTTP/1.1\r\nHost: fallback\r\n\r\n'),
  good('RFC 9112 2.3', 'HTTP/1.0 goes on as HTTP/1.1', `GET / HTTP/1.0\r\n${HOST}\r\n`, `${GET}\r\n`),
  bad('RFC 9112 3.2', 'HTTP/1.0 with two Hosts', `GET / HTTP/1.0\r\n${HOST}Host: b\r\n\r\n`),
  // fields
  field('RFC 9112 5', 'whitespace around a value goes', 'X:  \t a b \t\r\n', 'X: a b\r\n'),
  field('RFC 9110 5.5', 'an empty value', 'X:\r\n', 'X: \r\n'),
  field('RFC 9110 5.5', 'bytes above ASCII in a value', 'X: caf\u00e9\r\n', 'X: caf\u00e9\r\n'),
  field('RFC 9110 5.3', 'repeated fields stay, in order', 'X: 1\r\nY: 2\r\nx: 3\r\n', 'X: 1\r\nY: 2\r\nx: 3\r\n'),
  badField('RFC 9112 5.1', 'space before the colon', 'X : a'),
  badField('RFC 9112 5.1', 'tab before the colon', 'X\t: a'),
  badField('RFC 9112 5.1', 'an empty name', ': a'),
  badField('RFC 9112 5', 'a line without a colon', 'nonsense'),
  badField('RFC 9112 5.2', 'obsolete line folding with a space', 'X: a\r\n b'),
  badField('RFC 9112 5.2', 'obsolete line folding with a tab', 'X: a\r\n\tb'),
  bad('RFC 9112 2.2', 'whitespace before the first field', `GET / HTTP/1.1\r\n ${HOST}\r\n`),
  badField('RFC 9112 5.1', 'a name with a bracket', 'X(: a'),
  badField('RFC 9112 5.1', 'a name above ASCII', 'X\u00e9: a'),
  // hop-by-hop
  field('RFC 9110 7.6.1', 'Connection and what it names go', 'Connection: x, keep-alive\r\nX: 1\r\nKeep-Alive: 5\r\nY: 2\r\n', 'Y: 2\r\n'),
  field('RFC 9110 7.6.1', 'Connection over several lines', 'Connection: x\r\nX: 1\r\nConnection: Y\r\nY: 2\r\nZ: 3\r\n', 'Z: 3\r\n'),
  field('RFC 9110 7.6.1', 'Connection cannot take Host away', 'Connection: host\r\nZ: 3\r\n', 'Z: 3\r\n'),
  good('RFC 9110 7.6.1', 'Connection cannot take framing away', `${POST}Connection: content-length\r\nContent-Length: 1\r\n\r\nx`, `${POST}Content-Length: 1\r\n\r\nx`),
  field('RFC 9110 7.6.1', 'Proxy-Connection goes', 'Proxy-Connection: keep-alive\r\n', ''),
  field('RFC 9110 10.1.4', 'TE: trailers is said anew', 'TE: trailers, gzip;q=0.5\r\nConnection: TE\r\n', 'TE: trailers\r\nConnection: TE\r\n'),
  field('RFC 9110 10.1.4', 'other TE goes', 'TE: gzip\r\nConnection: TE\r\n', ''),
  field('RFC 9110 7.8', 'Upgrade is said anew', 'upgrade: websocket\r\nConnection: keep-alive, Upgrade\r\n', 'Connection: Upgrade\r\nUpgrade: websocket\r\n'),
  field('RFC 9110 7.8', 'Upgrade that Connection does not name goes', 'Upgrade: websocket\r\n', ''),
  field('RFC 9113 3.1', 'Upgrade to h2c goes', 'Upgrade: h2c\r\nHTTP2-Settings: AAMAAABk\r\nConnection: Upgrade, HTTP2-Settings\r\n', ''),
  field('RFC 9113 3.1', 'h2c goes out of a list of upgrades', 'Upgrade: websocket, h2c\r\nConnection: upgrade\r\n', 'Connection: Upgrade\r\nUpgrade: websocket\r\n'),
  field('RFC 9110 10.1.1', 'Expect passes', 'Expect: 100-continue\r\n', 'Expect: 100-continue\r\n'),
  // framing
  good('RFC 9112 6.2', 'Content-Length', `${POST}Content-Length: 5\r\n\r\nhello`, `${POST}Content-Length: 5\r\n\r\nhello`),
  good('RFC 9112 6.2', 'Content-Length 0', `${POST}Content-Length: 0\r\n\r\n`, `${POST}Content-Length: 0\r\n\r\n`),
  good('RFC 9110 8.6', 'leading zeros of a length go', `${POST}Content-Length: 005\r\n\r\nhello`, `${POST}Content-Length: 5\r\n\r\nhello`),
  good('RFC 9112 9.3.2', 'pipelined requests', `${GET}\r\n${POST}Content-Length: 2\r\n\r\nok${GET}\r\n`, `${GET}\r\n${POST}Content-Length: 2\r\n\r\nok${GET}\r\n`),
  badBody('RFC 9112 6.3', 'Content-Length and Transfer-Encoding', 'Content-Length: 5\r\nTransfer-Encoding: chunked\r\n'),
  badBody('RFC 9112 6.3', 'Transfer-Encoding and Content-Length', 'Transfer-Encoding: chunked\r\nContent-Length: 5\r\n'),
  badBody('RFC 9112 6.3', 'two lengths', 'Content-Length: 5\r\nContent-Length: 6\r\n'),
  badBody('RFC 9112 6.3', 'two equal lengths', 'Content-Length: 5\r\nContent-Length: 5\r\n'),
  badBody('RFC 9112 6.3', 'a list of lengths', 'Content-Length: 5, 5\r\n'),
  badBody('RFC 9110 8.6', 'a negative length', 'Content-Length: -1\r\n'),
  badBody('RFC 9110 8.6', 'a length with a plus sign', 'Content-Length: +5\r\n'),
  badBody('RFC 9110 8.6', 'a hexadecimal length', 'Content-Length: 0x5\r\n'),
  badBody('RFC 9110 8.6', 'an empty length', 'Content-Length:\r\n'),
  badBody('RFC 9110 8.6', 'a length with a space inside', 'Content-Length: 1 2\r\n'),
  badBody('RFC 9110 8.6', 'a fractional length', 'Content-Length: 5.0\r\n'),
  badBody('RFC 9110 8.6', 'a length beyond safe integers', 'Content-Length: 99999999999999999999\r\n'),
  badBody('RFC 9112 6.1', 'identity', 'Transfer-Encoding: identity\r\n'),
  badBody('RFC 9112 6.1', 'gzip, chunked', 'Transfer-Encoding: gzip, chunked\r\n'),
  badBody('RFC 9112 6.1', 'chunked, identity', 'Transfer-Encoding: chunked, identity\r\n'),
  badBody('RFC 9112 6.1', 'chunked twice', 'Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n'),
  badBody('RFC 9112 6.1', 'xchunked', 'Transfer-Encoding: xchunked\r\n'),
  badBody('RFC 9112 6.1', 'chunked with a vertical tab', 'Transfer-Encoding: \u000bchunked\r\n'),
  badBody('RFC 9112 6.1', 'chunked in quotes', 'Transfer-Encoding: "chunked"\r\n'),
  badBody('RFC 9112 6.1', 'chunked with a parameter', 'Transfer-Encoding: chunked;q=1\r\n'),
  badBody('RFC 9112 6.1', 'an empty Transfer-Encoding', 'Transfer-Encoding:\r\n'),
  badBody('RFC 9112 5.1', 'Transfer-Encoding with space before the colon', 'Transfer-Encoding : chunked\r\n'),
  bad('RFC 9112 6.1', 'Transfer-Encoding in HTTP/1.0', `POST / HTTP/1.0\r\n${HOST}Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n`),
  // chunks
  chunked('RFC 9112 7.1', 'chunks', '5\r\nhello\r\n0\r\n\r\n', '5\r\nhello\r\n0\r\n\r\n'),
  chunked('RFC 9112 7.1', 'an empty chunked body', '0\r\n\r\n', '0\r\n\r\n'),
  chunked('RFC 9112 7.1', 'sizes in any case, with leading zeros', '0A\r\n0123456789\r\n000\r\n\r\n', 'a\r\n0123456789\r\n0\r\n\r\n'),
  chunked('RFC 9112 7.1.1', 'extensions are dropped', '2;a=b;c="d"\r\nok\r\n0 ;x\r\n\r\n', '2\r\nok\r\n0\r\n\r\n'),
  chunked('RFC 9112 7.1.2', 'trailers pass', '0\r\nX-Sum: 1\r\n\r\n', '0\r\nX-Sum: 1\r\n\r\n'),
  chunked('RFC 9110 6.5.1', 'trailers that change framing, routing or identity do not', '0\r\nHost: b\r\nContent-Length: 5\r\nweft-caller: x\r\nY: 1\r\n\r\n', '0\r\nY: 1\r\n\r\n'),
  chunked('RFC 9112 6.1', 'chunked in upper case is chunked', '0\r\n\r\n', '0\r\n\r\n'),
  badChunk('RFC 9112 7.1', 'a size that is no number', 'x\r\n'),
  badChunk('RFC 9112 7.1', 'an empty size', '\r\n'),
  badChunk('RFC 9112 7.1', 'a negative size', '-1\r\n'),
  badChunk('RFC 9112 7.1', 'a size with 0x', '0x5\r\nhello\r\n0\r\n\r\n'),
  badChunk('RFC 9112 7.1', 'a size beyond bounds', 'fffffffffffffffff\r\n'),
  badChunk('RFC 9112 7.1', 'space before a size', ' 5\r\nhello\r\n0\r\n\r\n'),
  badChunk('RFC 9112 7.1', 'space after a size', '5 \r\nhello\r\n0\r\n\r\n'),
  badChunk('RFC 9112 7.1', 'bare LF after a size', '5\nhello\r\n0\r\n\r\n'),
  badChunk('RFC 9112 7.1', 'bare CR in a chunk line', '5\rx\r\nhello\r\n0\r\n\r\n'),
  badChunk('RFC 9112 7.1', 'data longer than its size', '2\r\nhello\r\n0\r\n\r\n'),
  badChunk('RFC 9112 7.1', 'bare LF after the data', '2\r\nok\n0\r\n\r\n'),
  badChunk('RFC 9112 7.1.1', 'an endless extension', `1;${'x'.repeat(300)}\r\na\r\n0\r\n\r\n`),
  badChunk('RFC 9112 7.1.1', 'extensions that waste more than they carry', '1;'.concat('x'.repeat(200), '\r\na\r\n').repeat(100)),
  badChunk('RFC 9112 7.1.2', 'a malformed trailer', '0\r\nX : 1\r\n\r\n'),
  badChunk('RFC 9112 2.2', 'bare LF in the trailers', '0\r\nX: 1\n\r\n'),
  // bounds
  large('a header section beyond the limit', `${GET}X: ${'a'.repeat(70_000)}\r\n\r\n`),
  large('a request line beyond the limit', `GET /${'a'.repeat(70_000)} HTTP/1.1\r\n${HOST}\r\n`),
  large('a header section that never ends', `${GET}${'X: a\r\n'.repeat(20_000)}`),
  badBody('RFC 9110 5.4', 'too many fields', 'X: a\r\n'.repeat(600)),
  cut('a connection that ends within a head', 'GET / HTTP/1.1\r\nHo'),
  cut('a connection that ends within a body', `${POST}Content-Length: 5\r\n\r\nhel`),
  cut('a connection that ends within a chunk', `${POST}Transfer-Encoding: chunked\r\n\r\n5\r\nhel`),
  cut('a connection that ends before the last chunk', `${POST}Transfer-Encoding: chunked\r\n\r\n2\r\nok\r\n`),
];

const OK = 'HTTP/1.1 200 OK\r\n';
const answer = (rule: string, name: string, input: string, forwarded: string, method = 'GET'): Case => ({
  ...good(rule, name, input, forwarded),
  method,
});

export const RESPONSES: readonly CorpusCase[] = [
  answer('RFC 9112 4', 'a plain response', `${OK}Content-Length: 2\r\n\r\nok`, `${OK}Content-Length: 2\r\n\r\nok`),
  answer('RFC 9112 4', 'an empty reason', 'HTTP/1.1 200 \r\nContent-Length: 0\r\n\r\n', 'HTTP/1.1 200 \r\nContent-Length: 0\r\n\r\n'),
  answer('RFC 9112 4', 'no reason and no space', 'HTTP/1.1 200\r\nContent-Length: 0\r\n\r\n', 'HTTP/1.1 200 \r\nContent-Length: 0\r\n\r\n'),
  answer('RFC 9112 6.3', 'chunked', `${OK}Transfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n`, `${OK}Transfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n`),
  answer('RFC 9112 6.3', 'a body until the connection ends', `${OK}\r\nok`, `${OK}\r\nok`),
  answer('RFC 9112 6.3', 'an HTTP/1.0 body until the connection ends', 'HTTP/1.0 200 OK\r\n\r\nok', `${OK}\r\nok`),
  answer('RFC 9112 6.3', 'HEAD has no body, and keeps its length', `${OK}Content-Length: 5\r\n\r\n`, `${OK}Content-Length: 5\r\n\r\n`, 'HEAD'),
  answer('RFC 9112 6.3', '204 has no body', 'HTTP/1.1 204 No Content\r\n\r\n', 'HTTP/1.1 204 No Content\r\n\r\n'),
  answer('RFC 9110 8.6', '204 loses a Content-Length', 'HTTP/1.1 204 No Content\r\nContent-Length: 5\r\n\r\n', 'HTTP/1.1 204 No Content\r\n\r\n'),
  answer('RFC 9112 6.3', '304 has no body, and keeps its length', 'HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\n', 'HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\n'),
  answer('RFC 9110 15.2', 'interim responses come first', `HTTP/1.1 103 Early Hints\r\nLink: a\r\n\r\n${OK}Content-Length: 0\r\n\r\n`, `HTTP/1.1 103 Early Hints\r\nLink: a\r\n\r\n${OK}Content-Length: 0\r\n\r\n`),
  answer('RFC 9110 7.6.1', 'hop-by-hop fields go', `${OK}Connection: x\r\nX: 1\r\nKeep-Alive: timeout=5\r\nContent-Length: 0\r\n\r\n`, `${OK}Content-Length: 0\r\n\r\n`),
  bad('RFC 9112 6.3', 'length and encoding in a response', `${OK}Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n`),
  bad('RFC 9112 6.3', 'two lengths in a response', `${OK}Content-Length: 5\r\nContent-Length: 5\r\n\r\n`),
  bad('RFC 9112 6.1', 'gzip, chunked in a response', `${OK}Transfer-Encoding: gzip, chunked\r\n\r\n`),
  bad('RFC 9112 4', 'a status of two digits', 'HTTP/1.1 20 OK\r\n\r\n'),
  bad('RFC 9112 4', 'a status of four digits', 'HTTP/1.1 2000 OK\r\n\r\n'),
  bad('RFC 9112 4', 'a status below 100', 'HTTP/1.1 099 OK\r\n\r\n'),
  bad('RFC 9112 4', 'a status above 599', 'HTTP/1.1 600 OK\r\n\r\n'),
  bad('RFC 9112 4', 'another protocol', 'SSH-2.0-x\r\n\r\n'),
  bad('RFC 9112 4', 'HTTP/2 in a status line', 'HTTP/2 200 OK\r\n\r\n'),
  bad('RFC 9112 2.2', 'an empty line before a response', `\r\n${OK}\r\n`),
  bad('RFC 9112 2.2', 'bare LF in a response', 'HTTP/1.1 200 OK\nContent-Length: 0\r\n\r\n'),
  bad('RFC 9112 5.2', 'obsolete line folding in a response', `${OK}X: a\r\n b\r\n\r\n`),
  bad('RFC 9112 5.1', 'space before the colon in a response', `${OK}Content-Length : 0\r\n\r\n`),
  bad('RFC 9112 4', 'a control character in the reason', 'HTTP/1.1 200 O\u0001K\r\n\r\n'),
  bad('RFC 9112 7.1', 'an invalid chunk size in a response', `${OK}Transfer-Encoding: chunked\r\n\r\nzz\r\n`),
  cut('a response that ends within its length', `${OK}Content-Length: 5\r\n\r\nhel`),
  cut('a response that ends within its chunks', `${OK}Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n`),
  cut('a response that ends within its head', 'HTTP/1.1 200 OK\r\nCont'),
  large('a response header section beyond the limit', `${OK}X: ${'a'.repeat(70_000)}\r\n\r\n`),
];
