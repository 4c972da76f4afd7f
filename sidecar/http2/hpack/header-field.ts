import { FIELD_VALUE, HTAB, isAll, SP } from '../../http1/characters.ts';
import type { HeaderName } from './header-name.ts';

/** RFC 7541 4.1: what an entry of a table costs besides its text. */
export const ENTRY_OVERHEAD_BYTES = 32;

/** A field as it came or will go. One that is in a table is the same object for every message it is in. */
export class HeaderField {
  readonly name: HeaderName;
  /** bytes as latin1 */
  readonly value: string;
  /** whoever sent it keeps it in its table */
  readonly isIndexed: boolean;
  /** marked as secret on the way here (RFC 7541 6.2.3) */
  readonly isNeverIndexed: boolean;
  /** no control characters, no whitespace around it (RFC 9113 8.2.1) */
  readonly isValueValid: boolean;
  readonly bytes: number;

  constructor(name: HeaderName, value: string, isIndexed: boolean, isNeverIndexed: boolean) {
    this.name = name;
    this.value = value;
    this.isIndexed = isIndexed;
    this.isNeverIndexed = isNeverIndexed;
    this.isValueValid = isFieldValue(value);
    this.bytes = name.text.length + value.length + ENTRY_OVERHEAD_BYTES;
  }
}

function isFieldValue(value: string): boolean {
  if (value.length === 0) return true;
  return (
    !isSpace(value.charCodeAt(0)) && !isSpace(value.charCodeAt(value.length - 1)) && isAll(FIELD_VALUE, value)
  );
}

function isSpace(code: number): boolean {
  return code === SP || code === HTAB;
}
