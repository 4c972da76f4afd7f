import type { AuthorizationRule, Operation, Principal } from '../../../api/proxy-config.ts';
import { parseSpiffeId } from '../../../api/spiffe.ts';
import { isSame } from '../../compile/leaf.ts';

/**
 * Whether one condition takes everything that another takes. Never says yes where that is not certain; where the
 * answer is no, it may be so nevertheless.
 */

export function coversRule(
  a: Pick<AuthorizationRule, 'ports' | 'from' | 'to' | 'when'>,
  b: Pick<AuthorizationRule, 'ports' | 'from' | 'to' | 'when'>,
  trustDomain: string,
): boolean {
  return (
    coversAll(a.ports, b.ports, isSame) &&
    coversCallers(a.from, b.from, trustDomain) &&
    coversAll(a.to, b.to, coversOperation) &&
    (a.when === undefined || isSame(a.when, b.when))
  );
}

/** Of lists any of which may match; absent is everything. */
export function coversAll<T>(
  a: readonly T[] | undefined,
  b: readonly T[] | undefined,
  covers: (a: T, b: T) => boolean,
): boolean {
  if (a === undefined) return true;
  return b?.every((each) => a.some((wider) => covers(wider, each))) ?? false;
}

export function coversCallers(
  a: readonly Principal[] | undefined,
  b: readonly Principal[] | undefined,
  trustDomain: string,
): boolean {
  const plain = (list: readonly Principal[] | undefined) => list?.map((each) => byName(each, trustDomain));
  return coversAll(plain(a), plain(b), coversCaller);
}

/** A SPIFFE ID of this trust domain says a namespace and a service account. */
export function byName(principal: Principal, trustDomain: string): Principal {
  const id = principal.spiffeId === undefined ? undefined : parseSpiffeId(principal.spiffeId);
  if (id === undefined || id.trustDomain !== trustDomain) return principal;
  return { namespace: id.namespace, serviceAccount: id.serviceAccount };
}

function coversCaller(a: Principal, b: Principal): boolean {
  if (isSame(a, b)) return true;
  return a.namespace !== undefined && a.namespace === b.namespace && a.serviceAccount === '*';
}

function coversOperation(a: Operation, b: Operation): boolean {
  return (
    coversAll(a.methods, b.methods, isSame) &&
    coversAll(a.paths, b.paths, coversPath) &&
    coversAll(a.hosts, b.hosts, coversHost) &&
    (a.headers ?? []).every((header) => b.headers?.some((each) => isSame(each, header)) ?? false) &&
    (a.grpc === undefined || (b.grpc !== undefined && coversGrpc(a.grpc, b.grpc)))
  );
}

type Grpc = NonNullable<Operation['grpc']>;
function coversGrpc(a: Grpc, b: Grpc): boolean {
  return a.service === b.service && coversAll(a.methods, b.methods, isSame);
}

/** `*.` stands for one or more labels. */
function coversHost(a: string, b: string): boolean {
  return a === b || (a.startsWith('*.') && b.endsWith(a.slice(1)));
}

/** Globs: `*` is one segment, `**` the rest. */
export function coversPath(a: string, b: string): boolean {
  const [wide, narrow] = [a.split('/'), b.split('/')];
  for (let index = 0; index < wide.length; index++) {
    if (wide[index] === '**') return index === wide.length - 1;
    if (narrow[index] === undefined || narrow[index] === '**') return false;
    const isAny = wide[index] === '*' && narrow[index] !== '';
    if (!isAny && wide[index] !== narrow[index]) return false;
  }
  return wide.length === narrow.length;
}
