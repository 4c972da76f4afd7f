import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { DETECT_MAX_BYTES, type Detected, detect, detectAtDeadline } from './detect.ts';

const PREFACE = 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n';

const TABLE: readonly (readonly [name: string, bytes: string, verdict: Detected])[] = [
  ['nothing yet', '', 'need-more'],
  ['a request line', 'GET / HTTP/1.1\r\n', 'http1'],
  ['a request line of HTTP/1.0', 'GET / HTTP/1.0\r\n', 'http1'],
  ['an unknown method', 'BREW /pot HTTP/1.1\r\n', 'http1'],
  ['half a request line', 'GET /index', 'need-more'],
  ['a request line with bare LF, for the codec to refuse', 'GET / HTTP/1.1\n', 'http1'],
  ['empty lines before a request', '\r\n\r\nGET / HTTP/1.1\r\n', 'http1'],
  ['a lower-case method', 'get / http/1.1\r\n', 'http1'],
  ['spaces where one belongs', 'GET   /   HTTP/1.1  \r\n', 'http1'],
  ['a tab where a space belongs', 'GET\t/\tHTTP/1.1\r\n', 'http1'],
  ['a path with bytes above ASCII', 'GET /\u00e9 HTTP/1.1\r\n', 'http1'],
  ['the HTTP/2 preface', PREFACE, 'http2'],
  ['the beginning of the HTTP/2 preface', PREFACE.slice(0, 10), 'need-more'],
  ['something that only begins like the preface', 'PRI * HTTP/2.0\r\n\r\nXX', 'http1'],
  ['a TLS record', '\u0016\u0003\u0001', 'tls'],
  ['the first byte of a TLS record', '\u0016', 'need-more'],
  ['a handshake byte that is no TLS', '\u0016\u0001', 'opaque'],
  ['an inline Redis command, should no field follow', 'GET key\r\n', 'unlikely'],
  ['another one', 'SET key value\r\n', 'opaque'],
  ['a RESP array', '*1\r\n$4\r\nPING\r\n', 'opaque'],
  ['inline Redis commands', 'GET a:b\r\nGET c:d\r\n', 'opaque'],
  ['HTTP/0.9, after which some read fields', 'GET /\r\n', 'http1'],
  ['HTTP/0.9 with other blanks', '\u000bGET\r/\u00a0\r\n', 'http1'],
  ['HTTP/0.9 without a slash and with fields', 'GET a\r\nweft-caller: x', 'http1'],
  ['the same with a blank in front of the first', 'GET a\r\n \t b: c\r\nweft-caller: x', 'http1'],
  ['the same with an empty name in front', 'GET a\r\n:\r\nweft-caller: x', 'http1'],
  ['HTTP/0.9 without a slash and without fields', 'GET a\r\n\r\n', 'opaque'],
  ['a word that may become the name of a field', 'GET a\r\nweft-caller', 'unlikely'],
  ['a control character in a target', 'GET /\u0001 HTTP/1.1\r\n', 'http1'],
  ['NUL in a query', 'GET /?\u0000 HTTP/1.1\r\n', 'http1'],
  ['DEL in a target', 'GET /\u007f HTTP/1.1\r\n', 'http1'],
  ['bare CR between the words', 'GET\r/\rHTTP/1.1\r\n', 'http1'],
  ['bare CR in a target', 'GET /\rx HTTP/1.1\r\n', 'http1'],
  ['a control character in the first word', 'GE\u0001T / HTTP/1.1\r\n', 'opaque'],
  ['an SSH banner', 'SSH-2.0-OpenSSH_9\r\n', 'opaque'],
  ['SMTP', 'EHLO example\r\n', 'opaque'],
  ['PostgreSQL startup', '\u0000\u0000\u0000\u0008\u0004\u00d2\u0016\u002f', 'opaque'],
  ['a request line after a blank, as Python reads it', ' GET / HTTP/1.1\r\n', 'http1'],
  ['a request line with other blanks, as Python reads it', '\u000bGET\u001c/\u00a0HTTP/1.1\r\n', 'http1'],
  ['a request line with a method that is no token', '(GET / HTTP/1.1\r\n', 'http1'],
  ['the beginning of a request line after a blank', ' GET / HT', 'unlikely'],
  ['a line of a log about a request', '{"line": "GET / HTTP/1.1"}\n', 'opaque'],
  ['a syslog line about a request', '<34>1 web "GET / HTTP/1.1" 200\n', 'opaque'],
  ['the beginning of JSON', '{"a": 1}', 'unlikely'],
  ['a line of JSON', '{"a": 1}\n', 'opaque'],
  ['a word without a line', 'ruok', 'unlikely'],
  ['two words without a line', 'HELLO world', 'unlikely'],
  ['the beginning of an unknown method', 'BRE', 'unlikely'],
  ['the beginning of a known method', 'GE', 'need-more'],
  ['only an empty line', '\r\n', 'unlikely'],
];

for (const [name, bytes, verdict] of TABLE) {
  test(`${name}: ${verdict}`, () => assert.equal(detect(Buffer.from(bytes, 'latin1')), verdict));
}

test('a final verdict stays the same when more bytes come', () => {
  const beginnings = TABLE.map(([, bytes]) => Buffer.from(bytes, 'latin1'));
  fc.assert(
    fc.property(fc.constantFrom(...beginnings), fc.uint8Array({ maxLength: 40 }), (beginning, rest) => {
      const bytes = Buffer.concat([beginning, rest]);
      let verdict: Detected = 'need-more';
      for (let size = 0; size <= bytes.length; size += 1) {
        const now = detect(bytes.subarray(0, size));
        if (verdict !== 'need-more' && verdict !== 'unlikely') assert.equal(now, verdict);
        verdict = now;
      }
    }),
    { numRuns: 500 },
  );
});

test('a line that does not end is decided upon within bounds', () => {
  assert.equal(detect(Buffer.from(`GET /${'a'.repeat(DETECT_MAX_BYTES)}`)), 'http1');
  assert.equal(detect(Buffer.from(`WORD word${'a'.repeat(DETECT_MAX_BYTES)}`)), 'http1');
  assert.equal(detect(Buffer.from(`\u000bGET /${'a'.repeat(DETECT_MAX_BYTES)}`)), 'http1');
  assert.equal(detect(Buffer.from(`GET\u000b/${'a'.repeat(DETECT_MAX_BYTES)}`)), 'http1');
  assert.equal(detect(Buffer.from(`GET a\r\n ${'a'.repeat(DETECT_MAX_BYTES)}`)), 'http1');
  assert.equal(detect(Buffer.from(`{"a": "${'a'.repeat(DETECT_MAX_BYTES)}`)), 'opaque');
});

test('at the deadline what may still become a request is taken for one', () => {
  for (const text of ['GE', 'get', 'GET ', 'GET x', 'BREW /x', 'BREW http://x']) {
    assert.equal(detectAtDeadline(Buffer.from(text)), 'http1', text);
  }
  for (const text of ['HELLO', 'HELLO world', '\r\n', 'PRI']) {
    assert.equal(detectAtDeadline(Buffer.from(text)), 'unlikely', text);
  }
});
