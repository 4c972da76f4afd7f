import assert from 'node:assert/strict';
import { createRequire } from 'node:module';
import type { CanonicalMessage } from '../canonical.ts';

/** The part of Node's binding to llhttp that is used here; it has no types of its own. */
interface NodeParser {
  initialize(type: number, resource: object): void;
  execute(bytes: Buffer): number | Error;
  close(): void;
  [callback: number]: (...values: never[]) => unknown;
}
interface NodeParserClass {
  new (): NodeParser;
  readonly REQUEST: number;
  readonly kOnHeaders: number;
  readonly kOnHeadersComplete: number;
  readonly kOnBody: number;
  readonly kOnMessageComplete: number;
}
const common = createRequire(import.meta.url)('node:_http_common') as {
  readonly HTTPParser: NodeParserClass;
  /** by the parser's number */
  readonly methods: readonly string[];
};

interface Understood {
  readonly method: string;
  readonly target: string;
  readonly fields: readonly string[];
  readonly body: string;
}

/** Methods it does not know are refused by it, and after these two it leaves HTTP. */
const KNOWN = /^(?:GET|HEAD|POST|PUT|DELETE|OPTIONS|PATCH|TRACE) /;
const LEAVES_HTTP = /\r\nUpgrade: /;

/** The parser of Node's own server finds the same requests in what is forwarded. */
export function checkNodeAgrees(forwarded: string, messages: readonly CanonicalMessage[]): void {
  if (messages.length === 0 || LEAVES_HTTP.test(forwarded)) return;
  if (!messages.every(({ startLine }) => KNOWN.test(startLine))) return;
  const wanted = messages.map(({ startLine, lines, body, trailers }) => ({
    method: startLine.split(' ')[0]!,
    target: startLine.split(' ')[1]!,
    fields: [...lines, ...trailers],
    body,
  }));
  assert.deepEqual(parse(Buffer.from(forwarded, 'latin1')), wanted, 'Node reads its output in another way');
}

/** Where Node's parser is known to differ, and none of it moves the end of a message. */
const OTHER_RULES: readonly RegExp[] = [
  // it leaves HTTP or the connection
  /HTTP\/1\.0|connection|upgrade/i,
  // whitespace that RFC 9112 has a recipient take away: in an extension, behind a value
  /[ \t];|;.*[ \t]|chunked[ \t]/i,
  // framing fields that come as trailers, which are dropped here
  /\r\n0[^\r\n]*\r\n(?:[^\r\n]+\r\n)*(?:content-length|transfer-encoding):/i,
];

/** What is accepted without a change of mind is no more than Node's parser accepts, body by body. */
export function checkNodeAccepts(input: Buffer, messages: readonly CanonicalMessage[]): void {
  const text = input.toString('latin1');
  if (OTHER_RULES.some((rule) => rule.test(text))) return;
  if (!messages.every(({ startLine }) => KNOWN.test(startLine))) return;
  const bodies = messages.map(({ body }) => body);
  assert.deepEqual(
    parse(input).map(({ body }) => body),
    bodies,
    'Node reads the input in another way',
  );
}

function parse(bytes: Buffer): Understood[] {
  const { HTTPParser } = common;
  const all: Understood[] = [];
  let method = '';
  let target = '';
  let fields: string[] = [];
  let body = '';
  const parser = new HTTPParser();
  parser.initialize(HTTPParser.REQUEST, {});
  const add = (flat: readonly string[]) => {
    for (let at = 0; at < flat.length; at += 2) fields.push(`${flat[at]}: ${flat[at + 1]}`);
  };
  // more fields than it keeps come early, the target with them
  parser[HTTPParser.kOnHeaders] = (flat: string[], url: string) => {
    add(flat);
    target ||= url;
  };
  parser[HTTPParser.kOnHeadersComplete] = (
    _major: number,
    _minor: number,
    flat: string[],
    number: number,
    url: string,
  ) => {
    if (flat !== undefined) add(flat);
    method = common.methods[number]!;
    target ||= url;
    return 0;
  };
  parser[HTTPParser.kOnBody] = (part: Buffer) => {
    body += part.toString('latin1');
  };
  parser[HTTPParser.kOnMessageComplete] = () => {
    all.push({ method, target, fields, body });
    target = body = '';
    fields = [];
  };
  try {
    const used = parser.execute(bytes);
    assert.equal(used, bytes.length, 'Node refuses it');
  } finally {
    parser.close();
  }
  return all;
}
