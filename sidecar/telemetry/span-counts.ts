/** Why a span came to no collector. */
export interface SpansDropped {
  /** more of them than could be sent */
  'queue-full': number;
  /** the collector does not take them */
  refused: number;
  /** there is no answer, however often it is tried */
  unreachable: number;
}

/** What became of spans that ended. */
export interface SpanCounts {
  exported: number;
  readonly dropped: SpansDropped;
}
