import { bad, badBody, type CorpusCase, GET, good, HOST, POST, same } from './case.ts';

const ADMIN = `GET /admin HTTP/1.1\r\n${HOST}\r\n`;
const CHUNKED = 'Transfer-Encoding: chunked\r\n';
const LENGTH = 'Content-Length: 5\r\n';
const BOTH = 'RFC 9112 6.3';
const CODING = 'RFC 9112 6.1';
/** Two requests to one that believes the chunks, one to one that believes the length. */
const twoByChunks = (name: string, fields: string): CorpusCase =>
  badBody(BOTH, name, `Content-Length: ${5 + ADMIN.length}\r\n${fields}`, `0\r\n\r\n${ADMIN}`);
const size = ADMIN.length.toString(16);
/** The other way about. */
const twoByLength = (name: string, fields: string): CorpusCase =>
  badBody(BOTH, name, `Content-Length: ${size.length + 2}\r\n${fields}`, `${size}\r\n${ADMIN}\r\n0\r\n\r\n`);

/** Published ways to make two parties see different requests, each with a request in the place of the catch. */
export const SMUGGLING: readonly CorpusCase[] = [
  twoByChunks('CL.TE: a request behind the last chunk', CHUNKED),
  twoByLength('TE.CL: a request within a chunk', CHUNKED),
  twoByChunks('TE.TE: a second coding that means nothing', `${CHUNKED}Transfer-Encoding: cow\r\n`),
  twoByChunks('TE.TE: a first coding that means nothing', `Transfer-Encoding: cow\r\n${CHUNKED}`),
  twoByChunks('TE.TE: x before chunked', 'Transfer-Encoding: xchunked\r\n'),
  twoByChunks('TE.TE: a space before the colon', 'Transfer-Encoding : chunked\r\n'),
  twoByChunks('TE.TE: a tab before the value', 'Transfer-Encoding:\tchunked\r\n'),
  twoByChunks('TE.TE: a space before the name', ' Transfer-Encoding: chunked\r\n'),
  twoByChunks('TE.TE: a line feed within another value', `X: x\n${CHUNKED}`),
  twoByChunks('TE.TE: a carriage return within another value', `X: x\r${CHUNKED}`),
  twoByChunks('TE.TE: folded', 'Transfer-Encoding:\r\n chunked\r\n'),
  twoByChunks('TE.TE: folded between name and colon', 'Transfer-Encoding\r\n : chunked\r\n'),
  twoByChunks('TE.TE: a vertical tab before the value', 'Transfer-Encoding:\u000bchunked\r\n'),
  twoByChunks('TE.TE: a control character behind the value', 'Transfer-Encoding: chunked\u0001\r\n'),
  twoByChunks('TE.TE: in quotes', 'Transfer-Encoding: "chunked"\r\n'),
  twoByChunks('TE.TE: with a null coding', 'Transfer-Encoding: null, chunked\r\n'),
  twoByChunks('TE.TE: identity after chunked', 'Transfer-Encoding: chunked, identity\r\n'),
  twoByChunks('TE.TE: named hop-by-hop', `Connection: transfer-encoding\r\n${CHUNKED}`),
  twoByLength('TE.CL with the length named hop-by-hop', `Connection: content-length\r\n${CHUNKED}`),
  twoByLength('TE.CL in HTTP/1.1 with an upgrade', `Connection: upgrade\r\nUpgrade: websocket\r\n${CHUNKED}`),
  bad(
    CODING,
    'TE in HTTP/1.0 with a request behind it',
    `POST / HTTP/1.0\r\n${HOST}Connection: keep-alive\r\n${CHUNKED}\r\n0\r\n\r\n${ADMIN}`,
  ),
  badBody(
    CODING,
    'TE.0: a body that one party takes for the next request',
    'Transfer-Encoding: chunked, x\r\n',
    `${size}\r\n${ADMIN}\r\n0\r\n\r\n`,
  ),
  // one length only, and all agree
  same(
    'RFC 9112 6.2',
    'CL.0: a POST whose body is a request',
    `${POST}Content-Length: ${ADMIN.length}\r\n\r\n${ADMIN}`,
  ),
  same(
    'RFC 9112 6.2',
    '0.CL: a GET whose body is a request',
    `${GET}Content-Length: ${ADMIN.length}\r\n\r\n${ADMIN}${GET}\r\n`,
  ),
  same(
    'RFC 9110 10.1.1',
    '0.CL with Expect: the body comes before the answer',
    `${GET}Expect: 100-continue\r\nContent-Length: ${ADMIN.length}\r\n\r\n${ADMIN}`,
  ),
  same(
    'RFC 9112 7.1',
    'TE.0: an OPTIONS whose chunk is a request',
    `OPTIONS / HTTP/1.1\r\n${HOST}${CHUNKED}\r\n${size}\r\n${ADMIN}\r\n0\r\n\r\n`,
  ),
  same(
    'RFC 9110 9.3.2',
    'a HEAD whose body is a request',
    `HEAD / HTTP/1.1\r\n${HOST}Content-Length: ${ADMIN.length}\r\n\r\n${ADMIN}`,
  ),
  bad(
    'RFC 9110 5.1',
    'names that gateways rewrite into framing fields',
    `${GET}Content_Length: 5\r\nTransfer_Encoding: chunked\r\n\r\n`,
  ),
  same(
    'RFC 9110 5.1',
    'names that only resemble framing fields',
    `${GET}Content-Length-X: 5\r\nX-Transfer-Encoding: chunked\r\n\r\n`,
  ),
  // lengths
  badBody(
    BOTH,
    'CL.CL: a short and a long length',
    `Content-Length: 0\r\nContent-Length: ${ADMIN.length}\r\n`,
    ADMIN,
  ),
  badBody(
    BOTH,
    'CL.CL: a long and a short length',
    `Content-Length: ${ADMIN.length}\r\nContent-Length: 0\r\n`,
    ADMIN,
  ),
  badBody('RFC 9110 8.6', 'CL: a plus sign', `Content-Length: +${ADMIN.length}\r\n`, ADMIN),
  badBody('RFC 9110 8.6', 'CL: behind a list of nothing', `Content-Length: , ${ADMIN.length}\r\n`, ADMIN),
  badBody(
    'RFC 9112 5.1',
    'CL: a name that ends in a control character',
    `Content-Length\u0001: 5\r\n`,
    'hello',
  ),
  badBody('RFC 9112 2.2', 'CL: behind a bare carriage return', `X: 1\r${LENGTH}`, 'hello'),
  badBody('RFC 9112 5.2', 'CL: continued in a fold', `Content-Length: 1\r\n 0\r\n`, 'helloworld'),
  // chunks
  badBody(
    'RFC 9112 7.1.1',
    'TERM.EXT: a bare LF that ends an extension',
    CHUNKED,
    `2;\nxx\r\n${size}\r\n0\r\n\r\n${ADMIN}`,
  ),
  badBody(
    'RFC 9112 7.1.1',
    'EXT.TERM: a bare LF within an extension',
    CHUNKED,
    `2;a\nb\r\nok\r\n0\r\n\r\n${ADMIN}`,
  ),
  badBody(
    'RFC 9112 7.1',
    'TERM.SPILL: a bare LF after the data',
    CHUNKED,
    `5\r\nhello\n${size}\r\n0\r\n\r\n${ADMIN}`,
  ),
  badBody(
    'RFC 9112 7.1',
    'SPILL.TERM: data that spills over its size',
    CHUNKED,
    `5\r\nhelloX\r\n${size}\r\n0\r\n\r\n${ADMIN}`,
  ),
  badBody(
    'RFC 9112 7.1',
    'ONE.TWO: one byte for the line end after the data',
    CHUNKED,
    `5\r\nhello\r${size}\r\n0\r\n\r\n`,
  ),
  badBody(
    'RFC 9112 7.1',
    'a size whose high bits get lost',
    CHUNKED,
    `1000000000000000${size}\r\n${ADMIN}\r\n0\r\n\r\n`,
  ),
  badBody(
    'RFC 9112 7.1',
    'a size that ends at its first odd character',
    CHUNKED,
    `0;${size}\u0000\r\n\r\n${ADMIN}`,
  ),
  badBody(
    'RFC 9112 7.1',
    'a size with a prefix that only some read',
    CHUNKED,
    `0x${size}\r\n${ADMIN}\r\n0\r\n\r\n`,
  ),
  badBody(
    'RFC 9112 7.1.2',
    'a framing field hidden in a malformed trailer',
    CHUNKED,
    `0\r\nContent-Length : ${ADMIN.length}\r\n\r\n${ADMIN}`,
  ),
  good(
    'RFC 9110 6.5.1',
    'a length in the trailers does not reach over the next request',
    `${POST}${CHUNKED}\r\n0\r\nContent-Length: ${ADMIN.length}\r\n\r\n${GET}\r\n`,
    `${POST}${CHUNKED}\r\n0\r\n\r\n${GET}\r\n`,
  ),
  // heads
  bad(
    'RFC 9112 2.2',
    'a request line hidden behind a bare LF in a value',
    `${GET}X: a\n\nGET /admin HTTP/1.1\r\n${HOST}\r\n`,
  ),
  bad('RFC 9112 3', 'words behind the version that are a request', `GET / HTTP/1.1 ${ADMIN}`),
  bad(
    'RFC 9112 3',
    'an absolute address with a version within',
    `GET http://a/ HTTP/1.1\u000bX: b\r\n${HOST}\r\n`,
  ),
  bad(
    'RFC 9112 3.2',
    'a Host for the proxy and one for the server',
    `GET / HTTP/1.1\r\nHost: a\r\n Host: b\r\n\r\n`,
  ),
  bad(
    'RFC 9112 3.2',
    'a Host hidden behind whitespace in the first line',
    `GET / HTTP/1.1\r\n Host: b\r\n${HOST}\r\n`,
  ),
];
