import type { Attribute, Span } from './span.ts';

/** STATUS_CODE_ERROR of trace.proto; a span that went well says nothing. */
const STATUS_ERROR = 2;
/** Bits of Span.flags: sampled; it is known whether the parent is remote; it is. */
const FLAG_SAMPLED = 0x001;
const FLAG_HAS_IS_REMOTE = 0x100;
const FLAG_IS_REMOTE = 0x200;

/**
 * An ExportTraceServiceRequest of OTLP 1.x as JSON: names in lowerCamelCase, ids in hexadecimal, 64-bit numbers
 * as text, enums as numbers (opentelemetry.io/docs/specs/otlp, JSON Protobuf Encoding).
 */
export function encodeSpans(resource: readonly Attribute[], spans: readonly Span[]): string {
  return JSON.stringify({
    resourceSpans: [
      {
        resource: { attributes: resource.map(encodeAttribute) },
        scopeSpans: [{ scope: { name: 'weft' }, spans: spans.map(encodeSpan) }],
      },
    ],
  });
}

function encodeSpan(span: Span) {
  const remote = span.parentId === '' ? 0 : FLAG_IS_REMOTE;
  return {
    traceId: span.traceId,
    spanId: span.spanId,
    parentSpanId: span.parentId === '' ? undefined : span.parentId,
    flags: FLAG_SAMPLED | FLAG_HAS_IS_REMOTE | remote,
    name: span.name,
    kind: span.kind,
    startTimeUnixNano: nanoseconds(span.startMs),
    endTimeUnixNano: nanoseconds(span.startMs + span.durationMs),
    attributes: span.attributes.map(encodeAttribute),
    status: span.isError
      ? { code: STATUS_ERROR, message: span.message === '' ? undefined : span.message }
      : undefined,
  };
}

function encodeAttribute([key, value]: Attribute) {
  return { key, value: typeof value === 'number' ? { intValue: String(value) } : { stringValue: value } };
}

/** Microseconds are exact in a number, nanoseconds since 1970 are not. */
function nanoseconds(milliseconds: number): string {
  return `${Math.round(milliseconds * 1_000)}000`;
}
