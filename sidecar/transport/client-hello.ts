/**
 * Reads ALPN and SNI out of a ClientHello without answering it: RFC 8446 sections 5.1 (records), 4 and 4.1.2
 * (ClientHello), RFC 7301 (ALPN), RFC 6066 section 3 (server name). The hello may be spread over records and
 * segments. Pure: called again with more bytes while it answers `need-more`. Never throws.
 */
export type ClientHello =
  | { readonly kind: 'need-more'; readonly atLeast: number }
  | {
      readonly kind: 'client-hello';
      readonly alpn: readonly string[];
      readonly serverName: string | undefined;
      /** the true server name may be another one: an encrypted ClientHello inside, or the look of one */
      readonly hasEncryptedHello: boolean;
    }
  | { readonly kind: 'not-tls' }
  /** TLS records, but not a ClientHello within the bounds */
  | { readonly kind: 'invalid'; readonly reason: string };

export const CLIENT_HELLO_MAX_BYTES = 16 * 1024;
const MAX_RECORDS = 32;
/** The most bytes that can be needed: the hello and the headers of its records. */
export const CLIENT_HELLO_MAX_WIRE_BYTES = CLIENT_HELLO_MAX_BYTES + MAX_RECORDS * 5;

const RECORD_HEADER_BYTES = 5;
const MAX_RECORD_BYTES = 16 * 1024;
const HANDSHAKE_RECORD = 22;
const CLIENT_HELLO_TYPE = 1;
const EXTENSION_SERVER_NAME = 0;
const EXTENSION_ALPN = 16;
/** encrypted_client_hello (IANA, TLS ExtensionType Values) */
const EXTENSION_ENCRYPTED_HELLO = 0xfe0d;

export function parseClientHello(bytes: Buffer): ClientHello {
  if (bytes.length > 0 && bytes[0] !== HANDSHAKE_RECORD) return { kind: 'not-tls' };
  if (bytes.length > 1 && bytes[1] !== 3) return { kind: 'not-tls' };
  const parts: Buffer[] = [];
  let size = 0;
  let at = 0;
  for (let record = 0; record < MAX_RECORDS; record += 1) {
    const needed = needForRecord(bytes, at);
    if (typeof needed === 'string') return { kind: 'invalid', reason: needed };
    if (bytes.length < needed) return { kind: 'need-more', atLeast: needed };
    parts.push(bytes.subarray(at + RECORD_HEADER_BYTES, needed));
    size += needed - at - RECORD_HEADER_BYTES;
    at = needed;
    const result = parseHandshake(parts, size);
    if (result !== undefined) return result;
  }
  return { kind: 'invalid', reason: 'too many records' };
}

/** The total length at which the record at `at` is complete, or why it is refused. */
function needForRecord(bytes: Buffer, at: number): number | string {
  if (bytes.length < at + RECORD_HEADER_BYTES) return at + RECORD_HEADER_BYTES;
  if (bytes[at] !== HANDSHAKE_RECORD || bytes[at + 1] !== 3) return 'another record within the hello';
  const length = bytes.readUInt16BE(at + 3);
  if (length === 0) return 'empty record';
  if (length > MAX_RECORD_BYTES) return 'record too long';
  return at + RECORD_HEADER_BYTES + length;
}

/** undefined: the message goes on in the next record. */
function parseHandshake(parts: readonly Buffer[], size: number): ClientHello | undefined {
  const first = parts[0]!;
  if (first[0] !== CLIENT_HELLO_TYPE) return { kind: 'invalid', reason: 'not a ClientHello' };
  if (size < 4) return undefined;
  const message = parts.length === 1 ? first : Buffer.concat(parts);
  const length = message.readUIntBE(1, 3);
  if (length + 4 > CLIENT_HELLO_MAX_BYTES) return { kind: 'invalid', reason: 'ClientHello too long' };
  if (size < length + 4) return undefined;
  return parseBody(new Reader(message.subarray(4, length + 4)));
}

function parseBody(hello: Reader): ClientHello {
  hello.skip(2 + 32); // legacy_version, random
  hello.vector(1); // legacy_session_id
  hello.vector(2); // cipher_suites
  hello.vector(1); // legacy_compression_methods
  const extensions = hello.isEmpty ? new Reader(Buffer.alloc(0)) : hello.vector(2);
  let alpn: string[] = [];
  let serverName: string | undefined;
  let serverNames = 0;
  let hasEncryptedHello = false;
  while (!extensions.isEmpty && !extensions.failed) {
    const type = extensions.uint(2);
    const data = extensions.vector(2);
    if (type === EXTENSION_ALPN) alpn = parseAlpn(data);
    if (type === EXTENSION_ENCRYPTED_HELLO) hasEncryptedHello = true;
    if (type === EXTENSION_SERVER_NAME) {
      serverName = parseServerName(data);
      serverNames += 1;
    }
    if (data.failed) break;
  }
  // one extension of a type (RFC 8446 4.2): of two, nobody knows which one the server reads
  if (hello.failed || extensions.failed || serverNames > 1)
    return { kind: 'invalid', reason: 'malformed ClientHello' };
  return { kind: 'client-hello', alpn, serverName, hasEncryptedHello };
}

function parseAlpn(data: Reader): string[] {
  const names: string[] = [];
  const list = data.vector(2);
  while (!list.isEmpty && !list.failed) names.push(list.vector(1).text());
  return list.failed ? [] : names;
}

function parseServerName(data: Reader): string | undefined {
  const list = data.vector(2);
  const type = list.uint(1);
  const name = list.vector(2).text();
  const isOne = !list.failed && list.isEmpty && data.isEmpty;
  return !isOne || type !== 0 || name === '' ? undefined : name;
}

/** Reads past the end give zeros and set `failed`; nothing throws. */
class Reader {
  readonly #bytes: Buffer;
  #at = 0;
  failed = false;

  constructor(bytes: Buffer) {
    this.#bytes = bytes;
  }
  get isEmpty(): boolean {
    return this.#at >= this.#bytes.length;
  }
  skip(count: number): void {
    if (this.#at + count > this.#bytes.length) this.failed = true;
    this.#at = Math.min(this.#at + count, this.#bytes.length);
  }
  uint(width: 1 | 2): number {
    const start = this.#at;
    this.skip(width);
    return this.failed ? 0 : this.#bytes.readUIntBE(start, width);
  }
  /** A vector with a length prefix of `width` bytes (RFC 8446 3.4). */
  vector(width: 1 | 2): Reader {
    const length = this.uint(width);
    const start = this.#at;
    this.skip(length);
    return new Reader(this.failed ? EMPTY : this.#bytes.subarray(start, start + length));
  }
  text(): string {
    return this.#bytes.toString('latin1');
  }
}

const EMPTY = Buffer.alloc(0);
