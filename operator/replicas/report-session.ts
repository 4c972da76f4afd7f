import type { ServerHttp2Stream } from 'node:http2';
import { STREAM_LINE_MAX_BYTES } from '../../api/stream.ts';
import type { Clock } from '../clock.ts';
import { describeError, type Log } from '../log.ts';
import { LineSplitter } from '../publish/lines.ts';
import type { AckReports } from './ack-reports.ts';
import type { ReplicaTable } from './replica-table.ts';
import { parseReportMessage, REPORT_PING_INTERVAL_MS, type ReportMessage } from './report-message.ts';

export interface ReportSessionOptions {
  /** of a peer that has shown the operator's own identity */
  readonly stream: ServerHttp2Stream;
  readonly reports: AckReports;
  readonly clock: Clock;
  readonly log: Log;
  readonly maxAgeMs: number;
}

const SILENCE_MAX_MS = 3 * REPORT_PING_INTERVAL_MS;

/** The leader's end of one replica's report. Whatever is wrong ends it; the replica comes again, with everything. */
export class ReportSession {
  readonly #options: ReportSessionOptions;
  readonly #lines = new LineSplitter(STREAM_LINE_MAX_BYTES);
  #name: string | undefined;
  #table: ReplicaTable | undefined;
  #heardMs: number;
  #cancelSilence: () => void;
  readonly #cancelAge: () => void;

  constructor(options: ReportSessionOptions) {
    const { stream, clock, maxAgeMs } = options;
    this.#options = options;
    this.#heardMs = clock.monotonicMs();
    this.#cancelSilence = this.#watchSilence();
    this.#cancelAge = clock.after(maxAgeMs, () => stream.close());
    stream.respond({ ':status': 200 });
    stream.on('data', (chunk: Buffer) => this.#receive(chunk));
    stream.on('end', () => this.#finish());
    stream.on('close', () => this.#finish());
  }

  #watchSilence(): () => void {
    const { clock, stream } = this.#options;
    return clock.after(REPORT_PING_INTERVAL_MS, () => {
      if (clock.monotonicMs() - this.#heardMs >= SILENCE_MAX_MS) stream.close();
      else this.#cancelSilence = this.#watchSilence();
    });
  }

  #receive(chunk: Buffer): void {
    this.#heardMs = this.#options.clock.monotonicMs();
    try {
      for (const line of this.#lines.push(chunk)) {
        const message = parseReportMessage(line);
        if (message !== undefined) this.#take(message);
      }
    } catch (error) {
      this.#options.log.warn({ replica: this.#name, error: describeError(error) }, 'a report was refused');
      this.#options.stream.close();
      this.#finish();
    }
  }

  #take(message: ReportMessage): void {
    const { reports } = this.#options;
    if (this.#name === undefined) this.#introduce(message);
    else if (message.type === 'replica') throw new Error('it has a name already');
    else if (!reports.speaks(this.#name, this)) throw new Error('the replica has connected anew');
    else {
      this.#table!.take(message);
      if (message.type === 'replayed') reports.replayed();
    }
  }

  #introduce(message: ReportMessage): void {
    if (message.type !== 'replica') throw new Error('the first message is not replica');
    this.#table = this.#options.reports.open(message.name, this);
    if (this.#table === undefined) throw new Error('too many replicas');
    this.#name = message.name;
    this.#options.log.info({ replica: message.name }, 'a replica reports');
  }

  #finish(): void {
    this.#cancelSilence();
    this.#cancelAge();
    if (this.#name !== undefined) this.#options.reports.close(this.#name, this);
    if (this.#options.stream.writable) this.#options.stream.end();
  }
}
