import type { Policy } from '../../mesh/model.ts';
import type { Found } from './codes.ts';
import { type Inspection, onPolicy } from './inspection.ts';

/**
 * Key sets are fetched by the operator alone: what is known of them here is what it wrote into the status of the
 * policy. Of policies in files nothing is.
 */
export function unavailableKeySets({ mesh }: Inspection): Found[] {
  return mesh.policies().flatMap((policy) => {
    const said = saidOfKeySets(policy);
    return (policy.spec.inbound?.jwt?.issuers ?? []).flatMap(({ name, jwks: { uri } }) => {
      const message = uri === undefined ? undefined : said.find((each) => each.startsWith(`${uri}: `));
      if (message === undefined) return [];
      return onPolicy(policy, `spec.inbound.jwt.issuers[${name}].jwks.uri`, {
        ...{ severity: 'error', code: 'JwksUnavailable' },
        message: `the keys cannot be had: ${message}`,
        fix: 'make the address answer the operator with a key set (docs/reference/json-web-key-sets.md), or write the keys themselves: jwks: {type: Inline, inline: …}',
      });
    });
  });
}

/** Of the newest generation alone: what was said of an older one may be mended. */
function saidOfKeySets({ generation, status }: Policy): readonly string[] {
  const condition = status?.conditions.find(({ type }) => type === 'ResolvedRefs');
  if (condition?.status !== 'False' || condition.observedGeneration !== generation) return [];
  return condition.message.split(/; (?=https:)/);
}
