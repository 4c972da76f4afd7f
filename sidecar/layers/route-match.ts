import type { RouteMatch, ValueMatch } from '../../api/destination-traffic.ts';
import type { Expression, Expressions } from './expression.ts';
import { QueryParameters } from './query-parameters.ts';

/** V8 keeps larger numbers on the heap. */
const MAX_SMALL_INTEGER = 2 ** 30 - 1;

/** What routes look at. */
export interface RouteRequest {
  readonly method: string;
  /** in normal form, without query; undefined for CONNECT and `OPTIONS *`, which have none */
  readonly path: string | undefined;
  /** raw, what follows the `?`; empty when there is none */
  readonly query: string;
  /** by its name in lower case; undefined when there is no such field */
  header(lowerCaseName: string): string | undefined;
  /** of fields under names that applications behind gateways do not tell from this one; absent: none are known */
  alikes?(lowerCaseName: string): string | undefined;
}

/**
 * Headers and query parameters of the request at hand, for all matches of one table: each is read at most
 * once, and only when some match gets as far as asking for it, however many ask.
 */
export class RequestValues {
  readonly #headerSlots = new Map<string, number>();
  readonly #headerNames: string[] = [];
  readonly #headerValues: (string | undefined)[] = [];
  /** what is read is what came under names like it */
  readonly #isOfAlikes: boolean[] = [];
  /** number of the request whose value it is */
  readonly #headerReadFor: number[] = [];
  readonly #query = new QueryParameters();
  #queryReadFor = -1;
  #request: RouteRequest | undefined;
  #requestNumber = 0;

  registerHeader(name: string): number {
    return this.#register(name, name, false);
  }

  registerAlikes(name: string): number {
    return this.#register(`${name}:`, name, true);
  }

  #register(key: string, name: string, isOfAlikes: boolean): number {
    const known = this.#headerSlots.get(key);
    if (known !== undefined) return known;
    this.#headerSlots.set(key, this.#headerNames.length);
    this.#isOfAlikes.push(isOfAlikes);
    this.#headerReadFor.push(-1);
    this.#headerValues.push(undefined);
    return this.#headerNames.push(name) - 1;
  }

  registerParameter(name: string): number {
    return this.#query.register(name);
  }

  begin(request: RouteRequest): void {
    this.#request = request;
    this.#requestNumber += 1;
    if (this.#requestNumber === MAX_SMALL_INTEGER) this.#forgetAll();
  }

  /** Lets go of the request, which is pooled. */
  end(): void {
    this.#request = undefined;
  }

  #forgetAll(): void {
    this.#requestNumber = 0;
    this.#headerReadFor.fill(-1);
    this.#queryReadFor = -1;
  }

  path(): string | undefined {
    return this.#request?.path;
  }

  header(slot: number): string | undefined {
    if (this.#headerReadFor[slot] !== this.#requestNumber) {
      this.#headerReadFor[slot] = this.#requestNumber;
      this.#headerValues[slot] = this.#read(slot);
    }
    return this.#headerValues[slot];
  }

  #read(slot: number): string | undefined {
    const name = this.#headerNames[slot]!;
    return this.#isOfAlikes[slot] ? this.#request?.alikes?.(name) : this.#request?.header(name);
  }

  parameter(slot: number): string | undefined {
    if (this.#queryReadFor !== this.#requestNumber) {
      this.#queryReadFor = this.#requestNumber;
      this.#query.read(this.#request?.query ?? '');
    }
    return this.#query.value(slot);
  }
}

interface ValueCheck {
  readonly slot: number;
  readonly type: ValueMatch['type'];
  /** type Exact only */
  readonly expected: string;
  /** type RegularExpression only */
  readonly expression: Expression | undefined;
}

/** Everything of a match but a path that the index has seen to. */
export class CompiledMatch {
  readonly #methods: ReadonlySet<string> | undefined;
  readonly #headers: readonly ValueCheck[];
  readonly #parameters: readonly ValueCheck[];
  readonly #path: Expression | undefined;
  readonly #values: RequestValues;

  constructor(match: RouteMatch, values: RequestValues, expressions: Expressions) {
    this.#methods = match.methods && new Set(match.methods);
    this.#headers = (match.headers ?? [])
      .map((check) => compile(check, values.registerHeader(check.name), expressions))
      .sort(expressionsLast);
    this.#parameters = (match.queryParams ?? [])
      .map((check) => compile(check, values.registerParameter(check.name), expressions))
      .sort(expressionsLast);
    const { path } = match;
    this.#path = path?.type === 'RegularExpression' ? expressions.get(path.value) : undefined;
    this.#values = values;
  }

  matches(method: string): boolean {
    if (this.#methods !== undefined && !this.#methods.has(method)) return false;
    const headers = this.#headers;
    for (let i = 0; i < headers.length; i += 1) {
      if (!holds(headers[i]!, this.#values.header(headers[i]!.slot))) return false;
    }
    const parameters = this.#parameters;
    for (let i = 0; i < parameters.length; i += 1) {
      if (!holds(parameters[i]!, this.#values.parameter(parameters[i]!.slot))) return false;
    }
    return this.#path === undefined || takes(this.#path, this.#values.path());
  }
}

function compile({ type, value = '' }: ValueMatch, slot: number, expressions: Expressions): ValueCheck {
  const expression = type === 'RegularExpression' ? expressions.get(value) : undefined;
  return { slot, type, expected: value, expression };
}

/** They cost the most. */
function expressionsLast(a: ValueCheck, b: ValueCheck): number {
  return Number(a.expression !== undefined) - Number(b.expression !== undefined);
}

function holds(check: ValueCheck, value: string | undefined): boolean {
  if (check.type === 'Exact') return value === check.expected;
  if (check.expression !== undefined) return takes(check.expression, value);
  return (value !== undefined) === (check.type === 'Present');
}

function takes(expression: Expression, value: string | undefined): boolean {
  return value !== undefined && expression.matches(value);
}
