import type { Operation } from '../../api/proxy-config.ts';
import { PathGlob } from './path-glob.ts';
import type { RequestConditions } from './request-conditions.ts';

/** All given fields must match; inside a list any one. Throws on a path pattern that is none. */
export class CompiledOperation {
  readonly methods: ReadonlySet<string> | undefined;
  /** by which an index may find it: the paths of the gRPC methods, else those given */
  readonly globs: readonly PathGlob[] | undefined;
  /** besides `globs`, of an operation that has both */
  readonly furtherGlobs: readonly PathGlob[] | undefined;
  readonly conditions: RequestConditions | undefined;
  /**
   * On what has no method or path a Deny rule matches as if its fields did, and an Allow rule does not, so
   * that not being parsed as HTTP never gives more.
   */
  readonly unknownMatches: boolean;

  constructor(operation: Operation, isDeny: boolean, conditions: RequestConditions | undefined) {
    this.methods = operation.methods && new Set(operation.methods);
    const given = operation.paths?.map((pattern) => new PathGlob(pattern));
    const ofGrpc = operation.grpc && grpcPaths(operation.grpc).map((pattern) => new PathGlob(pattern));
    this.globs = ofGrpc ?? given;
    this.furtherGlobs = ofGrpc && given;
    this.conditions = conditions;
    this.unknownMatches = isDeny;
  }

  /** it has no field, so it matches whatever is asked for */
  get isAny(): boolean {
    return this.methods === undefined && this.globs === undefined && this.conditions === undefined;
  }

  matchesMethod(method: string | undefined): boolean {
    if (this.methods === undefined) return true;
    if (method === undefined) return this.unknownMatches;
    if (this.methods.has(method)) return true;
    // to some servers `delete` is DELETE, to others nothing: a Deny rule means both readings
    return this.unknownMatches && hasSmallLetter(method) && this.methods.has(method.toUpperCase());
  }

  /** `plain` is the path without path parameters. */
  matchesPath(path: string | undefined, plain: string | undefined): boolean {
    if (this.globs === undefined) return true;
    if (path === undefined || plain === undefined) return this.unknownMatches;
    if (path === plain) return this.#isMeant(path);
    return this.unknownMatches
      ? this.#isMeant(path) || this.#isMeant(plain)
      : this.#isMeant(path) && this.#isMeant(plain);
  }

  #isMeant(path: string): boolean {
    return (
      isOneOf(this.globs!, path) && (this.furtherGlobs === undefined || isOneOf(this.furtherGlobs, path))
    );
  }
}

function hasSmallLetter(method: string): boolean {
  for (let at = 0; at < method.length; at += 1) if (method.charCodeAt(at) >= 0x61) return true;
  return false;
}

export function isOneOf(globs: readonly PathGlob[], path: string): boolean {
  for (let i = 0; i < globs.length; i += 1) if (globs[i]!.matches(path)) return true;
  return false;
}

/** gRPC over HTTP: the path is `/` service `/` method. */
function grpcPaths({ service, methods }: NonNullable<Operation['grpc']>): string[] {
  return methods === undefined ? [`/${service}/*`] : methods.map((method) => `/${service}/${method}`);
}

/**
 * To servlet containers `/admin;x/users` is `/admin/users` (path parameters, RFC 3986 section 3.3), to others it
 * is not. A Deny rule therefore matches if it matches either, an Allow rule if it matches both.
 */
export function withoutParameters(path: string): string {
  return path.replace(/;[^/]*/g, '').replace(/\/{2,}/g, '/');
}
