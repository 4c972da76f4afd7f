import { FIELD } from '../http1/field-names.ts';
import { CHUNKED, type Framing, NO_BODY } from '../http1/framing.ts';
import { opensTunnel, ResponseHead } from '../http1/response-head.ts';
import { checkField, contentLength } from './field-rules.ts';
import { HeaderFields } from './header-fields.ts';
import type { HeaderField } from './hpack/header-field.ts';
import { PSEUDO } from './hpack/header-name.ts';
import { malformed } from './message-error.ts';

/**
 * A response in the form the layers know from HTTP/1, without framing fields. `method` is the request's; `upgrade` is
 * its protocol, whose 2xx (RFC 8441 5) becomes the 101 it stands for. Throws MessageError.
 */
export function readResponse(
  list: readonly HeaderField[],
  count: number,
  endsStream: boolean,
  method: string,
  upgrade: string | undefined,
): ResponseHead {
  const status = readStatus(list, count);
  const fields = new HeaderFields();
  let length = -1;
  for (let index = 1; index < count; index += 1) {
    const field = list[index]!;
    checkField(field);
    if (field.name.kind === FIELD.contentLength) length = contentLength(field.value, length);
    else fields.push(field);
  }
  if (upgrade !== undefined && status >= 200 && status < 300) {
    return new ResponseHead(101, 'Switching Protocols', fields, NO_BODY, { upgrade });
  }
  const hasNoBody =
    method === 'HEAD' || status < 200 || status === 204 || status === 304 || opensTunnel(status, method);
  if (!hasNoBody && endsStream && length > 0)
    malformed('RFC 9113 8.1.1', 'Content-Length of a body that does not come');
  const framing = hasNoBody ? NO_BODY : framingOf(length, endsStream);
  const describes = hasNoBody && status >= 200 && status !== 204;
  return new ResponseHead(status, '', fields, framing, describes ? { describedLength: length } : NOTHING);
}

const NOTHING = {};
/** A response that ended with its head and said nothing of a length; HTTP/1 must say so, HTTP/2 need not. */
export const ENDED: Framing = { type: 'length', length: 0 };

function framingOf(length: number, endsStream: boolean): Framing {
  if (length !== -1) return { type: 'length', length };
  return endsStream ? ENDED : CHUNKED;
}

function readStatus(list: readonly HeaderField[], count: number): number {
  const field = count > 0 ? list[0]! : undefined;
  if (field?.name.pseudo !== PSEUDO.status) return malformed('RFC 9113 8.3.2', 'no :status');
  const status = /^[1-5][0-9]{2}$/.test(field.value) ? Number(field.value) : 0;
  if (status === 0) malformed('RFC 9113 8.3.2', ':status is not a status');
  if (status === 101) malformed('RFC 9113 8.6', 'there is no 101 in HTTP/2');
  return status;
}
