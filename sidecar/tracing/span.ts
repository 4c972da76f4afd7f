/** Values of SpanKind in trace.proto. */
export const SPAN_KIND = { server: 2, client: 3 } as const;

/** Name, and value: a text, or a whole number. */
export type Attribute = readonly [name: string, value: string | number];

/** A span that has ended, with nothing in it that keeps a request's head in memory. */
export interface Span {
  readonly traceId: string;
  readonly spanId: string;
  /** empty: the trace begins here */
  readonly parentId: string;
  readonly name: string;
  readonly kind: (typeof SPAN_KIND)[keyof typeof SPAN_KIND];
  /** milliseconds since 1970, with fractions */
  readonly startMs: number;
  readonly durationMs: number;
  readonly attributes: readonly Attribute[];
  readonly isError: boolean;
  /** what went wrong; empty: nothing to say */
  readonly message: string;
}
