import assert from 'node:assert/strict';
import { test } from 'node:test';
import { HeaderField } from './hpack/header-field.ts';
import { headerName } from './hpack/header-names.ts';
import type { Pair } from './hpack/hpack.fixture.ts';
import { MessageError } from './message-error.ts';
import { readResponse } from './response-reader.ts';
import { readTrailers } from './trailers.ts';

const list = (pairs: readonly Pair[]) =>
  pairs.map(([name, value]) => new HeaderField(headerName(name), value, false, false));
function read(pairs: readonly Pair[], endsStream = false, method = 'GET', upgrade?: string) {
  return readResponse(list(pairs), pairs.length, endsStream, method, upgrade);
}
const OK: Pair = [':status', '200'];

test('what there is of a body follows from status, method, length and end', () => {
  assert.equal(read([OK]).framing.type, 'chunked');
  assert.deepEqual(read([OK], true).framing, { type: 'length', length: 0 });
  assert.deepEqual(read([OK, ['content-length', '7']]).framing, { type: 'length', length: 7 });
  assert.equal(read([[':status', '204']], true).framing.type, 'none');
  const head = read([OK, ['content-length', '7']], true, 'HEAD');
  assert.deepEqual([head.framing.type, head.describedLength], ['none', 7]);
  assert.equal(
    read(
      [
        [':status', '304'],
        ['content-length', '7'],
      ],
      true,
    ).describedLength,
    7,
  );
  assert.equal(read([OK], false, 'CONNECT').framing.type, 'none');
});

test('2xx to an extended CONNECT is the 101 it stands for, anything else is an answer', () => {
  const open = read([OK], false, 'GET', 'websocket');
  assert.deepEqual([open.status, open.upgrade], [101, 'websocket']);
  assert.equal(read([[':status', '403']], true, 'GET', 'websocket').status, 403);
});

const MALFORMED: Record<string, readonly Pair[]> = {
  'no :status': [['server', 'x']],
  'nothing at all': [],
  'a :status that is no number': [[':status', 'ok']],
  'a :status of four digits': [[':status', '2000']],
  'a :status below 100': [[':status', '099']],
  '101': [[':status', '101']],
  ':path': [OK, [':path', '/']],
  'two :status': [OK, OK],
  Connection: [OK, ['connection', 'close']],
  'Transfer-Encoding': [OK, ['transfer-encoding', 'chunked']],
  'a name in capitals': [OK, ['Server', 'x']],
  'a value with LF': [OK, ['server', 'x\ny']],
  'two Content-Lengths': [OK, ['content-length', '1'], ['content-length', '2']],
};
for (const [what, pairs] of Object.entries(MALFORMED)) {
  test(`a response with ${what} is malformed`, () => {
    assert.throws(() => read(pairs), MessageError);
  });
}

test('a response whose Content-Length is of a body that does not come is malformed', () => {
  assert.throws(() => read([OK, ['content-length', '7']], true), MessageError);
});

test('trailers are fields, and those that say where a message ends or who calls do not pass', () => {
  const fields: Pair[] = [
    ['grpc-status', '0'],
    ['content-length', '1'],
    ['weft-caller', 'x'],
    ['authorization', 'x'],
    ['x_forwarded_for', 'x'],
  ];
  assert.equal(readTrailers(list(fields), fields.length)?.serialize(), 'grpc-status: 0\r\n');
  assert.equal(readTrailers([], 0), undefined);
});

test('trailers with pseudo-headers, capitals or fields of connections are malformed', () => {
  for (const pair of [OK, ['X-A', 'b'], ['connection', 'close']] as Pair[]) {
    assert.throws(() => readTrailers(list([pair]), 1), MessageError);
  }
});
