import { COLON, CR, FIELD_VALUE, HTAB, LF, SP, TOKEN } from './characters.ts';
import { equalsAt, FIELD, FIELD_COUNT, fieldAt, isAlikeAt } from './field-names.ts';
import { bad } from './syntax-error.ts';

const MAX_FIELDS = 512;
/** Of forty lines: more than most messages have. */
const MAX_KEPT_MARKS = 200;

/** Numbers kept of each line: where it begins, its name ends, its value begins and ends, and what it is. */
const START = 0;
const NAME_END = 1;
const VALUE_START = 2;
const VALUE_END = 3;
const KIND = 4;
const STRIDE = 5;

const NONE: readonly string[] = [];

/** Kinds besides those of FIELD. */
const REMOVED = -1;
/** `Name: value` exactly: goes out as it came, in one piece with its neighbours */
const REWRITE = 16;

/** What layers use of a message's header or trailer fields, whichever protocol it came over. */
export type Fields = Pick<FieldLines, keyof FieldLines>;

/**
 * Fields of HTTP/1 in the order they came, names as they were written. They stay in the text they were
 * read from; only what somebody asks for becomes a string of its own. One object is used for one message after
 * another.
 */
export class FieldLines {
  #text = '';
  readonly #marks: number[] = [];
  #lines = 0;
  /** first line of each known field and how many there are */
  readonly #first = new Int32Array(FIELD_COUNT);
  readonly #count = new Int32Array(FIELD_COUNT);
  #removed = 0;
  /** lines that did not come with the message, serialized */
  #added = '';

