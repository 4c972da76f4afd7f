import { FORBIDDEN_TRAILER } from '../http1/body-reader.ts';
import type { Fields } from '../http1/fields.ts';
import { checkField } from './field-rules.ts';
import { HeaderFields } from './header-fields.ts';
import type { HeaderField } from './hpack/header-field.ts';
import type { HeaderName } from './hpack/header-name.ts';

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
  return fields.size === 0 ? undefined : fields;
}

function mayPass(name: HeaderName): boolean {
  if (name.id === -1) return look(name);
  let known = MAY_PASS[name.id];
  if (known === undefined) known = MAY_PASS[name.id] = look(name);
  return known;
}

function look(name: HeaderName): boolean {
  return !FORBIDDEN_TRAILER.test(name.text.replaceAll('_', '-'));
}
