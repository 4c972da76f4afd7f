import { isAll, TOKEN } from '../../http1/characters.ts';
import { FIELD, fieldAt } from '../../http1/field-names.ts';

/** What an encoder does with fields of a name. */
export const INDEXING = {
  /** into the table when the peer it came from did so too, or at its second sight */
  adaptive: 0,
  /** rarely the same twice */
  none: 1,
  /** a secret: never in a table, here or further on (RFC 7541 7.1.3) */
  never: 2,
} as const;

/** Pseudo-header fields (RFC 9113 8.3, RFC 8441 4); 0: an ordinary field. */
export const PSEUDO = {
  none: 0,
  method: 1,
  scheme: 2,
  authority: 3,
  path: 4,
  protocol: 5,
  status: 6,
  unknown: 7,
} as const;

const PSEUDO_NAMES: readonly string[] = [
  '',
  ':method',
  ':scheme',
  ':authority',
  ':path',
  ':protocol',
  ':status',
];

const SECRET = new Set(['authorization', 'proxy-authorization', 'set-cookie']);
const UNIQUE = new Set([
  'content-length',
  'age',
  'etag',
  'if-modified-since',
  'if-none-match',
  'location',
  'x-request-id',
  'traceparent',
  'tracestate',
  'x-b3-traceid',
  'x-b3-spanid',
  'x-b3-parentspanid',
  'grpc-timeout',
]);
/** Of a connection of HTTP/1, not of a message (RFC 9113 8.2.2). */
const CONNECTION_SPECIFIC = new Set([
  'connection',
  'keep-alive',
  'proxy-connection',
  'transfer-encoding',
  'upgrade',
]);

/** A field name, looked at once: what it is, and whether it may be at all. */
export class HeaderName {
  readonly text: string;
  /** Encoders keep arrays by it. -1: of a name that is not kept; else it may have been another's, or become so. */
  readonly id: number;
  /** of FIELD in http1/field-names.ts */
  readonly kind: number;
  readonly pseudo: number;
  /** a token without capitals (RFC 9113 8.2.1) */
  readonly isValid: boolean;
  readonly isConnectionSpecific: boolean;
  readonly indexing: number;
  readonly isCookie: boolean;
  readonly isTe: boolean;
  readonly isContentType: boolean;
  /** the first of this name in the static table; 0: none */
  staticIndex = 0;
  /** how often it was of use lately; see header-names.ts */
  uses = 0;
  /** as a trailer; undefined: nobody asked yet */
  mayTrail: boolean | undefined = undefined;

  constructor(text: string, id: number) {
    this.text = text;
    this.id = id;
    this.pseudo = pseudoOf(text);
    this.kind = this.pseudo === PSEUDO.none ? fieldAt(text, 0, text.length) : FIELD.other;
    this.isValid = this.pseudo !== PSEUDO.none || (text !== '' && isAll(TOKEN, text) && !/[A-Z]/.test(text));
    this.isConnectionSpecific = CONNECTION_SPECIFIC.has(text);
    this.indexing = SECRET.has(text) ? INDEXING.never : UNIQUE.has(text) ? INDEXING.none : INDEXING.adaptive;
    this.isCookie = text === 'cookie';
    this.isTe = text === 'te';
    this.isContentType = text === 'content-type';
  }
}

function pseudoOf(text: string): number {
  if (!text.startsWith(':')) return PSEUDO.none;
  const index = PSEUDO_NAMES.indexOf(text);
  return index === -1 ? PSEUDO.unknown : index;
}
