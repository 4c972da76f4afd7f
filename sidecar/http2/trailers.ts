import { FORBIDDEN_TRAILER } from '../http1/body-reader.ts';
import type { Fields } from '../http1/fields.ts';
import { checkField } from './field-rules.ts';
import { HeaderFields } from './header-fields.ts';
import type { HeaderField } from './hpack/header-field.ts';
import type { HeaderName } from './hpack/header-name.ts';

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
  name.mayTrail ??= !FORBIDDEN_TRAILER.test(name.text.replaceAll('_', '-'));
  return name.mayTrail;
}
