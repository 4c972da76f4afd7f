import fc from 'fast-check';

/** Mostly `usual`, now and then `odd`. */
const mostly = (usual: readonly string[], odd: readonly string[]): fc.Arbitrary<string> =>
  fc.oneof(
    { weight: 60, arbitrary: fc.constantFrom(...usual) },
    { weight: 1, arbitrary: fc.constantFrom(...odd) },
  );
const concat = (...parts: fc.Arbitrary<string>[]): fc.Arbitrary<string> =>
  fc.tuple(...parts).map((texts) => texts.join(''));
const some = (part: fc.Arbitrary<string>, maxLength: number): fc.Arbitrary<string> =>
  fc.array(part, { maxLength }).map((texts) => texts.join(''));

const eol = mostly(
  ['\r\n'],
  ['\n', '\r', '\r\r\n', '\n\r', '', ' \r\n', '\r\n ', '\u0000\r\n', '\u0085', '\u000b\r\n'],
);
const sp = mostly([' '], ['', '  ', '\t', '\u000b', '\u00a0', '\r', '\n']);
const ows = mostly(['', ' '], ['\t', '  ', '\u000b', '\u000c', '\u00a0', '\r\n ', '\r', '\u0000']);
const colon = concat(mostly([''], [' ', '\t', '\u0000']), mostly([':'], ['', '::', ';', '=']), ows);
const anyText = fc.string({ unit: 'binary-ascii', maxLength: 8 });

const method = mostly(
  ['GET', 'POST', 'HEAD', 'PUT', 'DELETE', 'OPTIONS', 'CONNECT'],
  ['get', 'BREW', 'G(T', '', 'PRI', 'GET\u00a0'],
);
const segment = mostly(
  ['a', '.', '..', '', 'b.c', '%2e', '%41', '%2F', 'x;y'],
  ['%', '%zz', '\u00e9', '#', '\\', '*', '..;', '%00'],
);
const path = fc.array(segment, { maxLength: 4 }).map((segments) => `/${segments.join('/')}`);
const query = mostly(['', '?a=b', '?'], ['?\u00e9', '?#', '??', '? ']);
const host = mostly(
  ['a', 'A.b', 'a:80', 'a:8080', '[::1]', '10.0.0.1:1', 'a.'],
  ['', 'a b', 'a,b', 'a@b', 'a:0', 'a:', '[', 'a/b', 'a..', '::1', '\u00e9'],
);
const target = fc.oneof(
  { weight: 8, arbitrary: concat(path, query) },
  {
    weight: 1,
    arbitrary: concat(mostly(['http://', 'HTTP://'], ['https://', '//', 'http:/']), host, path, query),
  },
  { weight: 1, arbitrary: host },
  { weight: 1, arbitrary: fc.constantFrom('*', '', 'a', '?') },
);
const version = mostly(
  ['HTTP/1.1', 'HTTP/1.0'],
  ['HTTP/1.2', 'HTTP/2', 'http/1.1', 'HTTP/1.1 ', '', 'HTTP/01.1', 'HTTP/1.1\u0000'],
);

const name = mostly(
  ['X', 'Accept', 'Expect', 'Trailer', 'Weft-Caller', 'Cookie'],
  ['', ' X', 'X ', 'X\u0000', 'X\u00e9', '(X)', 'X\r'],
);
const value = fc.oneof(
  mostly(['1', 'a, b', '100-continue', ''], ['\u0001', '\u007f', 'a\rb', 'a\nb']),
  anyText,
);
const option = mostly(
  ['close', 'keep-alive', 'X', 'upgrade', 'TE', 'content-length', 'host'],
  ['', '"x"', ';', 'transfer-encoding'],
);
const length = mostly(
  ['0', '2', '5', '05'],
  ['', '-1', '+5', '0x5', '5, 5', '5 5', '5;', '99999999999999999999', '\u00b2', '5\u000b'],
);
const coding = mostly(
  ['chunked', 'Chunked'],
  [
    '',
    'identity',
    'gzip, chunked',
    'chunked, gzip',
    'xchunked',
    'chunked;a',
    '"chunked"',
    '\u000bchunked',
    'chunked\u0000',
  ],
);
const line = (names: fc.Arbitrary<string>, values: fc.Arbitrary<string>) =>
  concat(names, colon, values, ows, eol);
