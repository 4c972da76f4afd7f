import assert from 'node:assert/strict';
import { test } from 'node:test';
import tls from 'node:tls';
import fc from 'fast-check';
import { serve } from '../testing/wire.ts';
import { CLIENT_HELLO_MAX_WIRE_BYTES, parseClientHello } from './client-hello.ts';

/** What Node's own TLS client says first. */
async function realHello(options: tls.ConnectionOptions): Promise<Buffer> {
  const said = Promise.withResolvers<Buffer>();
  const server = await serve((socket) => socket.once('data', said.resolve));
  const socket = tls.connect({ ...options, port: server.port, host: '127.0.0.1' });
  socket.on('error', () => {});
  const bytes = await said.promise;
  socket.destroy();
  await server.close();
  return bytes;
}

const HELLO = await realHello({ ALPNProtocols: ['weft/1-h1', 'h2'], servername: 'api.shop' });
const NONE = { kind: 'client-hello', alpn: [], serverName: undefined, hasEncryptedHello: false };
const EXPECTED = { ...NONE, alpn: ['weft/1-h1', 'h2'], serverName: 'api.shop' };

/** The same handshake message in records of the given sizes. */
function inRecords(hello: Buffer, sizes: readonly number[]): Buffer {
  const message = hello.subarray(5);
  const records: Buffer[] = [];
  let at = 0;
  for (const size of [...sizes, message.length]) {
    const part = message.subarray(at, at + size);
    if (part.length === 0) break;
    const header = Buffer.from([22, 3, 1, part.length >> 8, part.length & 0xff]);
    records.push(header, part);
    at += part.length;
  }
  return Buffer.concat(records);
}

test('ALPN and server name are read out of a real ClientHello', () => {
  assert.deepEqual(parseClientHello(HELLO), EXPECTED);
});

test('a ClientHello without extensions of interest has none', async () => {
  const hello = await realHello({});
  assert.deepEqual(parseClientHello(hello), NONE);
});

test('until it is complete more is asked for, never less than there is', () => {
  for (let size = 0; size < HELLO.length; size += 1) {
    const result = parseClientHello(HELLO.subarray(0, size));
    assert.equal(result.kind, 'need-more');
    assert.ok(result.kind === 'need-more' && result.atLeast > size && result.atLeast <= HELLO.length);
  }
});

test('the message may be spread over records of any size', () => {
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 1, max: 200 }), { maxLength: 20 }), (sizes) => {
      const bytes = inRecords(HELLO, sizes);
      assert.deepEqual(parseClientHello(bytes), EXPECTED);
      assert.equal(parseClientHello(bytes.subarray(0, -1)).kind, 'need-more');
    }),
  );
});

test('bytes after the ClientHello change nothing', () => {
  assert.deepEqual(parseClientHello(Buffer.concat([HELLO, Buffer.from('more')])), EXPECTED);
});

test('bad input gives a verdict and no exception, within the bound on bytes', () => {
  const change = fc.record({ at: fc.nat(2_000), byte: fc.nat(255) });
  fc.assert(
    fc.property(fc.array(change, { maxLength: 5 }), fc.uint8Array({ maxLength: 300 }), (changes, rest) => {
      const bytes = Buffer.concat([HELLO, rest]);
      for (const { at, byte } of changes) bytes[at % bytes.length] = byte;
      const result = parseClientHello(bytes);
      if (result.kind === 'need-more') assert.ok(result.atLeast <= CLIENT_HELLO_MAX_WIRE_BYTES * 2);
    }),
    { numRuns: 2_000 },
  );
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => void parseClientHello(Buffer.from(bytes))),
  );
});

const record = (...body: number[]) => Buffer.from([22, 3, 1, body.length >> 8, body.length & 0xff, ...body]);
const REFUSED: readonly (readonly [string, Buffer, 'not-tls' | 'invalid'])[] = [
  ['plaintext', Buffer.from('GET / HTTP/1.1'), 'not-tls'],
  ['another major version', Buffer.from([22, 2, 0]), 'not-tls'],
  ['another handshake message', record(2, 0, 0, 0), 'invalid'],
  ['an empty record', Buffer.from([22, 3, 1, 0, 0]), 'invalid'],
  ['a record too long', Buffer.from([22, 3, 1, 255, 255]), 'invalid'],
  ['a hello too long', record(1, 1, 0, 0), 'invalid'],
  ['a hello without content', record(1, 0, 0, 0), 'invalid'],
  [
    'another record within the hello',
    Buffer.concat([record(1, 0, 0, 9), Buffer.from([23, 3, 3, 0, 1, 0])]),
    'invalid',
  ],
  [
    'a hello in too many records',
    Buffer.concat([record(1, 0, 1, 0), ...Array.from({ length: 40 }, () => record(0))]),
    'invalid',
  ],
];
for (const [name, bytes, kind] of REFUSED) {
  test(`${name} is ${kind}`, () => assert.equal(parseClientHello(bytes).kind, kind));
}

/** The hello with another extension at its end. */
function withExtension(hello: Buffer, type: number, data: Buffer): Buffer {
  const head = Buffer.alloc(4);
  head.writeUInt16BE(type);
  head.writeUInt16BE(data.length, 2);
  const added = Buffer.concat([head, data]);
  const bytes = Buffer.concat([hello, added]);
  const extensionsAt = offsetOfExtensions(hello);
  bytes.writeUInt16BE(hello.readUInt16BE(3) + added.length, 3);
  bytes.writeUIntBE(hello.readUIntBE(6, 3) + added.length, 6, 3);
  bytes.writeUInt16BE(hello.readUInt16BE(extensionsAt) + added.length, extensionsAt);
  return bytes;
}

/** Of the length of all extensions: after session id, cipher suites and compression methods. */
function offsetOfExtensions(hello: Buffer): number {
  const sessionId = 5 + 4 + 2 + 32;
  const suites = sessionId + 1 + hello[sessionId]!;
  const compression = suites + 2 + hello.readUInt16BE(suites);
  return compression + 1 + hello[compression]!;
}

const NAME_LIST = Buffer.from('\0\x0b\0\0\x08evil.com', 'latin1');

test('an encrypted ClientHello is seen', () => {
  const bytes = withExtension(HELLO, 0xfe0d, Buffer.from([0]));
  assert.deepEqual(parseClientHello(bytes), { ...EXPECTED, hasEncryptedHello: true });
});

test('a second server name extension is invalid: servers may read either', () => {
  assert.equal(parseClientHello(withExtension(HELLO, 0, NAME_LIST)).kind, 'invalid');
});

test('two names in one server name extension are no name', async () => {
  const bare = await realHello({});
  const one = withExtension(bare, 0, NAME_LIST);
  assert.deepEqual(parseClientHello(one), { ...NONE, serverName: 'evil.com' });
  const two = Buffer.concat([Buffer.from([0, 22]), NAME_LIST.subarray(2), NAME_LIST.subarray(2)]);
  assert.deepEqual(parseClientHello(withExtension(bare, 0, two)), NONE);
});
