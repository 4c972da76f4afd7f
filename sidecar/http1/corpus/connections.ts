import { bad, badBody, type CorpusCase, cut, GET, good, HOST, large, POST, same } from './case.ts';

const PIPELINE = 'RFC 9112 9.3.2';
const CHUNKED = 'Transfer-Encoding: chunked\r\n';
const OKAY = `${POST}Content-Length: 2\r\n\r\nok`;

/** More than one message on a connection, its end, and what is too much. */
export const CONNECTIONS: readonly CorpusCase[] = [
  same(PIPELINE, 'pipelined requests', `${GET}\r\n${OKAY}${GET}\r\n`),
  same(PIPELINE, 'twenty pipelined requests', `${GET}\r\n`.repeat(20)),
  same(
    PIPELINE,
    'a chunked request between others',
    `${GET}\r\n${POST}${CHUNKED}\r\n1\r\nx\r\n0\r\n\r\n${OKAY}`,
  ),
  good(
    'RFC 9112 2.2',
    'an empty line between pipelined requests',
    `${OKAY}\r\n${GET}\r\n`,
    `${OKAY}${GET}\r\n`,
  ),
  good(
    PIPELINE,
    'HTTP/1.0 with keep-alive, and a second request',
    `GET / HTTP/1.0\r\n${HOST}Connection: keep-alive\r\n\r\n${GET}\r\n`,
    `${GET}\r\n${GET}\r\n`,
  ),
  bad('RFC 9112 2.2', 'two empty lines between pipelined requests', `${OKAY}\r\n\r\n${GET}\r\n`, OKAY),
  bad('RFC 9112 6.2', 'a body longer than its length', `${OKAY}(${GET}\r\n`, OKAY),
  bad('RFC 9112 6.3', 'a body without framing', `${POST}\r\n{"a":1}\r\n\r\n`, `${POST}\r\n`),
  bad(PIPELINE, 'garbage after a request', `${GET}\r\n\u0000\u0001\u0002\r\n\r\n`, `${GET}\r\n`),
  bad(PIPELINE, 'a response after a request', `${GET}\r\nHTTP/1.1 200 OK\r\n\r\n`, `${GET}\r\n`),
  bad(
    PIPELINE,
    'a TLS handshake after a request',
    `${GET}\r\n\u0016\u0003\u0001\u0000\u0005\r\n\r\n`,
    `${GET}\r\n`,
  ),
  bad(PIPELINE, 'HTTP/2 after a request', `${GET}\r\nPRI * HTTP/2.0\r\n\r\nSM\r\n\r\n`, `${GET}\r\n`),
  bad(PIPELINE, 'a request without Host after a good one', `${GET}\r\nGET / HTTP/1.1\r\n\r\n`, `${GET}\r\n`),
  bad(
    PIPELINE,
    'ambiguous framing after two good requests',
    `${GET}\r\n${OKAY}${POST}Content-Length: 1\r\n${CHUNKED}\r\n0\r\n\r\n${GET}\r\n`,
    `${GET}\r\n${OKAY}`,
  ),
  bad(
    PIPELINE,
    'a chunk that breaks after a good request',
    `${GET}\r\n${POST}${CHUNKED}\r\n1\r\nxy\r\n0\r\n\r\n`,
    `${GET}\r\n`,
  ),
  good('RFC 9112 2.2', 'an empty line after the last request', `${OKAY}\r\n`, OKAY),
  good('RFC 9112 2.2', 'an empty line and no request', '\r\n', ''),
  // bounds
  large('a header section beyond the limit', `${GET}X: ${'a'.repeat(70_000)}\r\n\r\n`),
  large('a request line beyond the limit', `GET /${'a'.repeat(70_000)} HTTP/1.1\r\n${HOST}\r\n`),
  large('a request line that never ends', `GET /${'a'.repeat(70_000)}`),
  large('a method that never ends', 'A'.repeat(70_000)),
  large('a field name that never ends', `${GET}${'X'.repeat(70_000)}`),
  large('a value of whitespace that never ends', `${GET}X: ${' '.repeat(70_000)}`),
  large('a header section that never ends', `${GET}${'X: a\r\n'.repeat(20_000)}`),
  large('a trailer section beyond the limit', `${POST}${CHUNKED}\r\n0\r\nX: ${'a'.repeat(70_000)}\r\n\r\n`),
  large('a trailer section that never ends', `${POST}${CHUNKED}\r\n0\r\n${'X: a\r\n'.repeat(20_000)}`),
  badBody('RFC 9110 5.4', 'too many fields', 'X: a\r\n'.repeat(600)),
  badBody('RFC 9112 7.1', 'a chunk line that never ends', CHUNKED, '1'.repeat(10_000)),
  same('RFC 9110 5.4', 'a long value within the limit', `${GET}X: ${'a'.repeat(8_000)}\r\n\r\n`),
  same('RFC 9110 4.1', 'a long path within the limit', `GET /${'a'.repeat(8_000)} HTTP/1.1\r\n${HOST}\r\n`),
  same('RFC 9110 5.4', 'a hundred fields', `${GET}${'X: a\r\n'.repeat(90)}\r\n`),
  // ends
  cut('a connection that ends within a request line', 'GET / HT'),
  cut('a connection that ends within a head', 'GET / HTTP/1.1\r\nHo'),
  cut('a connection that ends before the empty line', `${GET}X: 1\r\n`),
  cut('a connection that ends within the empty line', `${GET}\r`),
  cut('a connection that ends before a body', `${POST}Content-Length: 5\r\n\r\n`),
  cut('a connection that ends within a body', `${POST}Content-Length: 5\r\n\r\nhel`),
  cut('a connection that ends before a chunk', `${POST}${CHUNKED}\r\n`),
  cut('a connection that ends within a size', `${POST}${CHUNKED}\r\n5`),
  cut('a connection that ends within a chunk', `${POST}${CHUNKED}\r\n5\r\nhel`),
  cut('a connection that ends before the last chunk', `${POST}${CHUNKED}\r\n2\r\nok\r\n`),
  cut('a connection that ends before the last line', `${POST}${CHUNKED}\r\n2\r\nok\r\n0\r\n`),
  cut('a connection that ends within the trailers', `${POST}${CHUNKED}\r\n0\r\nX: 1\r\n`),
  cut('a connection that ends within the second request', `${OKAY}GET / HTTP`, OKAY),
  cut('a connection that ends within the second body', `${OKAY}${POST}Content-Length: 5\r\n\r\nhel`, OKAY),
];