const named = (text: string) =>
  mostly([text, text.toLowerCase()], [`${text} `, ` ${text}`, `${text}\u0000`, text.replace('-', '_')]);
const plain = fc.oneof(
  line(name, value),
  line(
    named('Connection'),
    fc.array(option, { maxLength: 3 }).map((options) => options.join(', ')),
  ),
  line(named('Upgrade'), fc.constantFrom('websocket', 'h2c', 'a, h2c', '')),
  line(named('TE'), fc.constantFrom('trailers', 'gzip', 'trailers;q=1, x', '')),
);

const data = fc.constantFrom(
  '',
  'ok',
  'hello',
  '0\r\n\r\n',
  'GET / HTTP/1.1\r\nHost: a\r\n\r\n',
  '\r\n',
  '\u0000\u00ff',
);
const extension = mostly(['', ';a', ';a=b', ' ; a = "b"'], [';', ';\n', ' ', ';a\u0000', ',a', ';a="']);
const chunk = fc
  .tuple(data, mostly(['', '0', '000'], ['+', '-', '0x', ' ', '\u00a0', '1']), extension, eol, eol)
  .map(
    ([text, prefix, more, first, second]) =>
      `${prefix}${text.length.toString(16)}${more}${first}${text}${second}`,
  );
const chunks = concat(
  some(chunk, 3),
  mostly(['0'], ['', '00', '0x0', '-0', '1']),
  extension,
  eol,
  some(line(name, value), 2),
  eol,
);
const framed = fc.oneof(
  { weight: 3, arbitrary: fc.tuple(fc.constant(''), fc.constant('')) },
  {
    weight: 4,
    arbitrary: data.chain((text) =>
      fc.tuple(line(named('Content-Length'), fc.constant(`${text.length}`)), fc.constant(text)),
    ),
  },
  { weight: 4, arbitrary: fc.tuple(line(named('Transfer-Encoding'), coding), chunks) },
  { weight: 1, arbitrary: fc.tuple(line(named('Content-Length'), length), data) },
  {
    weight: 1,
    arbitrary: fc.tuple(
      concat(line(named('Content-Length'), length), line(named('Transfer-Encoding'), coding)),
      chunks,
    ),
  },
);
const withFields = (start: fc.Arbitrary<string>, first: fc.Arbitrary<string>): fc.Arbitrary<string> =>
  fc
    .tuple(start, eol, first, some(plain, 3), framed, eol)
    .map(
      ([text, end, required, fields, [framing, body], blank]) =>
        `${text}${end}${required}${fields}${framing}${blank}${body}`,
    );

const bytes = (message: fc.Arbitrary<string>): fc.Arbitrary<Buffer> =>
  fc
    .array(message, { minLength: 1, maxLength: 3 })
    .map((messages) => Buffer.from(messages.join(''), 'latin1'));

/** One to three requests that are valid but for a few places of the grammar. */
export const almostRequests: fc.Arbitrary<Buffer> = bytes(
  withFields(
    concat(mostly([''], ['\r\n', '\n', ' ']), method, sp, target, sp, version),
    line(named('Host'), host),
  ),
);

const status = mostly(
  ['200', '204', '304', '100', '103', '404', '599'],
  ['', '20', '600', '099', '2 0', '+200', '\u00b200'],
);
const reason = mostly([' OK', ' ', '', ' Not Found'], ['OK', '\tOK', ' O\u0001K', ' O\rK']);

/** The same of responses. */
export const almostResponses: fc.Arbitrary<Buffer> = bytes(
  withFields(
    concat(mostly([''], ['\r\n', ' ']), version, sp, status, reason),
    mostly([''], ['Set-Cookie: a\r\n']),
  ),
);
