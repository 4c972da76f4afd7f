import { Accumulator } from '../../transport/accumulator.ts';
import { broken, H2_ERROR } from '../error-codes.ts';

/** Few senders ever need one. */
const MAX_CONTINUATIONS = 64;

/** A header block that comes in several frames, within bounds of bytes and frames (CVE-2024-27316 and its kin). */
export class HeaderBlock {
  #maxBytes: number;
  readonly #bytes = new Accumulator();
  #frames = 0;
  /** the stream whose CONTINUATION must come next; 0: none */
  streamId = 0;
  endsStream = false;
  dependsOn = -1;

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  set maxBytes(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  begin(streamId: number, endsStream: boolean, dependsOn: number): void {
    this.streamId = streamId;
    this.endsStream = endsStream;
    this.dependsOn = dependsOn;
    this.#frames = 0;
  }

  append(bytes: Buffer, start: number, end: number): void {
    this.#frames += 1;
    if (this.#bytes.length + end - start > this.#maxBytes || this.#frames > MAX_CONTINUATIONS) {
      broken(H2_ERROR.enhanceYourCalm, 'RFC 9113 10.5.1', 'header block too large');
    }
    if (end > start) this.#bytes.append(bytes.subarray(start, end));
  }

  /** The whole block, which this object forgets. */
  take(): Buffer {
    const bytes = this.#bytes.view();
    this.#bytes.clear();
    this.streamId = 0;
    return bytes;
  }
}
