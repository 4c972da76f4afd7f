import { isAlikeAt } from '../http1/field-names.ts';
import { type Fields, trimWhitespace } from '../http1/fields.ts';
import { HeaderField } from './hpack/header-field.ts';
import { headerName } from './hpack/header-names.ts';

/**
 * Header or trailer fields of HTTP/2 : entries of the decoder's table as they are,
 * so that of a field that comes again nothing is made anew. Names are lower case. Cookies that came in several fields
 * are read as one (RFC 9113 8.2.3), and go out in HTTP/2 as they came.
 */
export class HeaderFields implements Fields {
  #list: HeaderField[] = [];
  /** so many, the first ones, came with the message; the others were added here */
  #came = 0;

  /** The fields of `fields`, which may be of HTTP/1. */
  static of(fields: Fields): HeaderFields {
    if (fields instanceof HeaderFields) return fields;
    const own = new HeaderFields();
    own.read(fields.serialize(), 0);
    return own;
  }

  get list(): readonly HeaderField[] {
    return this.#list;
  }
  get size(): number {
    return this.#list.length;
  }
  /** One that came; before any is added. */
  push(field: HeaderField): void {
    this.#list.push(field);
    this.#came += 1;
  }

  forget(): void {
    this.clear();
  }
  clear(): void {
    this.#list = [];
    this.#came = 0;
  }

  /** Lines of HTTP/1, as our own serializer writes them. */
  read(text: string, from: number): void {
    this.clear();
    let at = from;
    while (at < text.length) {
      const found = text.indexOf('\r\n', at);
      const end = found === -1 ? text.length : found;
      const colon = text.indexOf(':', at);
      if (colon !== -1 && colon < end)
        this.push(fieldOf(text.slice(at, colon), trimWhitespace(text.slice(colon + 1, end))));
      at = end + 2;
    }
  }

  // === known fields that came, by their number ===

  count(field: number): number {
    let count = 0;
    for (let index = 0; index < this.#came; index += 1)
      if (this.#list[index]!.name.kind === field) count += 1;
    return count;
  }
  first(field: number): string {
    for (let index = 0; index < this.#came; index += 1) {
      if (this.#list[index]!.name.kind === field) return this.#list[index]!.value;
    }
    return '';
  }
  drop(isDropped: readonly boolean[]): void {
    for (let index = 0; index < this.#came; index += 1) {
      if (isDropped[this.#list[index]!.name.kind])
        return void this.#keep((field, came) => !came || !isDropped[field.name.kind]);
    }
  }

  // === any field, by its lower-case name ===

  get(name: string): string | undefined {
    if (name === 'cookie') return this.#cookies();
    for (let index = 0; index < this.#list.length; index += 1) {
      if (this.#list[index]!.name.text === name) return this.#list[index]!.value;
    }
    return undefined;
  }
  getAll(name: string): string[] {
    if (name === 'cookie') {
      const cookies = this.#cookies();
      return cookies === undefined ? [] : [cookies];
    }
    return this.#valuesOf(name);
  }
  #valuesOf(name: string): string[] {
    return this.#list.filter((field) => field.name.text === name).map(({ value }) => value);
  }
  isRepeated(name: string): boolean {
    return this.getAll(name).length > 1;
  }
  getAlikes(name: string): readonly string[] {
    const isAlike = ({ text }: HeaderField['name']) =>
      text.length === name.length && text !== name && isAlikeAt(text, 0, name);
    return this.#list.slice(0, this.#came).flatMap((field) => (isAlike(field.name) ? [field.value] : []));
  }
  #cookies(): string | undefined {
    const crumbs = this.#valuesOf('cookie');
    return crumbs.length === 0 ? undefined : crumbs.join('; ');
  }
  add(name: string, value: string): void {
    this.#list.push(fieldOf(name, value));
  }
  remove(name: string): void {
    for (let index = 0; index < this.#list.length; index += 1) {
      if (this.#list[index]!.name.text === name) return void this.removeWhere((other) => other === name);
    }
  }
  removeWhere(matches: (name: string) => boolean): void {
    this.#keep((field) => !matches(field.name.text));
  }
  #keep(isKept: (field: HeaderField, came: boolean) => boolean): void {
    let kept = 0;
    let keptCame = 0;
    for (let index = 0; index < this.#list.length; index += 1) {
      const field = this.#list[index]!;
      const came = index < this.#came;
      if (!isKept(field, came)) continue;
      this.#list[kept++] = field;
      if (came) keptCame += 1;
    }
    this.#list.length = kept;
    this.#came = keptCame;
  }

  copy(): HeaderFields {
    const copy = new HeaderFields();
    copy.#list = [...this.#list];
    copy.#came = this.#came;
    return copy;
  }

  /** As lines of HTTP/1. */
  serialize(): string {
    let text = '';
    let hasCookies = false;
    for (const { name, value } of this.#list) {
      if (name.isCookie) {
        if (!hasCookies) text += `cookie: ${this.#cookies()}\r\n`;
        hasCookies = true;
      } else text += `${name.text}: ${value}\r\n`;
    }
    return text;
  }
}

function fieldOf(name: string, value: string): HeaderField {
  return new HeaderField(headerName(name.toLowerCase()), value, false, false);
}
