import type { Fields } from '../http1/fields.ts';
import type { Connection } from './connection.ts';
import { H2_ERROR } from './error-codes.ts';
import type { HeaderField } from './hpack/header-field.ts';
import { malformed } from './message-error.ts';
import { StreamInbox } from './stream-inbox.ts';
import { StreamOutbox } from './stream-outbox.ts';

/**
 * One stream, either end (RFC 9113 5.1). What comes goes through its inbox, which holds it while it is not wanted and
 * lets the peer send more as it is taken; what goes leaves through its outbox, as the peer's windows allow.
 */
export abstract class Stream {
  readonly connection: Connection;
  readonly inbox: StreamInbox;
  readonly outbox: StreamOutbox;
  /** 0: not begun */
  id = 0;
  /** END_STREAM came, or it was reset */
  remoteEnded = false;
  /** END_STREAM was sent, or it was reset */
  localEnded = false;
  /** the code it was reset with, by either end; -1: it was not */
  resetCode = -1;
  /** without a byte; 0: for ever */
  idleTimeoutMs = 0;
  touchedMs = 0;
  /** bytes of body there are still to come; -1: nobody said */
  expectedBytes = -1;

  constructor(connection: Connection) {
    this.connection = connection;
    this.inbox = new StreamInbox(this);
    this.outbox = new StreamOutbox(this);
  }

  get isClosed(): boolean {
    return this.localEnded && this.remoteEnded;
  }

  touch(): void {
    this.touchedMs = this.connection.timers.coarseMs();
  }

  /** Ends the stream both ways, whatever was on its way. What has all come, and is held, is not wanted any more. */
  reset(code: number): void {
    if (this.isClosed) return void this.inbox.discard();
    this.connection.resetStream(this.id, code);
    this.close(code);
  }

  /** `code`: -1 for an end without a reset. */
  close(code: number): void {
    if (this.resetCode === -1) this.resetCode = code;
    this.localEnded = this.remoteEnded = true;
    this.inbox.discard();
    this.outbox.discard();
    this.connection.forgetStream(this);
  }

  /** Called when END_STREAM has gone or come. */
  closeIfOver(): void {
    if (this.isClosed) this.connection.forgetStream(this);
  }

  /** END_STREAM has gone. */
  onLocalEnd(): void {
    this.closeIfOver();
  }

  // === from the connection ===

  /** `end - start` bytes of body that count `flowBytes`; checked against the windows already. */
  receiveData(bytes: Buffer, start: number, end: number, flowBytes: number, endsStream: boolean): void {
    this.touch();
    if (this.expectedBytes !== -1) {
      this.expectedBytes -= end - start;
      if (this.expectedBytes < 0 || (endsStream && this.expectedBytes > 0)) {
        malformed('RFC 9113 8.1.1', 'Content-Length and body differ');
      }
    }
    if (endsStream) this.remoteEnded = true;
    this.inbox.data(bytes, start, end, flowBytes);
    if (!endsStream) return;
    this.inbox.end(undefined);
    this.closeIfOver();
  }

  protected receiveTrailers(trailers: Fields | undefined): void {
    if (this.expectedBytes > 0) malformed('RFC 9113 8.1.1', 'Content-Length and body differ');
    this.remoteEnded = true;
    this.inbox.end(trailers);
    this.closeIfOver();
  }

  receiveReset(code: number): void {
    this.close(code);
    this.onReset(code);
  }

  /** A frame broke this stream. */
  fail(code: number, reason: string): void {
    this.reset(code);
    this.onFailed(code, reason);
  }

  /** A header block that is not the first of a request. Throws MessageError. */
  abstract receiveHeaders(list: readonly HeaderField[], count: number, endsStream: boolean): void;
  /** Bytes are valid during the call. */
  abstract onBody(data: Buffer): void;
  /** What was held in its place between pieces of the body. */
  abstract onHeld(item: object): void;
  abstract onEnd(trailers: Fields | undefined): void;
  /** All that was written has left. */
  abstract onDrained(): void;
  /** The peer ended it. */
  abstract onReset(code: number): void;
  /** The peer broke it; it was reset. */
  abstract onFailed(code: number, reason: string): void;
  /** The connection is gone. */
  abstract onLost(): void;
  /** Nothing came or went for too long. */
  onIdle(): void {
    this.fail(H2_ERROR.cancel, 'idle for too long');
  }
}
