import type { RouteMatch } from '../../../api/destination-traffic.ts';

type Rank = readonly [kind: number, length: number, method: number, headers: number, queryParams: number];

const EXACT = 3;
const PREFIX = 2;
const EXPRESSION = 1;
const EVERY_PATH = 0;

/**
 * Which of two matches is asked first, over all routes of a destination: an Exact path; the longest PathPrefix; the
 * longest RegularExpression; a match of every path. Then one with methods; the most headers; the most query
 * parameters. 0: the order of the list decides. Where expressions stand is left to implementations; before what
 * takes every path, because after it they would never be reached.
 * Source: https://gateway-api.sigs.k8s.io/reference/spec/#httprouterule (matches)
 */
export function compareMatches(a: RouteMatch, b: RouteMatch): number {
  const ranks = rankOf(b);
  return rankOf(a).reduce((order, rank, index) => order || ranks[index]! - rank, 0);
}

function rankOf({ path, methods, headers, queryParams }: RouteMatch): Rank {
  return [...pathRank(path), methods === undefined ? 0 : 1, headers?.length ?? 0, queryParams?.length ?? 0];
}

function pathRank(path: RouteMatch['path']): readonly [kind: number, length: number] {
  if (path === undefined) return [EVERY_PATH, 0];
  if (path.type === 'Exact') return [EXACT, 0];
  if (path.type === 'RegularExpression') return [EXPRESSION, path.value.length];
  // `/a/` and `/a` are one prefix: "trailing slash is ignored" (HTTPPathMatch).
  const { length } = path.value.replace(/\/$/, '');
  return length === 0 ? [EVERY_PATH, 0] : [PREFIX, length];
}
