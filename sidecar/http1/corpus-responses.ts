import { bad, type CorpusCase, cut, good, large } from './corpus-case.ts';

const OK = 'HTTP/1.1 200 OK\r\n';
const answer = (
  rule: string,
  name: string,
  input: string,
  forwarded: string,
  method = 'GET',
): CorpusCase => ({
  ...good(rule, name, input, forwarded),
  method,
});

export const RESPONSES: readonly CorpusCase[] = [
  answer(
    'RFC 9112 4',
    'a plain response',
    `${OK}Content-Length: 2\r\n\r\nok`,
    `${OK}Content-Length: 2\r\n\r\nok`,
  ),
  answer(
    'RFC 9112 4',
    'an empty reason',
    'HTTP/1.1 200 \r\nContent-Length: 0\r\n\r\n',
    'HTTP/1.1 200 \r\nContent-Length: 0\r\n\r\n',
  ),
  answer(
    'RFC 9112 4',
    'no reason and no space',
    'HTTP/1.1 200\r\nContent-Length: 0\r\n\r\n',
    'HTTP/1.1 200 \r\nContent-Length: 0\r\n\r\n',
  ),
  answer(
    'RFC 9112 6.3',
    'chunked',
    `${OK}Transfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n`,
    `${OK}Transfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n`,
  ),
  answer('RFC 9112 6.3', 'a body until the connection ends', `${OK}\r\nok`, `${OK}\r\nok`),
  answer(
    'RFC 9112 6.3',
    'an HTTP/1.0 body until the connection ends',
    'HTTP/1.0 200 OK\r\n\r\nok',
    `${OK}\r\nok`,
  ),
  answer(
    'RFC 9112 6.3',
    'HEAD has no body, and keeps its length',
    `${OK}Content-Length: 5\r\n\r\n`,
    `${OK}Content-Length: 5\r\n\r\n`,
    'HEAD',
  ),
  answer(
    'RFC 9112 6.3',
    '204 has no body',
    'HTTP/1.1 204 No Content\r\n\r\n',
    'HTTP/1.1 204 No Content\r\n\r\n',
  ),
  answer(
    'RFC 9110 8.6',
    '204 loses a Content-Length',
    'HTTP/1.1 204 No Content\r\nContent-Length: 5\r\n\r\n',
    'HTTP/1.1 204 No Content\r\n\r\n',
  ),
  answer(
    'RFC 9112 6.3',
    '304 has no body, and keeps its length',
    'HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\n',
    'HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\n',
  ),
  answer(
    'RFC 9110 15.2',
    'interim responses come first',
    `HTTP/1.1 103 Early Hints\r\nLink: a\r\n\r\n${OK}Content-Length: 0\r\n\r\n`,
    `HTTP/1.1 103 Early Hints\r\nLink: a\r\n\r\n${OK}Content-Length: 0\r\n\r\n`,
  ),
  answer(
    'RFC 9110 7.6.1',
    'hop-by-hop fields go',
    `${OK}Connection: x\r\nX: 1\r\nKeep-Alive: timeout=5\r\nContent-Length: 0\r\n\r\n`,
    `${OK}Content-Length: 0\r\n\r\n`,
  ),
  bad(
    'RFC 9112 6.3',
    'length and encoding in a response',
    `${OK}Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n`,
  ),
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
