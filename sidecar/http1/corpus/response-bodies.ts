import { bad, type CorpusCase, cut, good, large, OK, same } from './case.ts';

const BOTH = 'RFC 9112 6.3';
const CHUNKED = `${OK}Transfer-Encoding: chunked\r\n\r\n`;
const EMPTY = `${OK}Content-Length: 0\r\n\r\n`;
const FIRST = `${OK}Content-Length: 2\r\n\r\nok`;
const badFraming = (rule: string, name: string, fields: string, body = 'hello'): CorpusCase =>
  bad(rule, name, `${OK}${fields}\r\n\r\n${body}`);
const badChunk = (name: string, body: string): CorpusCase => bad('RFC 9112 7.1', name, CHUNKED + body);
const of = (entry: CorpusCase, method: string): CorpusCase => ({ ...entry, method });

/** How long a response is, and what comes after it. */
export const RESPONSE_BODIES: readonly CorpusCase[] = [
  same(BOTH, 'chunked', `${CHUNKED}2\r\nok\r\n0\r\n\r\n`),
  same('RFC 9112 7.1.2', 'a response with trailers', `${CHUNKED}2\r\nok\r\n0\r\nX-Sum: 1\r\n\r\n`),
  good(
    'RFC 9110 6.5.1',
    'trailers of a response that change framing do not pass',
    `${CHUNKED}2\r\nok\r\n0\r\nContent-Length: 9\r\nSet-Cookie: a\r\nY: 1\r\n\r\n`,
    `${CHUNKED}2\r\nok\r\n0\r\nY: 1\r\n\r\n`,
  ),
  good(
    'RFC 9112 7.1.1',
    'chunk extensions of a response are dropped',
    `${CHUNKED}2;a=b\r\nok\r\n0;c\r\n\r\n`,
    `${CHUNKED}2\r\nok\r\n0\r\n\r\n`,
  ),
  same(BOTH, 'a body until the connection ends', `${OK}\r\nok`),
  same(BOTH, 'an empty body until the connection ends', `${OK}\r\n`),
  same(BOTH, 'a body until the end that looks like a response', `${OK}\r\n${EMPTY}`),
  good(BOTH, 'an HTTP/1.0 body until the connection ends', 'HTTP/1.0 200 OK\r\n\r\nok', `${OK}\r\nok`),
  good(
    'RFC 9112 9.3',
    'a length before the end of the connection',
    `${OK}Connection: close\r\nContent-Length: 2\r\n\r\nok`,
    FIRST,
  ),
  badFraming(
    BOTH,
    'length and encoding in a response',
    'Content-Length: 5\r\nTransfer-Encoding: chunked',
    '0\r\n\r\n',
  ),
  badFraming(
    BOTH,
    'encoding and length in a response',
    'Transfer-Encoding: chunked\r\nContent-Length: 5',
    '0\r\n\r\n',
  ),
  badFraming(BOTH, 'two equal lengths in a response', 'Content-Length: 5\r\nContent-Length: 5'),
  badFraming(BOTH, 'two different lengths in a response', 'Content-Length: 5\r\nContent-Length: 4'),
  badFraming(BOTH, 'a list of lengths in a response', 'Content-Length: 5, 5'),
  badFraming('RFC 9110 8.6', 'a negative length in a response', 'Content-Length: -1'),
  badFraming('RFC 9110 8.6', 'a length with a plus sign in a response', 'Content-Length: +5'),
  badFraming('RFC 9110 8.6', 'an empty length in a response', 'Content-Length:'),
  badFraming('RFC 9110 8.6', 'a length of a word in a response', 'Content-Length: five'),
  badFraming(
    'RFC 9110 8.6',
    'a length beyond safe integers in a response',
    'Content-Length: 18446744073709551621',
  ),
  badFraming('RFC 9112 5.1', 'a length with space before the colon in a response', 'Content-Length : 5'),
  badFraming('RFC 9112 5.2', 'a folded length in a response', 'Content-Length:\r\n 5'),
  badFraming('RFC 9112 6.1', 'gzip, chunked in a response', 'Transfer-Encoding: gzip, chunked', '0\r\n\r\n'),
  badFraming(
    'RFC 9112 6.1',
    'chunked twice in a response',
    'Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked',
    '0\r\n\r\n',
  ),
  badFraming('RFC 9112 6.1', 'identity in a response', 'Transfer-Encoding: identity'),
  badFraming('RFC 9112 6.1', 'xchunked in a response', 'Transfer-Encoding: xchunked', '0\r\n\r\n'),
  badFraming(
    'RFC 9112 6.1',
    'chunked with a vertical tab in a response',
    'Transfer-Encoding: \u000bchunked',
    '0\r\n\r\n',
  ),
  bad(
    'RFC 9112 6.1',
    'chunked in an HTTP/1.0 response',
    'HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n',
  ),
  bad(
    BOTH,
    '304 with two lengths',
    'HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\n',
  ),
  of(bad(BOTH, 'HEAD with an invalid length', `${OK}Content-Length: x\r\n\r\n`), 'HEAD'),
  badChunk('an invalid chunk size in a response', 'zz\r\n'),
  badChunk('an empty chunk size in a response', '\r\n\r\n'),
  badChunk('a chunk size with 0x in a response', '0x2\r\nok\r\n0\r\n\r\n'),
  badChunk('bare LF after a chunk size in a response', '2\nok\r\n0\r\n\r\n'),
  badChunk('bare LF after chunk data in a response', '2\r\nok\n0\r\n\r\n'),
  badChunk('chunk data longer than its size in a response', '2\r\nokay\r\n0\r\n\r\n'),
  badChunk('a chunk size beyond bounds in a response', 'ffffffffffffffff\r\nok'),
  badChunk('an extension with bare LF in a response', '2;a\nb\r\nok\r\n0\r\n\r\n'),
  badChunk('a malformed trailer in a response', '0\r\nX : 1\r\n\r\n'),
  badChunk('an endless extension in a response', `1;${'x'.repeat(300)}\r\na\r\n0\r\n\r\n`),
  large(
    'a trailer section of a response beyond the limit',
    `${CHUNKED}0\r\nX: ${'a'.repeat(70_000)}\r\n\r\n`,
  ),
  cut('a response that ends within its length', `${OK}Content-Length: 5\r\n\r\nhel`),
  cut('a response that ends before its body', `${OK}Content-Length: 5\r\n\r\n`),
  cut('a response that ends within a chunk', `${CHUNKED}5\r\nhel`),
  cut('a response that ends within its chunks', `${CHUNKED}5\r\nhello\r\n`),
  cut('a response that ends before the last line', `${CHUNKED}5\r\nhello\r\n0\r\n`),
  cut('a response that ends within its trailers', `${CHUNKED}0\r\nX: 1\r\n`),
  // after the end
  same(
    'RFC 9112 9.2',
    'a second response that nobody asked for',
    `${FIRST}HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nadmin`,
  ),
  same(
    'RFC 9112 9.2',
    'response splitting: a response in the place of a body',
    `${EMPTY}HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nadmin`,
  ),
  same('RFC 9112 9.2', 'a second response behind the last chunk', `${CHUNKED}2\r\nok\r\n0\r\n\r\n${FIRST}`),
  same(
    'RFC 9112 9.2',
    'an interim response after the final one',
    `${FIRST}HTTP/1.1 100 Continue\r\n\r\n${EMPTY}`,
  ),
  bad('RFC 9112 9.2', 'garbage after a response', `${FIRST}garbage\r\n\r\n`, FIRST),
  bad('RFC 9112 2.2', 'an empty line after a response', `${FIRST}\r\n${FIRST}`, FIRST),
  bad('RFC 9112 6.3', 'a body longer than its length in a response', `${FIRST}!!\r\n\r\n`, FIRST),
  bad('RFC 9112 7.1', 'a second last chunk', `${CHUNKED}0\r\n\r\n0\r\n\r\n`, `${CHUNKED}0\r\n\r\n`),
  of(
    bad(
      BOTH,
      'a response to HEAD with a body',
      `${OK}Content-Length: 5\r\n\r\nhello\r\n\r\n`,
      `${OK}Content-Length: 5\r\n\r\n`,
    ),
    'HEAD',
  ),
  bad(
    BOTH,
    '204 with a body',
    'HTTP/1.1 204 No Content\r\n\r\nhello\r\n\r\n',
    'HTTP/1.1 204 No Content\r\n\r\n',
  ),
  bad(
    'RFC 9112 6.1',
    '204 with chunks',
    'HTTP/1.1 204 No Content\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n',
    'HTTP/1.1 204 No Content\r\n\r\n',
  ),
  bad(
    BOTH,
    '304 with a body',
    'HTTP/1.1 304 Not Modified\r\n\r\nhello\r\n\r\n',
    'HTTP/1.1 304 Not Modified\r\n\r\n',
  ),
  cut('a response that ends within garbage after its end', `${FIRST}HTTP/1.1 2`, FIRST),
];
