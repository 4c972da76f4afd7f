import type { DestinationRoute, PathRewrite } from '../../api/destination-traffic.ts';
import { wirePath } from '../http1/normal-form.ts';
import type { RequestHead } from '../http1/request-head.ts';

export type Rewrite = (head: RequestHead) => void;

/**
 * Changes path and host on the way; the query stays. A request without a path (CONNECT, `OPTIONS *`) keeps its
 * target.
 */
export function compileRewrite(
  rewrite: NonNullable<DestinationRoute['rewrite']>,
  prefixes: readonly string[],
): Rewrite {
  const newPath = rewrite.path && compilePathRewrite(rewrite.path, prefixes);
  const { host } = rewrite;
  return (head) => {
    if (host !== undefined && head.method !== 'CONNECT') head.host = host;
    if (newPath === undefined || head.path === undefined) return;
    const mark = head.target.indexOf('?');
    head.path = newPath(head.path);
    head.target = mark === -1 ? head.path : head.path + head.target.slice(mark);
  };
}

/**
 * ReplacePrefixMatch replaces whole segments of the longest matched prefix, as Gateway API's HTTPPathModifier
 * does: with prefix /v2, /v2/a becomes /a by "/", and /x/a by "/x".
 * Source: https://gateway-api.sigs.k8s.io/reference/spec/#httppathmodifier
 */
export function compilePathRewrite(
  rewrite: PathRewrite,
  prefixes: readonly string[],
): (path: string) => string {
  const value = wirePath(rewrite.value);
  if (rewrite.type === 'ReplaceFullPath') return () => value;
  const replacement = withoutSlash(value);
  const bySize = prefixes.map(withoutSlash).sort((a, b) => b.length - a.length);
  return (path) => {
    const prefix = bySize.find((each) => path.startsWith(each) && isSegmentEnd(path, each.length));
    if (prefix === undefined) return path;
    const rewritten = replacement + path.slice(prefix.length);
    return rewritten === '' ? '/' : rewritten;
  };
}

function withoutSlash(path: string): string {
  return path.replace(/\/$/, '');
}
function isSegmentEnd(path: string, at: number): boolean {
  return at === path.length || path[at] === '/';
}
