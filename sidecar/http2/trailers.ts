import type { Fields } from '../http1/fields.ts';
import { checkField } from './field-rules.ts';
import { HeaderFields } from './header-fields.ts';
import type { HeaderField } from './hpack/header-field.ts';
import type { HeaderName } from './hpack/header-name.ts';

/** Fields that would change framing, routing or the caller's identity do not pass as trailers (RFC 9110 6.5.1). */
const FORBIDDEN =
  /^(?:weft[^0-9a-z]|x-forwarded-|forwarded$|cookie$|proxy-authorization$|content-length$|transfer-encoding$|host$|connection$|keep-alive$|te$|trailer$|upgrade$|expect$|authorization$|content-encoding$|content-type$|content-range$|set-cookie$)/;

/** By id of the name, whether it may be; names are few, and looked at once. */
const MAY_PASS: (boolean | undefined)[] = [];

/** Fields after a body; undefined when there are none. Throws MessageError. */
export function readTrailers(list: readonly HeaderField[], count: number): Fields | undefined {
  const fields = new HeaderFields();
  for (let index = 0; index < count; index += 1) {
    const field = list[index]!;
    checkField(field);
    if (mayPass(field.name)) fields.push(field);
  }
  return fields.size === 0 ? undefined : fields.shape;
}

function mayPass(name: HeaderName): boolean {
  if (name.id === -1) return look(name);
  let known = MAY_PASS[name.id];
  if (known === undefined) known = MAY_PASS[name.id] = look(name);
  return known;
}

function look(name: HeaderName): boolean {
  return !FORBIDDEN.test(name.text.replaceAll('_', '-'));
}
