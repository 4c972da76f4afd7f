import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { CLIENT_HELLO_MAX_WIRE_BYTES } from '../transport/client-hello.ts';
import { type Named, nameIn } from './egress-peek.ts';

const uint16 = (value: number) => Buffer.from([value >> 8, value & 0xff]);
const vector = (data: Buffer) => Buffer.concat([uint16(data.length), data]);
const extension = (type: number, data: Buffer) => Buffer.concat([uint16(type), vector(data)]);
const serverName = (name: string) =>
  extension(0, vector(Buffer.concat([Buffer.from([0]), vector(Buffer.from(name, 'latin1'))])));
const encrypted = extension(0xfe0d, Buffer.from([0]));

/** RFC 8446 4.1.2, with the least there may be, in one record. */
function hello(...extensions: Buffer[]): Buffer {
  const body = Buffer.concat([
    Buffer.from([3, 3]),
    Buffer.alloc(32),
    Buffer.from([0, 0, 2, 0x13, 1, 1, 0]),
    vector(Buffer.concat(extensions)),
  ]);
  return Buffer.concat([Buffer.from([22, 3, 1]), vector(Buffer.concat([Buffer.from([1, 0]), vector(body)]))]);
}

const NAMED: readonly (readonly [string, Buffer, Named | RegExp])[] = [
  ['a server name', hello(serverName('api.example')), { kind: 'tls', serverName: 'api.example' }],
  ['one in upper case', hello(serverName('API.example.')), { kind: 'tls', serverName: 'api.example' }],
  ['none', hello(), /without a server name/],
  ['an empty one', hello(serverName('')), /without a server name/],
  ['two of them', hello(serverName('a.example'), serverName('b.example')), /cannot be read/],
  ['one that is no name', hello(serverName('a\0.example')), /server name that is none/],
  ['one before an encrypted hello', hello(serverName('api.example'), encrypted), /encrypted ClientHello/],
  ['a request', Buffer.from('GET / HTTP/1.1\r\n'), { kind: 'http1' }],
  ['a request with an unknown method', Buffer.from('BREW /pot HTTP/1.1\r\n'), { kind: 'http1' }],
  ['a line that is no request', Buffer.from('EHLO me\r\n'), /nothing names a host/],
  ['an endless line, which the codec refuses', Buffer.from('x'.repeat(20_000)), { kind: 'http1' }],
  ['binary', Buffer.from([0, 0, 0]), /nothing names a host/],
];
for (const [name, bytes, expected] of NAMED) {
  const isExpected = (named: ReturnType<typeof nameIn>) => {
    if (!(expected instanceof RegExp)) return assert.deepEqual(named, expected);
    assert.match('kind' in named && named.kind === 'nameless' ? named.reason : '', expected);
  };
  test(`${name}: read in one piece`, () => isExpected(nameIn(bytes)));

  test(`${name}: nothing else is said of a part`, () => {
    for (let size = 0; size < Math.min(bytes.length, 300); size += 1) {
      const named = nameIn(bytes.subarray(0, size));
      if ('kind' in named) isExpected(named);
    }
  });
}

test('whatever comes, a bounded number of bytes is waited for', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 64 }), fc.constantFrom(22, 0x47, 0x50), (bytes, first) => {
      const named = nameIn(Buffer.concat([Buffer.from([first, 3, 1]), bytes]));
      if (!('kind' in named)) assert.ok(named.atLeast <= CLIENT_HELLO_MAX_WIRE_BYTES * 2);
    }),
  );
  const endless = nameIn(Buffer.alloc(CLIENT_HELLO_MAX_WIRE_BYTES * 2, 'x'));
  assert.equal('kind' in endless, true);
});
