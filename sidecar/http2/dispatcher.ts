import type { Connection } from './connection.ts';
import { broken, H2_ERROR } from './error-codes.ts';
import { NUISANCE } from './flood-guard.ts';
import type { FrameSink } from './frames/frame-sink.ts';
import type { HeaderField } from './hpack/header-field.ts';
import { MessageError } from './message-error.ts';
import { MAX_WINDOW_BYTES } from './settings.ts';
import type { Stream } from './stream.ts';

/** Header blocks are read one after another: one list for all. Entries beyond the count are of blocks before. */
const LIST: HeaderField[] = [];
/** A list that is longer or larger is not kept: what comes next may be nothing for long. */
const MAX_KEPT_FIELDS = 128;
const MAX_KEPT_BYTES = 8 * 1024;

/** What each frame does to the connection and its streams, by the states of RFC 9113 5.1. */
export class Dispatcher implements FrameSink {
  readonly #connection: Connection;

  constructor(connection: Connection) {
    this.#connection = connection;
  }

  data(
    streamId: number,
    bytes: Buffer,
    start: number,
    end: number,
    flowBytes: number,
    endsStream: boolean,
  ): void {
    const connection = this.#connection;
    if (end > start) connection.flood.earn(NUISANCE.ping, 1);
    else if (!endsStream) connection.flood.spend(NUISANCE.idle);
    if (!connection.take(flowBytes))
      broken(H2_ERROR.flowControl, 'RFC 9113 6.9', 'more DATA than the window');
    const stream = this.#openStream(streamId, flowBytes);
    if (stream === undefined) return;
    if (flowBytes > stream.inbox.windowBytes) {
      connection.giveBack(flowBytes);
      return void this.#fail(stream, H2_ERROR.flowControl, 'more DATA than the window of the stream');
    }
    try {
      stream.receiveData(bytes, start, end, flowBytes, endsStream);
    } catch (error) {
      connection.giveBack(flowBytes);
      this.#failByMessage(stream, error);
    }
  }

