import type { Inbound } from '../../api/mesh-policy.ts';
import type { Issuer } from '../../api/proxy-config.ts';
import type { Item } from './compiled-origin.ts';
import { acceptedInlineKeys, verifyingKeys } from './key-set.ts';
import { conflictOf, lostBy, originOf, type Saying } from './leaf.ts';
import { isMandatory, settleLists } from './mandatory.ts';
import type { MergedList } from './rate-limits.ts';
import { sayingsOf } from './sayings.ts';
import type { Hit } from './target.ts';

/** Of a key set by its URI, what the workload at hand is given; none while it has never been had. */
export type KeysAt = (uri: string) => readonly object[];
type PolicyIssuer = NonNullable<Inbound['jwt']>['issuers'][number];

/**
 * The list of the most specific policy, and the issuers of mandatory policies beside it. Whoever is named by a
 * mandatory policy is trusted on its terms alone: were its keys given anew, anybody could sign in its name.
 */
export function mergeIssuers(hits: readonly Hit[], keysAt: KeysAt): MergedList<Issuer> {
  const said = sayingsOf(hits, 'spec.inbound.jwt.issuers', ({ inbound }) => inbound?.jwt?.issuers);
  const { lists, lost, conflicts } = settleLists(said);
  const mandatoryFirst = [...lists.filter(isMandatory), ...lists.filter((list) => !isMandatory(list))];
  const owners = new Map<string, Saying<PolicyIssuer[]>>();
  const items: Item<Issuer>[] = [];
  const refused = [];
  for (const list of mandatoryFirst) {
    const isTaken = ({ issuer }: PolicyIssuer) => (owners.get(issuer) ?? list) !== list;
    const mine = list.value.filter((issuer) => !isTaken(issuer));
    if (mine.length < list.value.length) refused.push({ ...list, value: list.value.filter(isTaken) });
    for (const issuer of mine) {
      owners.set(issuer.issuer, list);
      items.push(compiledItem(list, issuer, keysAt));
    }
  }
  const overruled = refused.map((list) => {
    const winner = owners.get(list.value[0]!.issuer)!;
    return { ...conflictOf(list, winner), mandatory: true as const };
  });
  return { items, lost: [...refused.map(lostBy), ...lost], conflicts: [...conflicts, ...overruled] };
}

function compiledItem(
  { policy, field }: Saying<PolicyIssuer[]>,
  issuer: PolicyIssuer,
  keysAt: KeysAt,
): Item<Issuer> {
  return {
    value: compileIssuer(policy.key, issuer, keysAt),
    origin: originOf({ policy, field: `${field}[${issuer.name}]` }),
  };
}

function compileIssuer(policy: string, issuer: PolicyIssuer, keysAt: KeysAt): Issuer {
  const { audiences, fromHeaders, jwks } = issuer;
  return {
    ...{ policy, name: issuer.name, issuer: issuer.issuer },
    ...(audiences && { audiences: [...audiences] }),
    ...(fromHeaders && { fromHeaders: fromHeaders.map((header) => header.toLowerCase()) }),
    forward: issuer.forward ?? true,
    ...(jwks.uri !== undefined && { jwksUri: jwks.uri }),
    keys: keysOf(jwks, keysAt),
  };
}

/** None while a remote set has never been had: then no token of the issuer is valid. */
function keysOf(jwks: PolicyIssuer['jwks'], keysAt: KeysAt): Issuer['keys'] {
  if (jwks.uri === undefined) return acceptedInlineKeys(jwks);
  return verifyingKeys(keysAt(jwks.uri));
}
