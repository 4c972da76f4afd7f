import type { AuthorizationRule, Operation, Principal, ProxyConfig } from '../../../api/proxy-config.ts';
import type { Workload } from '../../mesh/model.ts';
import { isIdentity } from './callers.ts';
import { byName, coversPath } from './covers.ts';
import { entryOf } from './inspection.ts';

/** A request of which nothing but this is known. */
export interface PlainRequest {
  readonly method: 'GET' | 'POST';
  /** in normal form, without query */
  readonly path: string;
  /** a method that is called over gRPC; absent: the request is none */
  readonly grpc?: { readonly service: string; readonly method: string };
}

/** Who denies it, though the same caller may send other requests. */
export type Denial =
  | { readonly by: 'Rule'; readonly rule: AuthorizationRule }
  /** @param besides an Allow rule that lets the caller send other requests */
  | { readonly by: 'Default'; readonly besides: AuthorizationRule };

/** Whether a condition holds; undefined: it depends on what is not known. */
type Answer = boolean | undefined;

/**
 * Pure: the denial that a request of a caller with a sidecar meets on a port, as sidecars decide: Deny rules, Allow
 * rules, the default. Undefined where it is not certain, and for callers who may send nothing at all.
 */
export function certainDenial(
  config: ProxyConfig,
  port: number,
  caller: Workload,
  request: PlainRequest,
): Denial | undefined {
  const { trustDomain, inbound } = config;
  const here = inbound.rules.filter(
    ({ mode, ports }) => mode === 'Enforce' && (ports?.includes(port) ?? true),
  );
  const ofCaller = here.filter((rule) => isFrom(rule, caller, trustDomain) !== false);
  const denies = ofCaller.filter(({ action }) => action === 'Deny');
  if (denies.some(isOfEverything)) return undefined;
  const isDenied = (rule: AuthorizationRule) =>
    both(isFrom(rule, caller, trustDomain), isTo(rule, request)) === true;
  const rule = denies.find(isDenied);
  const allows = ofCaller.filter(({ action }) => action === 'Allow');
  const isClosed = entryOf(config, port).authorizationDefault === 'Deny';
  const besides = allows.find((each) => isFrom(each, caller, trustDomain) === true);
  if (rule !== undefined) return isClosed && besides === undefined ? undefined : { by: 'Rule', rule };
  const mayBeAllowed = allows.some((each) => isTo(each, request) !== false);
  return isClosed && besides !== undefined && !mayBeAllowed ? { by: 'Default', besides } : undefined;
}

/** Of its callers it takes every request. */
function isOfEverything({ to, when }: AuthorizationRule): boolean {
  return to === undefined && when === undefined;
}

function isFrom({ from }: AuthorizationRule, caller: Workload, trustDomain: string): Answer {
  if (from === undefined) return true;
  return any(from.map((each) => isPrincipal(byName(each, trustDomain), caller)));
}

/** Of which address a sidecar sees its caller is not known here. */
function isPrincipal(principal: Principal, { namespace, serviceAccount }: Workload): Answer {
  if (principal.ipBlock !== undefined) return undefined;
  return principal.namespace !== undefined && isIdentity(principal, `${namespace}/${serviceAccount}`);
}

function isTo({ action, to, when }: AuthorizationRule, request: PlainRequest): Answer {
  const isOperation = to === undefined ? true : any(to.map((each) => isOf(each, action, request)));
  return both(isOperation, when === undefined ? true : undefined);
}

function isOf(
  { methods, paths, hosts, headers, grpc }: Operation,
  action: AuthorizationRule['action'],
  request: PlainRequest,
): Answer {
  const answers = [
    methods?.includes(request.method) ?? true,
    paths === undefined ? true : any(paths.map((glob) => isPath(glob, request.path))),
    grpc === undefined ? true : isGrpc(grpc, action, request),
    ...(hosts === undefined && headers === undefined ? [] : [undefined]),
  ];
  return answers.reduce(both, true as Answer);
}

/** Globs within a segment are left to the sidecar. */
function isPath(glob: string, path: string): Answer {
  const segments = glob.split('/');
  const isPlain = segments.every(
    (each, index) => !each.includes('*') || each === '*' || (each === '**' && index === segments.length - 1),
  );
  return isPlain ? coversPath(glob, path) : undefined;
}

/** A Deny rule looks at the path alone. */
function isGrpc(
  { service, methods }: NonNullable<Operation['grpc']>,
  action: AuthorizationRule['action'],
  { path, grpc }: PlainRequest,
): Answer {
  if (grpc !== undefined) return grpc.service === service && (methods?.includes(grpc.method) ?? true);
  return action === 'Deny' && path.startsWith(`/${service}/`) ? undefined : false;
}

function any(answers: readonly Answer[]): Answer {
  if (answers.includes(true)) return true;
  return answers.includes(undefined) ? undefined : false;
}
function both(a: Answer, b: Answer): Answer {
  if (a === false || b === false) return false;
  return a === undefined || b === undefined ? undefined : true;
}