  /** Where DATA may come; else it counts for the connection's window all the same (RFC 9113 6.9). */
  #openStream(streamId: number, flowBytes: number): Stream | undefined {
    const connection = this.#connection;
    const stream = connection.streams.get(streamId);
    if (stream === undefined || stream.remoteEnded) connection.giveBack(flowBytes);
    if (stream !== undefined) {
      if (!stream.remoteEnded) return stream;
      this.#fail(stream, H2_ERROR.streamClosed, 'DATA after the end');
      return undefined;
    }
    this.#needBegun(streamId, 'DATA');
    if (!connection.recentlyReset.has(streamId)) this.#resetClosed(streamId, H2_ERROR.streamClosed);
    return undefined;
  }

  headers(
    streamId: number,
    bytes: Buffer,
    start: number,
    end: number,
    endsStream: boolean,
    dependsOn: number,
  ): void {
    const connection = this.#connection;
    const count = connection.decoder.decode(bytes, start, end, LIST);
    connection.flood.earn(NUISANCE.ping, 1);
    const stream = connection.streams.get(streamId);
    const isSelfDependent = dependsOn === streamId;
    if (stream !== undefined) this.#further(stream, count, endsStream, isSelfDependent);
    else if (connection.isIdleStream(streamId)) {
      connection.onNewStream(streamId, LIST, count, endsStream, isSelfDependent);
    } else if (!connection.recentlyReset.has(streamId)) {
      broken(H2_ERROR.streamClosed, 'RFC 9113 5.1', 'HEADERS on a closed stream');
    }
    if (LIST.length > MAX_KEPT_FIELDS || connection.decoder.listBytes > MAX_KEPT_BYTES) LIST.length = 0;
  }

  #further(stream: Stream, count: number, endsStream: boolean, isSelfDependent: boolean): void {
    if (stream.remoteEnded) return void this.#fail(stream, H2_ERROR.streamClosed, 'HEADERS after the end');
    if (isSelfDependent) return void this.#fail(stream, H2_ERROR.protocol, 'a stream that depends on itself');
    if (this.#connection.decoder.isOverflowing) {
      return void this.#fail(stream, H2_ERROR.enhanceYourCalm, 'the fields are too large');
    }
    try {
      stream.receiveHeaders(LIST, count, endsStream);
    } catch (error) {
      this.#failByMessage(stream, error);
    }
  }

  priority(streamId: number, dependsOn: number): void {
    this.#connection.flood.spend(NUISANCE.idle);
    if (dependsOn === streamId)
      this.streamError(streamId, H2_ERROR.protocol, 'a stream that depends on itself');
  }

  reset(streamId: number, code: number): void {
    const connection = this.#connection;
    const stream = connection.streams.get(streamId);
    if (stream === undefined) return void this.#needBegun(streamId, 'RST_STREAM');
    // an end that says all went well is no nuisance
    if (code !== H2_ERROR.none) connection.flood.spend(NUISANCE.reset);
    stream.receiveReset(code);
  }

  settings(bytes: Buffer, start: number, end: number): void {
    const connection = this.#connection;
    const { peer } = connection;
    connection.flood.spend(NUISANCE.settings);
    const before = peer.initialWindowBytes;
    peer.read(bytes, start, end);
    connection.encoder.setPeerTableBytes(peer.headerTableBytes);
    connection.output.settingsAck();
    if (peer.initialWindowBytes !== before) this.#widenAll(peer.initialWindowBytes - before);
    connection.onPeerSettings();
    connection.pump();
  }

  #widenAll(bytes: number): void {
    for (const stream of this.#connection.streams.values()) {
      if (!stream.outbox.widen(bytes)) {
        broken(H2_ERROR.flowControl, 'RFC 9113 6.9.2', 'SETTINGS make a window too large');
      }
    }
  }

  settingsAck(): void {
    this.#connection.flood.spend(NUISANCE.settings);
    this.#connection.areSettingsKnown = true;
    this.#connection.watch.acknowledged();
  }

  ping(bytes: Buffer, start: number, isAck: boolean): void {
    const connection = this.#connection;
    connection.flood.spend(NUISANCE.ping);
    if (isAck) return void connection.onPingAnswer(bytes, start);
    connection.output.ping(bytes, start, true);
  }

  goaway(lastStreamId: number, code: number): void {
    this.#connection.flood.spend(NUISANCE.settings);
    this.#connection.onGoaway(lastStreamId, code);
  }

  windowUpdate(streamId: number, increment: number): void {
    const connection = this.#connection;
    connection.flood.spend(NUISANCE.idle);
    if (streamId === 0) return void this.#widen(increment);
    const stream = connection.streams.get(streamId);
    if (stream === undefined) return void this.#needBegun(streamId, 'WINDOW_UPDATE');
    if (increment === 0) return void this.#fail(stream, H2_ERROR.protocol, 'WINDOW_UPDATE of nothing');
    if (!stream.outbox.widen(increment)) {
      return void this.#fail(stream, H2_ERROR.flowControl, 'the window of a stream became too large');
    }
    connection.pump();
  }

  #widen(increment: number): void {
    const connection = this.#connection;
    if (increment === 0) broken(H2_ERROR.protocol, 'RFC 9113 6.9', 'WINDOW_UPDATE of nothing');
    connection.sendWindowBytes += increment;
    if (connection.sendWindowBytes > MAX_WINDOW_BYTES) {
      broken(H2_ERROR.flowControl, 'RFC 9113 6.9.1', 'the window of the connection became too large');
    }
    connection.pump();
  }

  unknown(): void {
    this.#connection.flood.spend(NUISANCE.idle);
  }

  streamError(streamId: number, code: number, message: string): void {
    const connection = this.#connection;
    const stream = connection.streams.get(streamId);
    if (stream !== undefined) return void this.#fail(stream, code, message);
    // RST_STREAM must not be sent for an idle stream (RFC 9113 6.4)
    if (connection.isIdleStream(streamId)) broken(code, 'RFC 9113 5.1', message);
    if (!connection.recentlyReset.has(streamId)) this.#resetClosed(streamId, code);
  }

  #resetClosed(streamId: number, code: number): void {
    this.#connection.flood.spend(NUISANCE.reset);
    this.#connection.resetStream(streamId, code);
  }

  #needBegun(streamId: number, what: string): void {
    if (this.#connection.isIdleStream(streamId)) {
      broken(H2_ERROR.protocol, 'RFC 9113 5.1', `${what} on an idle stream`);
    }
  }

  #failByMessage(stream: Stream, error: unknown): void {
    if (!(error instanceof MessageError)) throw error;
    this.#fail(stream, H2_ERROR.protocol, `${error.message} (${error.rule})`);
  }

  #fail(stream: Stream, code: number, reason: string): void {
    this.#connection.flood.spend(NUISANCE.reset);
    stream.fail(code, reason);
  }
}
