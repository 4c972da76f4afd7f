import assert from 'node:assert/strict';
import { test } from 'node:test';
import { HttpSyntaxError } from '../http1/syntax-error.ts';
import { HeaderField } from './hpack/header-field.ts';
import { headerName } from './hpack/header-names.ts';
import type { Pair } from './hpack/hpack.fixture.ts';
import { MessageError } from './message-error.ts';
import { readRequest } from './request-reader.ts';

const GET: readonly Pair[] = [
  [':method', 'GET'],
  [':scheme', 'http'],
  [':authority', 'api.example'],
  [':path', '/'],
];
const without = (name: string) => GET.filter(([other]) => other !== name);
const replaced = (name: string, value: string): Pair[] =>
  GET.map((pair) => (pair[0] === name ? [name, value] : pair));
function read(pairs: readonly Pair[], endsStream = true) {
  const list = pairs.map(([name, value]) => new HeaderField(headerName(name), value, false, false));
  return readRequest(list, list.length, endsStream);
}

test('a request is in normal form, its framing taken out of its fields', () => {
  const head = read(
    [
      [':method', 'POST'],
      [':scheme', 'http'],
      [':authority', 'API.example:80'],
      [':path', '/a/%7eb/../c?q=%7e'],
      ['content-length', '5'],
      ['te', 'trailers'],
      ['x-a', 'one'],
      ['x-a', 'two'],
    ],
    false,
  );
  assert.equal(head.method, 'POST');
  assert.equal(head.host, 'api.example');
  assert.equal(head.path, '/a/c');
  assert.equal(head.query, 'q=%7e');
  assert.equal(head.target, '/a/c?q=%7e');
  assert.deepEqual(head.framing, { type: 'length', length: 5 });
  assert.equal(head.acceptsTrailers, true);
  assert.equal(head.header('x-a'), 'one, two');
  assert.equal(head.header('content-length'), '5');
  assert.equal(head.fields.size, 2);
});

test('what there is of a body follows from the end of the stream and Content-Length', () => {
  assert.equal(read(GET).framing.type, 'none');
  assert.equal(read(GET, false).framing.type, 'chunked');
  assert.deepEqual(read([...GET, ['content-length', '0']]).framing, { type: 'length', length: 0 });
});

test('Host stands in for :authority, and may say the same', () => {
  assert.equal(read([...without(':authority'), ['host', 'b']]).host, 'b');
  assert.equal(read([...GET, ['host', 'API.example']]).host, 'api.example');
  assert.equal(read(without(':authority')).host, '');
});

test('CONNECT names where it goes, and an extended one is the request it stands for', () => {
  const connect = read([
    [':method', 'CONNECT'],
    [':authority', 'db:5432'],
  ]);
  assert.deepEqual([connect.method, connect.target, connect.host], ['CONNECT', 'db:5432', 'db:5432']);
  const socket = read([[':protocol', 'websocket'], ...replaced(':method', 'CONNECT')], false);
  assert.deepEqual([socket.method, socket.upgrade, socket.path], ['GET', 'websocket', '/']);
  assert.equal(socket.framing.type, 'none');
});

test('cookies that came in several fields are one to whoever asks', () => {
  const head = read([...GET, ['cookie', 'a=b'], ['cookie', 'c=d']]);
  assert.equal(head.header('cookie'), 'a=b; c=d');
  assert.equal(head.fields.serialize(), 'cookie: a=b; c=d\r\n');
});

test('OPTIONS may be for the server as a whole', () => {
  const head = read(
    replaced(':path', '*').map(([name, value]) => [name, name === ':method' ? 'OPTIONS' : value]),
  );
  assert.deepEqual([head.target, head.path], ['*', undefined]);
});

