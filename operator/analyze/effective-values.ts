import type { EffectiveValue } from '../../api/analysis.ts';
import type { CompiledOrigin } from '../compile/compiled-origin.ts';

/** Compiled values as people are told them: each route by itself, without the keys that nobody fetched here. */
export function effectiveValues(origins: readonly CompiledOrigin[]): EffectiveValue[] {
  return origins.flatMap(eachRoute).map(({ path, port, origin, value, lost }) => ({
    path,
    ...(port !== undefined && { port }),
    ...(value !== undefined && { value: withoutFetchedKeys(path, value) }),
    ...(origin && { origin }),
    lost,
  }));
}

/** What lost against the list stands with its first item. */
function eachRoute(whole: CompiledOrigin): CompiledOrigin[] {
  if (!/(^|\.)traffic\.routes$/.test(whole.path) || !Array.isArray(whole.value)) return [whole];
  const routes = whole.value as readonly { readonly name: string }[];
  const { path, origin, lost } = whole;
  return routes.map((route, index) => ({
    path: `${path}[${route.name}]`,
    origin: origin && { ...origin, field: `${origin.field}[${route.name}]` },
    value: route,
    lost: index === 0 ? lost : [],
  }));
}

function withoutFetchedKeys(path: string, value: unknown): unknown {
  if (!path.startsWith('inbound.jwt.issuers[')) return value;
  const { keys, ...issuer } = value as { readonly keys: unknown; readonly jwksUri?: string };
  return issuer.jwksUri === undefined ? value : issuer;
}