  get size(): number {
    let added = 0;
    for (let at = this.#added.indexOf('\n'); at !== -1; at = this.#added.indexOf('\n', at + 1)) added += 1;
    return this.#lines - this.#removed + added;
  }

  /** The message is over: an idle connection keeps nothing of it. */
  forget(): void {
    this.#text = this.#added = '';
    this.#lines = this.#removed = 0;
    if (this.#marks.length > MAX_KEPT_MARKS) this.#marks.length = 0;
  }

  clear(): void {
    this.#text = this.#added = '';
    this.#lines = this.#removed = 0;
    this.#first.fill(-1);
    this.#count.fill(0);
  }

  /**
   * Reads field lines of RFC 9112 section 5, each ended by CRLF or by the end of the text. Refuses whitespace
   * before the colon (5.1), obsolete line folding (5.2), control characters and bare CR or LF (2.2).
   */
  read(text: string, from: number): void {
    this.clear();
    this.#text = text;
    let at = from;
    while (at < text.length) at = this.#readLine(text, at);
  }

  /** Returns where the next line begins. */
  #readLine(text: string, start: number): number {
    if (this.#lines >= MAX_FIELDS) bad('RFC 9110 5.4', 'too many fields');
    const nameEnd = tokenEnd(text, start);
    if (nameEnd === start || text.charCodeAt(nameEnd) !== COLON) refuseName(text, start);
    let valueStart = nameEnd + 1;
    while (isWhitespace(text.charCodeAt(valueStart))) valueStart += 1;
    const end = valueRunEnd(text, valueStart);
    if (end < text.length && (text.charCodeAt(end) !== CR || text.charCodeAt(end + 1) !== LF)) {
      bad('RFC 9110 5.5', 'control character in a field value');
    }
    let valueEnd = end;
    while (valueEnd > valueStart && isWhitespace(text.charCodeAt(valueEnd - 1))) valueEnd -= 1;
    const isCanonical = valueEnd === end && valueStart === nameEnd + 2 && text.charCodeAt(nameEnd + 1) === SP;
    this.#mark(start, nameEnd, valueStart, valueEnd, isCanonical);
    return end + 2;
  }

  #mark(start: number, nameEnd: number, valueStart: number, valueEnd: number, isCanonical: boolean): void {
    const kind = fieldAt(this.#text, start, nameEnd);
    const base = this.#lines * STRIDE;
    const marks = this.#marks;
    marks[base + START] = start;
    marks[base + NAME_END] = nameEnd;
    marks[base + VALUE_START] = valueStart;
    marks[base + VALUE_END] = valueEnd;
    marks[base + KIND] = isCanonical ? kind : kind | REWRITE;
    if (this.#count[kind] === 0) this.#first[kind] = this.#lines;
    this.#count[kind]! += 1;
    this.#lines += 1;
  }

  // === known fields, by their number ===

  /** How many lines of this field came. */
  count(field: number): number {
    return this.#count[field]!;
  }

  /** The first value of a field that came, which is there: `count` says so. */
  first(field: number): string {
    return this.#value(this.#first[field]!);
  }

  /** Takes out every line of these known fields. */
  drop(isDropped: readonly boolean[]): void {
    let left = 0;
    for (let field = 1; field < FIELD_COUNT; field += 1) if (isDropped[field]) left += this.#count[field]!;
    for (let line = 0; left > 0 && line < this.#lines; line += 1) {
      const at = line * STRIDE + KIND;
      const kind = this.#marks[at]!;
      if (kind === REMOVED || !isDropped[kind & ~REWRITE]) continue;
      this.#remove(line);
      left -= 1;
    }
    for (let field = 1; field < FIELD_COUNT; field += 1) if (isDropped[field]) this.#count[field] = 0;
  }

  // === any field, by its lower-case name ===

  get(name: string): string | undefined {
    const line = this.#find(name, 0);
    if (line !== -1) return this.#value(line);
    const added = this.#findAdded(name, 0);
    return added === -1 ? undefined : this.#addedValue(name, added);
  }

  getAll(name: string): string[] {
    const values: string[] = [];
    for (let line = this.#find(name, 0); line !== -1; line = this.#find(name, line + 1)) {
      values.push(this.#value(line));
    }
    for (let at = this.#findAdded(name, 0); at !== -1; at = this.#findAdded(name, at + 1)) {
      values.push(this.#addedValue(name, at));
    }
    return values;
  }

  /** Whether there is more than one line of this lower-case name. */
  isRepeated(name: string): boolean {
    const line = this.#find(name, 0);
    if (line !== -1 && this.#find(name, line + 1) !== -1) return true;
    const added = this.#findAdded(name, 0);
    return added !== -1 && (line !== -1 || this.#findAdded(name, added + 1) !== -1);
  }

  /**
   * Values of the fields that came under another name which gateways to applications do not tell from this one
   * (`mayHaveAlikes`).
   */
  getAlikes(name: string): readonly string[] {
    let values: string[] | undefined;
    for (let line = 0; line < this.#lines; line += 1) {
      const base = line * STRIDE;
      const start = this.#marks[base + START]!;
      if (this.#marks[base + NAME_END]! - start !== name.length || this.#marks[base + KIND] === REMOVED)
        continue;
      if (!isAlikeAt(this.#text, start, name) || equalsAt(this.#text, start, name)) continue;
      values ??= [];
      values.push(this.#value(line));
    }
    return values ?? NONE;
  }

  add(name: string, value: string): void {
    this.#added += `${name}: ${value}\r\n`;
  }

  /** Takes out every line of this lower-case name. */
  remove(name: string): void {
    for (let line = this.#find(name, 0); line !== -1; line = this.#find(name, line + 1)) this.#remove(line);
    if (this.#findAdded(name, 0) !== -1) this.#keepAdded((added) => added !== name);
  }

  /** The same fields, whatever becomes of these. */
  copy(): Fields {
    const copy = new FieldLines();
    copy.#text = this.#text;
    copy.#marks.push(...this.#marks.slice(0, this.#lines * STRIDE));
    copy.#lines = this.#lines;
    copy.#first.set(this.#first);
    copy.#count.set(this.#count);
    copy.#removed = this.#removed;
    copy.#added = this.#added;
    return copy;
  }

  /** For what is rare: makes a string of every name. */
  removeWhere(matches: (name: string) => boolean): void {
    for (let line = 0; line < this.#lines; line += 1) {
      const base = line * STRIDE;
      if (this.#marks[base + KIND] === REMOVED) continue;
      if (matches(this.#nameAt(base).toLowerCase())) this.#remove(line);
    }
    this.#keepAdded((name) => !matches(name));
  }

  #keepAdded(isKept: (lowerCaseName: string) => boolean): void {
    if (this.#added === '') return;
    const lines = this.#added.split(/(?<=\n)/);
    this.#added = lines.filter((line) => isKept(line.slice(0, line.indexOf(':')).toLowerCase())).join('');
  }

  serialize(): string {
    const marks = this.#marks;
    let text = '';
    let runStart = -1;
    for (let line = 0; line < this.#lines; line += 1) {
      const base = line * STRIDE;
      const kind = marks[base + KIND]!;
      if (kind !== REMOVED && (kind & REWRITE) === 0) {
        if (runStart === -1) runStart = marks[base + START]!;
        continue;
      }
      if (runStart !== -1) text += this.#run(runStart, line - 1);
      runStart = -1;
      if (kind !== REMOVED) text += `${this.#nameAt(base)}: ${this.#value(line)}\r\n`;
    }
    if (runStart !== -1) text += this.#run(runStart, this.#lines - 1);
    return text + this.#added;
  }

  /** Lines up to `lastLine` as they came. */
  #run(start: number, lastLine: number): string {
    const end = this.#marks[lastLine * STRIDE + VALUE_END]! + 2;
    const run = this.#text.slice(start, end);
    return end <= this.#text.length ? run : `${run}\r\n`;
  }

  #find(name: string, from: number): number {
    const marks = this.#marks;
    for (let line = from; line < this.#lines; line += 1) {
      const base = line * STRIDE;
      const start = marks[base + START]!;
      if (marks[base + NAME_END]! - start !== name.length || marks[base + KIND] === REMOVED) continue;
      if (equalsAt(this.#text, start, name)) return line;
    }
    return -1;
  }

  #remove(line: number): void {
    this.#marks[line * STRIDE + KIND] = REMOVED;
    this.#removed += 1;
  }

  #nameAt(base: number): string {
    return this.#text.slice(this.#marks[base + START], this.#marks[base + NAME_END]);
  }

  #value(line: number): string {
    const base = line * STRIDE;
    return this.#text.slice(this.#marks[base + VALUE_START], this.#marks[base + VALUE_END]);
  }

  /** Where the next added line of this name begins, at or behind `from`; -1: there is none. */
  #findAdded(name: string, from: number): number {
    const added = this.#added;
    let at = from === 0 ? 0 : added.indexOf('\n', from) + 1;
    for (; at < added.length; at = added.indexOf('\n', at) + 1) {
      if (added.charCodeAt(at + name.length) === COLON && equalsAt(added, at, name)) return at;
    }
    return -1;
  }

  #addedValue(name: string, at: number): string {
    return this.#added.slice(at + name.length + 2, this.#added.indexOf('\r', at));
  }
}

export const MESH_ONLY: readonly boolean[] = Array.from(
  { length: FIELD_COUNT },
  (_, field) => field === FIELD.mesh,
);

function tokenEnd(text: string, from: number): number {
  let at = from;
  while (at < text.length && TOKEN[text.charCodeAt(at)] === 1) at += 1;
  return at;
}

function valueRunEnd(text: string, from: number): number {
  let at = from;
  while (at < text.length && FIELD_VALUE[text.charCodeAt(at)] === 1) at += 1;
  return at;
}

function refuseName(text: string, start: number): never {
  if (isWhitespace(text.charCodeAt(start))) bad('RFC 9112 5.2', 'obsolete line folding');
  const lineEnd = text.indexOf('\r\n', start);
  const line = text.slice(start, lineEnd === -1 ? text.length : lineEnd);
  if (!line.includes(':')) bad('RFC 9112 5', 'field line without a colon');
  return bad('RFC 9112 5.1', 'field name is not a token');
}

/** Optional whitespace is SP and HTAB only (RFC 9110 5.6.3); `trim()` would take more. */
export function trimWhitespace(line: string): string {
  let start = 0;
  let end = line.length;
  while (start < end && isWhitespace(line.charCodeAt(start))) start += 1;
  while (end > start && isWhitespace(line.charCodeAt(end - 1))) end -= 1;
  return line.slice(start, end);
}

function isWhitespace(code: number): boolean {
  return code === SP || code === HTAB;
}

/** Members of a comma-separated list field over all its lines, lower case (RFC 9110 5.6.1). */
export function listMembers(fields: Fields, name: string): string[] {
  const members: string[] = [];
  for (const value of fields.getAll(name)) {
    for (const member of value.split(',')) {
      const trimmed = trimWhitespace(member).toLowerCase();
      if (trimmed !== '') members.push(trimmed);
    }
  }
  return members;
}