const MALFORMED: Record<string, readonly Pair[]> = {
  'no :method': without(':method'),
  'no :scheme': without(':scheme'),
  'no :path': without(':path'),
  'an empty :path': replaced(':path', ''),
  'a :path that does not begin with a slash': replaced(':path', 'a'),
  'a :path with a space': replaced(':path', '/a b'),
  'a :path with a fragment': replaced(':path', '/a#b'),
  'a * that is not for OPTIONS': replaced(':path', '*'),
  'a :method that is no token': replaced(':method', 'G ET'),
  'an empty :method': replaced(':method', ''),
  ':status': [...GET, [':status', '200']],
  'an unknown pseudo-header': [...GET, [':version', '2']],
  'two :method': [...GET, [':method', 'GET']],
  'two :path': [...GET, [':path', '/']],
  'a pseudo-header after other fields': [['x-a', 'b'], ...GET],
  'a pseudo-header behind a field': [...GET, ['x-a', 'b'], [':authority', 'a']],
  'a name in capitals': [...GET, ['X-A', 'b']],
  'an empty name': [...GET, ['', 'b']],
  'a name with a space': [...GET, ['x a', 'b']],
  'a name with a colon': [...GET, ['x:a', 'b']],
  'a value with CR LF': [...GET, ['x-a', 'b\r\nc: d']],
  'a value with NUL': [...GET, ['x-a', 'b\0']],
  'a value that begins with a space': [...GET, ['x-a', ' b']],
  'a value that ends with a tab': [...GET, ['x-a', 'b\t']],
  Connection: [...GET, ['connection', 'close']],
  'Keep-Alive': [...GET, ['keep-alive', 'timeout=5']],
  'Proxy-Connection': [...GET, ['proxy-connection', 'close']],
  'Transfer-Encoding': [...GET, ['transfer-encoding', 'chunked']],
  Upgrade: [...GET, ['upgrade', 'websocket']],
  'TE other than trailers': [...GET, ['te', 'gzip']],
  'a look-alike of a framing field': [...GET, ['content_length', '5']],
  'Content-Length of a body that does not come': [...GET, ['content-length', '5']],
  'two Content-Lengths': [...GET, ['content-length', '0'], ['content-length', '5']],
  'a Content-Length with a sign': [...GET, ['content-length', '+0']],
  'a Content-Length beyond all bounds': [...GET, ['content-length', '1'.repeat(16)]],
  'two Hosts': [...GET, ['host', 'api.example'], ['host', 'api.example']],
  'a Host that is not the :authority': [...GET, ['host', 'other']],
  'CONNECT with a :path': [
    [':method', 'CONNECT'],
    [':authority', 'a:1'],
    [':path', '/'],
  ],
  'CONNECT without :authority': [[':method', 'CONNECT']],
  'CONNECT with a Content-Length': [
    [':method', 'CONNECT'],
    [':authority', 'a:1'],
    ['content-length', '0'],
  ],
  ':protocol without CONNECT': [...GET, [':protocol', 'websocket']],
  'an extended CONNECT without :path': [
    [':method', 'CONNECT'],
    [':protocol', 'websocket'],
    [':scheme', 'http'],
    [':authority', 'a'],
  ],
  'a tunnel for HTTP/2, by which requests would be judged by nobody': [
    ...[[':protocol', 'H2C'] as const],
    ...replaced(':method', 'CONNECT'),
  ],
  'a :protocol that is no token': [...replaced(':method', 'CONNECT'), [':protocol', 'a b']],
  'nothing at all': [],
};
for (const [what, pairs] of Object.entries(MALFORMED)) {
  test(`a request with ${what} is malformed`, () => {
    assert.throws(() => read(pairs), MessageError);
  });
}

test('what is well-formed and has no normal form is refused as in HTTP/1', () => {
  for (const pairs of [
    replaced(':path', '/%zz'),
    replaced(':authority', 'a b'),
    replaced(':authority', 'u@h'),
  ])
    assert.throws(() => read(pairs), HttpSyntaxError);
});

test('a request does not inherit anything from the one before', () => {
  read(GET);
  assert.throws(() => read([[':method', 'GET']]), MessageError);
});
