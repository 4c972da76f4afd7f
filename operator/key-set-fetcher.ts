import { anyOf, refuseControlPlane, refuseSpecialAddresses } from './keysets/address-policy.ts';
import { createKeySetFetcher, type FetchKeySet } from './keysets/fetch-key-set.ts';
import type { Mesh } from './mesh/mesh.ts';
import type { OperatorOptions } from './operator.ts';

/** Over https, and to addresses that are nobody's own. */
export function keySetFetcher({ jwksRoots, apiServerHost, clock }: OperatorOptions, mesh: Mesh): FetchKeySet {
  const refuses = anyOf(refuseSpecialAddresses, refuseControlPlane(mesh, apiServerHost));
  return createKeySetFetcher({
    ...{ refuses, clock },
    ...(jwksRoots !== undefined && { extraRoots: jwksRoots }),
  });
}
