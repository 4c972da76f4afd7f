import type { Operation } from '../../api/proxy-config.ts';
import { PathGlob } from './path-glob.ts';

/** All given fields must match; inside a list any one. Throws on a path pattern that is none. */
export class CompiledOperation {
  readonly methods: ReadonlySet<string> | undefined;
  readonly globs: readonly PathGlob[] | undefined;
  /**
   * On what has no method or path a Deny rule matches as if its fields did, and an Allow rule does not, so
   * that not being parsed as HTTP never gives more.
   */
  readonly unknownMatches: boolean;

  constructor(operation: Operation, isDeny: boolean) {
    this.methods = operation.methods && new Set(operation.methods);
    this.globs = operation.paths?.map((pattern) => new PathGlob(pattern));
    this.unknownMatches = isDeny;
  }

  /** it has no field, so it matches whatever is asked for */
  get isAny(): boolean {
    return this.methods === undefined && this.globs === undefined;
  }

  matchesMethod(method: string | undefined): boolean {
    if (this.methods === undefined) return true;
    return method === undefined ? this.unknownMatches : this.methods.has(method);
  }

  /** `plain` is the path without path parameters. */
  matchesPath(path: string | undefined, plain: string | undefined): boolean {
    if (this.globs === undefined) return true;
    if (path === undefined || plain === undefined) return this.unknownMatches;
    if (path === plain) return this.#isOneOf(path);
    return this.unknownMatches
      ? this.#isOneOf(path) || this.#isOneOf(plain)
      : this.#isOneOf(path) && this.#isOneOf(plain);
  }

  #isOneOf(path: string): boolean {
    return this.globs!.some((glob) => glob.matches(path));
  }
}

/**
 * To servlet containers `/admin;x/users` is `/admin/users` (path parameters, RFC 3986 section 3.3), to others it
 * is not. A Deny rule therefore matches if it matches either, an Allow rule if it matches both.
 */
export function withoutParameters(path: string): string {
  return path.replace(/;[^/]*/g, '').replace(/\/{2,}/g, '/');
}
