import type { Fields } from '../http1/fields.ts';
import { B3_NAMES, readB3, writeB3 } from './b3.ts';

/** The place in a trace that came with a request. Empty ids: none came that is valid. */
export interface IncomingContext {
  /** 32 hexadecimal digits in lower case, not all zero; or empty */
  readonly traceId: string;
  /** 16 of them: the span of the caller; or empty */
  readonly parentId: string;
  /** what the caller decided; undefined: nothing yet */
  readonly sampled: boolean | undefined;
  /** `traceparent` said it */
  readonly isW3C: boolean;
  /** the form of the B3 headers that came, valid or not */
  readonly b3: 'none' | 'single' | 'multi';
  /** B3's debug flag, which is passed on */
  readonly debug: boolean;
}

/** What goes on with the request. */
export interface OutgoingContext {
  readonly traceId: string;
  readonly spanId: string;
  /** the span above it; empty: none */
  readonly parentId: string;
  readonly sampled: boolean;
}

const TRACEPARENT = 'traceparent';
const TRACESTATE = 'tracestate';
/** W3C Trace Context level 1, section 3.2.2: version, trace id, parent id, flags. */
const FORM = /^([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(-.*)?$/;
const NO_TRACE = '0'.repeat(32);
const NO_SPAN = '0'.repeat(16);
const MAX_TRACEPARENT_CHARS = 512;
const SAMPLED = 1;

/** W3C Trace Context where it is valid, else B3, else nothing. */
export function readContext(fields: Fields): IncomingContext {
  const b3 = readB3(fields);
  const match = readTraceparent(fields.getAll(TRACEPARENT));
  if (match === undefined) return b3;
  return {
    traceId: match[2]!,
    parentId: match[3]!,
    sampled: (Number.parseInt(match[4]!, 16) & SAMPLED) === SAMPLED,
    isW3C: true,
    b3: b3.b3,
    debug: b3.debug,
  };
}

/** Exactly one, of version 00 or of a later one that begins like it; undefined: the trace starts anew (3.2.4, 4.2). */
function readTraceparent(values: readonly string[]): RegExpExecArray | undefined {
  const [value] = values;
  if (value === undefined || values.length > 1 || value.length > MAX_TRACEPARENT_CHARS) return undefined;
  const match = FORM.exec(value);
  if (match === null) return undefined;
  const [, version, traceId, parentId, , rest] = match;
  if (version === 'ff' || (version === '00' && rest !== undefined)) return undefined;
  return traceId === NO_TRACE || parentId === NO_SPAN ? undefined : match;
}

/**
 * In place of what came: `traceparent`, and B3 in the form in which it came, so that an app that knows only B3
 * goes on with the same trace. `tracestate` is passed on with the traceparent it came with, and not without.
 */
export function writeContext(fields: Fields, incoming: IncomingContext, outgoing: OutgoingContext): void {
  const { traceId, spanId, sampled } = outgoing;
  fields.remove(TRACEPARENT);
  if (!incoming.isW3C) fields.remove(TRACESTATE);
  fields.add(TRACEPARENT, `00-${traceId}-${spanId}-0${sampled ? 1 : 0}`);
  if (incoming.b3 === 'none') return;
  for (const name of B3_NAMES) fields.remove(name);
  writeB3(fields, incoming.b3, incoming.debug, outgoing);
}
