import { FIELD } from '../http1/field-names.ts';
import type { HeaderField } from './hpack/header-field.ts';
import { PSEUDO } from './hpack/header-name.ts';
import { malformed } from './message-error.ts';

/** What holds for every field that is not a pseudo-header (RFC 9113 8.2). Throws MessageError. */
export function checkField(field: HeaderField): void {
  const { name } = field;
  if (name.pseudo !== PSEUDO.none) malformed('RFC 9113 8.3', 'a pseudo-header where none may be');
  if (!name.isValid) malformed('RFC 9113 8.2.1', 'field name in capitals or not a token');
  if (!field.isValueValid) malformed('RFC 9113 8.2.1', 'field value with characters that are not allowed');
  if (name.isConnectionSpecific) malformed('RFC 9113 8.2.2', 'a field of HTTP/1 connections');
  if (name.isTe && field.value.toLowerCase() !== 'trailers') {
    malformed('RFC 9113 8.2.2', 'TE other than trailers');
  }
  if (name.kind === FIELD.lookalike)
    malformed('RFC 9112 6.1', 'a name that is read as a framing field by some');
}

/** The value of Content-Length, which may come twice if it says the same (RFC 9110 8.6). `before`: -1, or the first one. */
export function contentLength(value: string, before: number): number {
  const length = /^[0-9]{1,15}$/.test(value)
    ? Number(value)
    : malformed('RFC 9110 8.6', 'invalid Content-Length');
  if (before !== -1 && before !== length) malformed('RFC 9110 8.6', 'two different Content-Lengths');
  return length;
}
