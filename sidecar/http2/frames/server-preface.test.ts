import assert from 'node:assert/strict';
import { test } from 'node:test';
import { beginsHttp2 } from './server-preface.ts';

const frame = (length: number, type: number, flags: number, streamId: number) =>
  Buffer.from([0, length >> 8, length & 0xff, type, flags, 0, 0, 0, streamId]);

test('a server that says SETTINGS first speaks HTTP/2', () => {
  assert.equal(beginsHttp2(frame(0, 4, 0, 0)), true);
  assert.equal(beginsHttp2(Buffer.concat([frame(12, 4, 0, 0), Buffer.alloc(12)])), true);
});

for (const [what, bytes] of [
  ['nothing', Buffer.alloc(0)],
  ['too little to tell', frame(0, 4, 0, 0).subarray(0, 8)],
  ['a status line', Buffer.from('HTTP/1.1 200 OK\r\n\r\n')],
  ['zeros', Buffer.alloc(32)],
  ['another frame', frame(8, 7, 0, 0)],
  ['an acknowledgement of SETTINGS', frame(0, 4, 1, 0)],
  ['SETTINGS of a stream', frame(0, 4, 0, 1)],
  ['SETTINGS of a length they cannot have', frame(5, 4, 0, 0)],
] as const) {
  test(`${what} is not taken for HTTP/2`, () => assert.equal(beginsHttp2(bytes), false));
}
