import { FIELD } from '../http1/field-names.ts';
import type { Fields } from '../http1/fields.ts';
import type { RequestHead } from '../http1/request-head.ts';
import type { ResponseHead } from '../http1/response-head.ts';
import { FLAG, FRAME, FRAME_HEADER_BYTES, MAX_FRAME_BYTES } from './frames/frame-types.ts';
import { type FrameOutput, writeFrameHeader } from './frames/output.ts';
import { HeaderFields } from './header-fields.ts';
import { BLOCK_OVERHEAD_BYTES, type HpackEncoder } from './hpack/encoder.ts';
import type { HeaderName } from './hpack/header-name.ts';
import { ownName } from './hpack/header-names.ts';
import { ENDED } from './response-reader.ts';

const METHOD = ownName(':method');
const SCHEME = ownName(':scheme');
const AUTHORITY = ownName(':authority');
const PATH = ownName(':path');
const PROTOCOL = ownName(':protocol');
const STATUS = ownName(':status');
const CONTENT_LENGTH = ownName('content-length');
const TE = ownName('te');

/** Pseudo-headers, Content-Length and TE, without the texts of the request. */
const OWN_FIELDS_BYTES = 256;
const STATUSES: readonly string[] = Array.from({ length: 600 }, (_, status) => String(status));

/** Writes header blocks as HEADERS, and CONTINUATION where one frame is too small for them. */
export class HeadWriter {
  readonly #output: FrameOutput;
  readonly #encoder: HpackEncoder;
  #block: Buffer = EMPTY;
  #at = 0;

  constructor(output: FrameOutput, encoder: HpackEncoder) {
    this.#output = output;
    this.#encoder = encoder;
  }

  /** `fallbackHost` stands in when an HTTP/1.0 request named no host. `upgrade` becomes an extended CONNECT. */
  request(
    streamId: number,
    head: RequestHead,
    scheme: string,
    fallbackHost: string,
    endsStream: boolean,
  ): void {
    const fields = HeaderFields.of(head.fields);
    const host = head.host === '' ? fallbackHost : head.host;
    const isConnect = head.method === 'CONNECT';
    this.#begin(fields, head.method.length + head.target.length + host.length + (head.upgrade?.length ?? 0));
    this.#field(METHOD, head.upgrade === undefined ? head.method : 'CONNECT');
    if (head.upgrade !== undefined) this.#field(PROTOCOL, head.upgrade);
    if (!isConnect) {
      this.#field(SCHEME, scheme);
      this.#field(PATH, head.target);
    }
    this.#field(AUTHORITY, isConnect ? head.target : host);
    this.#fields(fields);
    if (head.framing.type === 'length') this.#field(CONTENT_LENGTH, String(head.framing.length));
    if (head.acceptsTrailers) this.#field(TE, 'trailers');
    this.#end(streamId, endsStream);
  }

  /** A 101 goes out as the 200 that it is in HTTP/2 (RFC 8441 5). */
  response(streamId: number, head: ResponseHead, endsStream: boolean): void {
    const fields = HeaderFields.of(head.fields);
    this.#begin(fields, 0);
    this.#field(STATUS, STATUSES[head.status === 101 ? 200 : head.status]!);
    this.#fields(fields);
    const length = head.framing.type === 'length' ? head.framing.length : head.describedLength;
    if (length !== -1 && head.framing !== ENDED) this.#field(CONTENT_LENGTH, String(length));
    this.#end(streamId, endsStream);
  }

  trailers(streamId: number, trailers: Fields): void {
    const fields = HeaderFields.of(trailers);
    this.#begin(fields, 0);
    this.#fields(fields);
    this.#end(streamId, true);
  }

  #begin(fields: HeaderFields, textBytes: number): void {
    const { list } = fields;
    let bytes = FRAME_HEADER_BYTES + BLOCK_OVERHEAD_BYTES + OWN_FIELDS_BYTES + textBytes;
    for (let index = 0; index < list.length; index += 1) bytes += list[index]!.bytes;
    bytes += Math.ceil(bytes / MAX_FRAME_BYTES) * FRAME_HEADER_BYTES;
    this.#block = this.#output.reserve(bytes);
    this.#at = this.#encoder.begin(this.#block, this.#output.at + FRAME_HEADER_BYTES);
  }

  #field(name: HeaderName, value: string): void {
    this.#at = this.#encoder.write(this.#block, this.#at, name, value, false, false);
  }

  #fields({ list }: HeaderFields): void {
    for (let index = 0; index < list.length; index += 1) {
      const { name, value, isIndexed, isNeverIndexed } = list[index]!;
      // whatever put them there: framing and connection are said by HTTP/2 itself
      if (name.isConnectionSpecific || name.kind === FIELD.contentLength || name.kind === FIELD.host)
        continue;
      this.#at = this.#encoder.write(this.#block, this.#at, name, value, isIndexed, isNeverIndexed);
    }
  }

  #end(streamId: number, endsStream: boolean): void {
    const flags = endsStream ? FLAG.endStream : 0;
    const start = this.#output.at + FRAME_HEADER_BYTES;
    if (this.#at - start <= MAX_FRAME_BYTES) {
      this.#output.close(this.#at, FRAME.headers, flags | FLAG.endHeaders, streamId);
    } else this.#split(start, streamId, flags);
    this.#block = EMPTY;
  }

  /** Makes room for the headers of further frames, from the last one on. */
  #split(start: number, streamId: number, flags: number): void {
    const block = this.#block;
    const bytes = this.#at - start;
    const more = Math.ceil(bytes / MAX_FRAME_BYTES) - 1;
    for (let index = more; index > 0; index -= 1) {
      const from = start + index * MAX_FRAME_BYTES;
      const length = Math.min(MAX_FRAME_BYTES, this.#at - from);
      const to = from + index * FRAME_HEADER_BYTES;
      block.copyWithin(to, from, from + length);
      const last = index === more ? FLAG.endHeaders : 0;
      writeFrameHeader(block, to - FRAME_HEADER_BYTES, length, FRAME.continuation, last, streamId);
    }
    const end = this.#at + more * FRAME_HEADER_BYTES;
    this.#output.close(end, FRAME.headers, flags, streamId);
    writeFrameHeader(block, start - FRAME_HEADER_BYTES, MAX_FRAME_BYTES, FRAME.headers, flags, streamId);
  }
}

const EMPTY = Buffer.alloc(0);
