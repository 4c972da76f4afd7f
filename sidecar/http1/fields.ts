import { bad } from './syntax-error.ts';

// RFC 9110 5.6.2 token, 5.5 field-value: no control characters but HTAB. Bytes are read as latin1.
const NAME = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/;
// biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what is refused
const FORBIDDEN_IN_VALUE = /[\x00-\x08\x0a-\x1f\x7f]/;
const MAX_FIELDS = 512;

/** Header or trailer fields in the order they came, names as they were written. */
export class Fields {
  readonly names: string[] = [];
  /** the same names in lower case */
  readonly keys: string[] = [];
  readonly values: string[] = [];

  get size(): number {
    return this.names.length;
  }

  add(name: string, value: string): void {
    this.names.push(name);
    this.keys.push(name.toLowerCase());
    this.values.push(value);
  }

  /** The first value under this lower-case name. */
  get(key: string): string | undefined {
    const index = this.keys.indexOf(key);
    return index === -1 ? undefined : this.values[index];
  }

  getAll(key: string): string[] {
    return this.values.filter((_value, index) => this.keys[index] === key);
  }

  removeWhere(matches: (key: string) => boolean): void {
    let kept = 0;
    for (let index = 0; index < this.names.length; index += 1) {
      if (matches(this.keys[index]!)) continue;
      this.names[kept] = this.names[index]!;
      this.keys[kept] = this.keys[index]!;
      this.values[kept] = this.values[index]!;
      kept += 1;
    }
    this.names.length = this.keys.length = this.values.length = kept;
  }

  serialize(): string {
    let text = '';
    for (let index = 0; index < this.names.length; index += 1) {
      text += `${this.names[index]}: ${this.values[index]}\r\n`;
    }
    return text;
  }
}

/**
 * Field lines of RFC 9112 section 5, separated by CRLF. Refuses whitespace before the colon (5.1), obsolete
 * line folding (5.2), control characters and bare CR (2.2).
 */
export function parseFields(text: string, from: number): Fields {
  const fields = new Fields();
  let at = from;
  while (at < text.length) {
    const end = text.indexOf('\r\n', at);
    const lineEnd = end === -1 ? text.length : end;
    addLine(fields, text.slice(at, lineEnd));
    at = lineEnd + 2;
  }
  return fields;
}

function addLine(fields: Fields, line: string): void {
  if (fields.size >= MAX_FIELDS) bad('RFC 9110 5.4', 'too many fields');
  const first = line.charCodeAt(0);
  if (first === 0x20 || first === 0x09) bad('RFC 9112 5.2', 'obsolete line folding');
  const colon = line.indexOf(':');
  if (colon === -1) bad('RFC 9112 5', 'field line without a colon');
  const name = line.slice(0, colon);
  if (!NAME.test(name)) bad('RFC 9112 5.1', 'field name is not a token');
  const value = trimWhitespace(line, colon + 1);
  if (FORBIDDEN_IN_VALUE.test(value)) bad('RFC 9110 5.5', 'control character in a field value');
  fields.add(name, value);
}

/** Optional whitespace is SP and HTAB only (RFC 9110 5.6.3); `trim()` would take more. */
function trimWhitespace(line: string, from: number): string {
  let start = from;
  let end = line.length;
  while (start < end && isWhitespace(line.charCodeAt(start))) start += 1;
  while (end > start && isWhitespace(line.charCodeAt(end - 1))) end -= 1;
  return line.slice(start, end);
}

function isWhitespace(code: number): boolean {
  return code === 0x20 || code === 0x09;
}

/** Members of a comma-separated list field over all its lines, lower case (RFC 9110 5.6.1). */
export function listMembers(fields: Fields, key: string): string[] {
  const members: string[] = [];
  for (const value of fields.getAll(key)) {
    for (const member of value.split(',')) {
      const trimmed = trimWhitespace(member, 0).toLowerCase();
      if (trimmed !== '') members.push(trimmed);
    }
  }
  return members;
}
