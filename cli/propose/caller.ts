import { isIP } from 'node:net';
import type { Source } from '../../api/mesh-policy.ts';
import { PATTERNS } from '../../api/policy/scalars.ts';
import { parseSpiffeId } from '../../api/spiffe.ts';
import type { TrailRecord } from '../../api/trail-record.ts';

/** Who calls, as a rule names them. */
export interface Caller {
  readonly source: Source;
  /** for people, and for names of rules: `web`, `ops/job`, `10.0.0.9` */
  readonly name: string;
  /** only by its address */
  readonly isAnonymous: boolean;
}

export interface Home {
  /** of the policy */
  readonly namespace: string;
  readonly controlPlaneNamespace: string;
  /** of the mesh */
  readonly trustDomain: string;
}

type Who = Pick<TrailRecord, 'caller' | 'callerAddress' | 'encrypted'>;

const LABEL = new RegExp(PATTERNS.label);
const SPIFFE_ID = new RegExp(PATTERNS.spiffeId);

/** Undefined: no rule can name them. */
export function callerOf({ caller, callerAddress, encrypted }: Who, home: Home): Caller | undefined {
  if (!encrypted) return anonymous(callerAddress);
  const identity = parseSpiffeId(caller);
  if (
    identity === undefined ||
    identity.trustDomain !== home.trustDomain ||
    !LABEL.test(identity.namespace)
  ) {
    if (!SPIFFE_ID.test(caller) || caller.length > 512) return undefined;
    return { source: { spiffeId: caller }, name: caller, isAnonymous: false };
  }
  const { namespace, serviceAccount } = identity;
  const isHere = namespace === home.namespace;
  // a policy of the control plane's namespace may be about pods of any
  const source =
    isHere && namespace !== home.controlPlaneNamespace ? { serviceAccount } : { namespace, serviceAccount };
  return { source, name: isHere ? serviceAccount : `${namespace}/${serviceAccount}`, isAnonymous: false };
}

function anonymous(address: string): Caller | undefined {
  const version = isIP(address);
  if (version === 0 || address.includes('%')) return undefined;
  const source = { ipBlock: `${address}/${version === 4 ? 32 : 128}` };
  return { source, name: address, isAnonymous: true };
}

/** Whether a rule for this source is about them: an address is so whoever stands behind it. */
export function isMeant(source: Source, { caller, callerAddress, encrypted }: Who, home: Home): boolean {
  if (source.ipBlock !== undefined) return source.ipBlock.startsWith(`${callerAddress}/`);
  if (!encrypted) return false;
  if (source.spiffeId !== undefined) return source.spiffeId === caller;
  const identity = parseSpiffeId(caller);
  return (
    identity?.serviceAccount === source.serviceAccount &&
    identity?.namespace === (source.namespace ?? home.namespace)
  );
}
