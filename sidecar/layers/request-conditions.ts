import type { Operation, When } from '../../api/proxy-config.ts';
import { wireText } from '../http1/characters.ts';
import { mayHaveAlikes } from '../http1/field-names.ts';
import { CompiledWhen, type VerifiedTokens } from './jwt-claims.ts';
import type { RequestValues } from './route-match.ts';

/**
 * What a rule asks of a request beyond its method and path: hosts, headers, gRPC, a verified token. All must
 * hold. Where a value can be read in two ways a Deny rule matches if either does, an Allow rule if both do.
 */
export class RequestConditions {
  readonly #isDeny: boolean;
  readonly #values: RequestValues;
  readonly #hosts: HostNames | undefined;
  readonly #hostSlot: number;
  readonly #headers: readonly HeaderCheck[];
  readonly #contentTypeSlot: number;
  readonly #when: CompiledWhen | undefined;

  constructor(operation: Operation, when: When | undefined, isDeny: boolean, values: RequestValues) {
    this.#isDeny = isDeny;
    this.#values = values;
    this.#hosts = operation.hosts && new HostNames(operation.hosts);
    this.#hostSlot = operation.hosts ? values.registerHeader('host') : -1;
    this.#headers = (operation.headers ?? []).map(({ name, value }) => ({
      slot: values.registerHeader(name),
      alikesSlot: mayHaveAlikes(name) ? values.registerAlikes(name) : -1,
      value: wireText(value),
    }));
    this.#contentTypeSlot = needsGrpc(operation, isDeny) ? values.registerHeader('content-type') : -1;
    this.#when = when && new CompiledWhen(when);
  }

  /** `isHttp` false: nothing is known, and not being parsed as HTTP never gives more. */
  matches(isHttp: boolean, method: string | undefined, tokens: VerifiedTokens): boolean {
    if (!isHttp) return this.#isDeny;
    return this.#matchesFields(method) && (this.#when === undefined || this.#when.matches(tokens));
  }

  get asksForToken(): boolean {
    return this.#when !== undefined;
  }

  /** Of a request of HTTP: what of a token is all that is missing; empty: something else is. */
  lackOfToken(method: string | undefined, tokens: VerifiedTokens): string {
    return this.#when !== undefined && this.#matchesFields(method) ? this.#when.lack(tokens) : '';
  }

  #matchesFields(method: string | undefined): boolean {
    if (this.#hosts !== undefined && !this.#isForHost(this.#hosts)) return false;
    for (let i = 0; i < this.#headers.length; i += 1) if (!this.#has(this.#headers[i]!)) return false;
    return this.#contentTypeSlot === -1 || this.#isGrpc(method);
  }

  /** An HTTP/1.0 request may name no host; the app then takes it for one of its own choice. */
  #isForHost(hosts: HostNames): boolean {
    const host = this.#values.header(this.#hostSlot);
    return host === undefined || host === '' ? this.#isDeny : hosts.has(host);
  }

  /**
   * Several lines are one list (RFC 9110 5.3): Allow wants the list to be the value, Deny a member of it. To apps behind
   * gateways `x_role` is `x-role` (RFC 3875 4.1.18): Deny looks at both, Allow wants no such second field.
   */
  #has({ slot, alikesSlot, value }: HeaderCheck): boolean {
    const sent = this.#values.header(slot);
    const alikes = alikesSlot === -1 ? undefined : this.#values.header(alikesSlot);
    if (!this.#isDeny) return sent === value && alikes === undefined;
    return holdsMember(sent, value) || holdsMember(alikes, value);
  }

  #isGrpc(method: string | undefined): boolean {
    const type = this.#values.header(this.#contentTypeSlot);
    return method === 'POST' && type !== undefined && GRPC.test(type);
  }
}

/** Undefined: the operation asks for nothing that is not method or path. */
export function compileConditions(
  operation: Operation,
  when: When | undefined,
  isDeny: boolean,
  values: RequestValues,
): RequestConditions | undefined {
  const { hosts, headers } = operation;
  if ((hosts ?? headers ?? when) === undefined && !needsGrpc(operation, isDeny)) return undefined;
  return new RequestConditions(operation, when, isDeny, values);
}

/**
 * A Deny rule looks at the path alone: servers that speak more than gRPC take the same call as JSON or with
 * another method, and content type and method are the caller's to choose.
 */
function needsGrpc({ grpc }: Operation, isDeny: boolean): boolean {
  return grpc !== undefined && !isDeny;
}

/** One media type, grpc-web and `+proto` included; no second line. */
const GRPC = /^application\/grpc(?:$|[+;-])[^,]*$/i;

interface HeaderCheck {
  readonly slot: number;
  /** of names that are read like it; -1: there are none */
  readonly alikesSlot: number;
  readonly value: string;
}

const COMMA = 0x2c;
const SPACE = 0x20;
const TAB = 0x09;

function holdsMember(sent: string | undefined, value: string): boolean {
  return sent !== undefined && (sent === value || hasMember(sent, value));
}

/** Whether `value` is what stands between two commas, or between the first and the last of some. */
export function hasMember(list: string, value: string): boolean {
  let at = 0;
  while (at !== -1) {
    const start = skipSpace(list, at);
    if (list.startsWith(value, start)) {
      const end = skipSpace(list, start + value.length);
      if (end === list.length || list.charCodeAt(end) === COMMA) return true;
    }
    const comma = list.indexOf(',', at);
    at = comma === -1 ? -1 : comma + 1;
  }
  return false;
}

function skipSpace(text: string, from: number): number {
  let at = from;
  while (text.charCodeAt(at) === SPACE || text.charCodeAt(at) === TAB) at += 1;
  return at;
}

/** Host names in normal form; `*.` in front stands for one or more labels. */
class HostNames {
  readonly #exact = new Set<string>();
  /** with the dot they begin with */
  readonly #suffixes: string[] = [];

  constructor(hosts: readonly string[]) {
    for (const host of hosts) {
      if (host.startsWith('*.')) this.#suffixes.push(host.slice(1));
      else this.#exact.add(host);
    }
  }

  /** `host` as the codec has it: lower case, perhaps with a port. */
  has(host: string): boolean {
    const name = withoutPort(host);
    if (this.#exact.has(name)) return true;
    for (let i = 0; i < this.#suffixes.length; i += 1) {
      const suffix = this.#suffixes[i]!;
      if (name.length > suffix.length && name.endsWith(suffix)) return true;
    }
    return false;
  }
}

function withoutPort(host: string): string {
  const colon = host.lastIndexOf(':');
  return colon === -1 || host.endsWith(']') ? host : host.slice(0, colon);
}
