import type { MeshPolicySpec } from '../../api/mesh-policy.ts';
import type { Mesh } from '../mesh/mesh.ts';

export interface UnavailableKeys {
  readonly reason: 'JwksUnavailable';
  readonly message: string;
}

/** Key sets that a policy names by URI and that could not be had, each once. */
export function unavailableKeys(mesh: Pick<Mesh, 'keySet'>, spec: MeshPolicySpec): UnavailableKeys[] {
  return urisOf(spec).flatMap((uri) => {
    const { problem, keys = [], handedOut } = mesh.keySet(uri) ?? {};
    if (problem === undefined) return [];
    const isHad = keys.length > 0 || handedOut !== undefined;
    const consequence = isHad ? 'the keys fetched before stay in use' : 'no token of its issuer is valid';
    return { reason: 'JwksUnavailable', message: `${uri}: ${problem}; ${consequence}` };
  });
}

/** Key sets that nobody has asked for yet; undefined: none. */
export function awaitedKeys(mesh: Pick<Mesh, 'keySet'>, spec: MeshPolicySpec): UnavailableKeys | undefined {
  const awaited = urisOf(spec).filter((uri) => mesh.keySet(uri) === undefined);
  if (awaited.length === 0) return undefined;
  const message = `not fetched yet, until then no token of the issuer is valid: ${awaited.join(', ')}`;
  return { reason: 'JwksUnavailable', message };
}

function urisOf({ inbound }: MeshPolicySpec): string[] {
  return [...new Set((inbound?.jwt?.issuers ?? []).flatMap(({ jwks }) => jwks.uri ?? []))];
}
