import { Accumulator } from '../transport/accumulator.ts';
import { bad, tooLarge } from './syntax-error.ts';

const CR = 0x0d;
const LF = 0x0a;
const SECTION_END = Buffer.from('\r\n\r\n');

/**
 * Finds the end of a header (or trailer) section in bytes that arrive in any pieces. Every line must end in
 * CRLF: a bare LF is refused at once (RFC 9112 2.2 lets a recipient accept it, which is how two parsers come
 * to disagree).
 */
export class HeadScanner {
  #maxBytes: number;
  readonly #allowLeadingBlank: boolean;
  readonly #held = new Accumulator();
  #scanned = 0;
  #lineStart = 0;
  #start = 0;
  /** The section without its last empty line, as latin1; undefined: not complete. */
  text: string | undefined;

  /** `allowLeadingBlank`: one empty line before a request line is skipped (RFC 9112 2.2). */
  constructor(maxBytes: number, allowLeadingBlank: boolean) {
    this.#maxBytes = maxBytes;
    this.#allowLeadingBlank = allowLeadingBlank;
  }

  set maxBytes(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  /** Nothing of a section was seen; a skipped empty line is none. */
  get isEmpty(): boolean {
    return this.#held.length === this.#start;
  }

  reset(): void {
    this.#held.clear();
    this.#scanned = this.#lineStart = this.#start = 0;
    this.text = undefined;
  }

  /** Returns how many bytes of the piece belong to the section. */
  push(piece: Buffer): number {
    const whole = this.#held.length === 0 ? this.#scanWhole(piece) : 0;
    return whole > 0 ? whole : this.#scanPart(piece);
  }

  /**
   * A section that comes in one piece, which is nearly every one: found at once, not copied. Bare LFs in it
   * are for the reader of the lines to refuse. 0: not such a piece.
   */
  #scanWhole(piece: Buffer): number {
    if (piece[0] === CR) return 0;
    const end = piece.indexOf(SECTION_END);
    if (end === -1) return 0;
    if (end > this.#maxBytes) tooLarge('the header section is too large');
    this.text = piece.toString('latin1', 0, end);
    return end + SECTION_END.length;
  }

  #scanPart(piece: Buffer): number {
    const before = this.#held.length;
    const bytes = this.#held.append(piece);
    for (;;) {
      const lf = bytes.indexOf(LF, this.#scanned);
      if ((lf === -1 ? bytes.length : lf) > this.#maxBytes) tooLarge('the header section is too large');
      if (lf === -1) {
        this.#scanned = bytes.length;
        return piece.length;
      }
      if (lf === 0 || bytes[lf - 1] !== CR) bad('RFC 9112 2.2', 'line ends in a bare LF');
      if (this.#endsAt(lf)) {
        this.text = bytes.toString('latin1', this.#start, Math.max(this.#start, this.#lineStart - 2));
        return lf + 1 - before;
      }
      this.#scanned = this.#lineStart = lf + 1;
    }
  }

  #endsAt(lf: number): boolean {
    if (lf - 1 !== this.#lineStart) return false;
    if (!this.#allowLeadingBlank || this.#lineStart > 0) return true;
    this.#start = lf + 1;
    return false;
  }
}
