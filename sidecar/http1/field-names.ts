import { HEADER_PREFIX } from '../../api/names.ts';

/** Field names the codec itself looks at; any other is 0. */
export const FIELD = {
  other: 0,
  host: 1,
  contentLength: 2,
  transferEncoding: 3,
  connection: 4,
  keepAlive: 5,
  proxyConnection: 6,
  te: 7,
  upgrade: 8,
  /** belongs to the mesh, see `isMeshAt` */
  mesh: 9,
  /** looks like a framing field to gateways that read `_` as `-` (RFC 3875 4.1.18) */
  lookalike: 10,
} as const;
export const FIELD_COUNT = 11;

const KNOWN: readonly (readonly [string, number])[] = [
  ['host', FIELD.host],
  ['content-length', FIELD.contentLength],
  ['transfer-encoding', FIELD.transferEncoding],
  ['connection', FIELD.connection],
  ['keep-alive', FIELD.keepAlive],
  ['proxy-connection', FIELD.proxyConnection],
  ['te', FIELD.te],
  ['upgrade', FIELD.upgrade],
  ['content_length', FIELD.lookalike],
  ['transfer_encoding', FIELD.lookalike],
];
/** By length and folded first character: at most a few to compare with. */
const BY_SHAPE: (readonly [string, number])[][] = [];
for (const entry of KNOWN) {
  const shape = shapeOf(entry[0].length, entry[0].charCodeAt(0));
  BY_SHAPE[shape] ??= [];
  BY_SHAPE[shape].push(entry);
}
for (let shape = 0; shape < 1024; shape += 1) BY_SHAPE[shape] ??= [];

const MESH = HEADER_PREFIX.slice(0, -1);
const MESH_FIRST = MESH.charCodeAt(0);

/** Which field the name at `start`..`end` of `text` is, in any case. */
export function fieldAt(text: string, start: number, end: number): number {
  const length = end - start;
  const first = text.charCodeAt(start) | 0x20;
  if (first === MESH_FIRST && isMeshAt(text, start, end)) return FIELD.mesh;
  if (length > 31) return FIELD.other;
  const candidates = BY_SHAPE[shapeOf(length, first)]!;
  for (let index = 0; index < candidates.length; index += 1) {
    const candidate = candidates[index]!;
    if (equalsAt(text, start, candidate[0])) return candidate[1];
  }
  return FIELD.other;
}

function shapeOf(length: number, first: number): number {
  return (length << 5) | (first & 0x1f);
}

/**
 * A field whose name begins like the mesh's own, whatever stands for the `-`: `weft_caller` and `weft.caller`
 * too, since gateways to applications read them and `weft-caller` as one variable (RFC 3875 4.1.18).
 */
function isMeshAt(text: string, start: number, end: number): boolean {
  if (end - start <= MESH.length || !equalsAt(text, start, MESH)) return false;
  const next = text.charCodeAt(start + MESH.length);
  return !isLetterOrDigit(next);
}

/**
 * Whether gateways to applications make one variable of this name and some other (RFC 3875 4.1.18): they write one
 * sign for all that is neither letter nor digit, so `x_role` and `x.role` are `x-role` to what is behind them.
 */
export function mayHaveAlikes(lower: string): boolean {
  for (let at = 0; at < lower.length; at += 1) if (!isLetterOrDigit(lower.charCodeAt(at))) return true;
  return false;
}

/** Whether the name of as many characters at `start` is one variable with `lower`; the same name is too. */
export function isAlikeAt(text: string, start: number, lower: string): boolean {
  for (let at = 0; at < lower.length; at += 1) {
    const code = foldCase(text.charCodeAt(start + at));
    const expected = lower.charCodeAt(at);
    if (code !== expected && (isLetterOrDigit(code) || isLetterOrDigit(expected))) return false;
  }
  return true;
}

/** `lower` holds no capitals; tokens only, where setting the case bit confuses no letter with another sign. */
export function equalsAt(text: string, start: number, lower: string): boolean {
  for (let at = 0; at < lower.length; at += 1) {
    if (foldCase(text.charCodeAt(start + at)) !== lower.charCodeAt(at)) return false;
  }
  return true;
}

function foldCase(code: number): number {
  return code >= 0x41 && code <= 0x5a ? code | 0x20 : code;
}

function isLetterOrDigit(code: number): boolean {
  const folded = foldCase(code);
  return (folded >= 0x61 && folded <= 0x7a) || (code >= 0x30 && code <= 0x39);
}
