/**
 * Who is told what frames say. `bytes` from `start` to `end` are valid during the call only. Each call may throw
 * ConnectionError.
 */
export interface FrameSink {
  /**
   * A piece of a DATA frame, as it came; of one frame there may be several, and pieces without bytes for padding.
   * `flowBytes`: what the piece counts for flow control.
   */
  data(
    streamId: number,
    bytes: Buffer,
    start: number,
    end: number,
    flowBytes: number,
    endsStream: boolean,
  ): void;
  /** A whole header block, CONTINUATION included. `dependsOn`: of its priority; -1: it has none. */
  headers(
    streamId: number,
    bytes: Buffer,
    start: number,
    end: number,
    endsStream: boolean,
    dependsOn: number,
  ): void;
  priority(streamId: number, dependsOn: number): void;
  reset(streamId: number, code: number): void;
  /** `end - start` is a multiple of six. */
  settings(bytes: Buffer, start: number, end: number): void;
  settingsAck(): void;
  /** Eight bytes. */
  ping(bytes: Buffer, start: number, isAck: boolean): void;
  goaway(lastStreamId: number, code: number): void;
  /** `streamId` 0: of the connection. */
  windowUpdate(streamId: number, increment: number): void;
  /** A frame of a type nobody knows, which means nothing (RFC 9113 4.1). */
  unknown(): void;
  /** A frame that breaks its stream only (RFC 9113 5.4.2). */
  streamError(streamId: number, code: number, message: string): void;
}
