import { type MeshPolicySpec, type Source, targetKind } from '../../api/mesh-policy.ts';
import { API_VERSION } from '../../api/names.ts';
import { NO_TRACES_URL, tracesUrl } from '../../api/traces-url.ts';
import { validateMeshPolicy } from '../../api/validate.ts';
import type { MeshSettings, Policy } from '../mesh/model.ts';
import { inlineKeysProblem } from './key-set.ts';
import { expressionProblem } from './regular-expression.ts';

/** Whether this version puts the policy in force as it is written, and if not, what to write instead. */
export interface Acceptance {
  readonly accepted: boolean;
  readonly reason: 'Accepted' | 'Invalid' | 'InvalidTarget' | 'TooLarge';
  readonly message: string;
  /** path in the policy of what is wrong; absent: no single field is, or it is in the message */
  readonly field?: string;
}

/** Bytes of spec as JSON: a quarter of a proxy's configuration, so that several policies fit in one. */
export const SPEC_MAX_BYTES = 64 * 1024;
const PROBLEMS_SHOWN = 5;

const ACCEPTED: Acceptance = { accepted: true, reason: 'Accepted', message: 'the policy is valid' };

/** Pure. The API server refuses most of this already; here nothing is taken on trust. */
export function judge(policy: Policy, settings: MeshSettings): Acceptance {
  return (
    tooLarge(policy) ??
    invalid(policy) ??
    invalidExpression(policy.spec) ??
    outsideControlPlane(policy, settings) ??
    mandatoryElsewhere(policy, settings) ??
    badKeySet(policy.spec) ??
    badTracing(policy.spec) ??
    ambiguousCaller(policy, settings) ??
    ACCEPTED
  );
}

function refuse(
  reason: Exclude<Acceptance['reason'], 'Accepted'>,
  message: string,
  field?: string,
): Acceptance {
  return { accepted: false, reason, message, ...(field !== undefined && { field }) };
}

function tooLarge({ spec }: Policy): Acceptance | undefined {
  const bytes = Buffer.byteLength(JSON.stringify(spec) ?? '');
  if (bytes <= SPEC_MAX_BYTES) return undefined;
  return refuse(
    'TooLarge',
    `the policy is ${bytes} bytes, more than ${SPEC_MAX_BYTES}: split it into several policies`,
  );
}

function invalid({ name, namespace, spec }: Policy): Acceptance | undefined {
  const document = { apiVersion: API_VERSION, kind: 'MeshPolicy', metadata: { name, namespace }, spec };
  const problems = validateMeshPolicy(document);
  if (problems.length === 0) return undefined;
  const shown = problems.slice(0, PROBLEMS_SHOWN).map(({ path, message }) => `${path}: ${message}`);
  const [{ path } = { path: '' }] = problems;
  return refuse('Invalid', shown.join('; '), path.startsWith('spec') ? path : undefined);
}

function invalidExpression(spec: MeshPolicySpec): Acceptance | undefined {
  const problem = expressionProblem(spec);
  return problem === undefined ? undefined : refuse('Invalid', problem, problem.split(': ', 1)[0]);
}

function outsideControlPlane({ namespace, spec }: Policy, settings: MeshSettings): Acceptance | undefined {
  const { controlPlaneNamespace } = settings;
  if (targetKind(spec) !== 'Mesh' || namespace === controlPlaneNamespace) return undefined;
  return refuse(
    'InvalidTarget',
    `kind Mesh counts only in namespace ${controlPlaneNamespace}: create the policy there, or write kind: Namespace`,
    spec.target === undefined ? 'spec.targetRefs' : 'spec.target.kind',
  );
}

function mandatoryElsewhere({ namespace, spec }: Policy, settings: MeshSettings): Acceptance | undefined {
  const { controlPlaneNamespace } = settings;
  if (spec.enforcement !== 'Mandatory' || namespace === controlPlaneNamespace) return undefined;
  return refuse(
    'InvalidTarget',
    `enforcement: Mandatory counts only in namespace ${controlPlaneNamespace}: create the policy there, or remove enforcement`,
    'spec.enforcement',
  );
}

function badKeySet({ inbound }: MeshPolicySpec): Acceptance | undefined {
  for (const { name, jwks } of inbound?.jwt?.issuers ?? []) {
    const problem = jwks.inline === undefined ? undefined : inlineKeysProblem(jwks.inline);
    const field = `spec.inbound.jwt.issuers[${name}].jwks.inline`;
    if (problem !== undefined) return refuse('Invalid', `issuer ${name}: jwks.inline ${problem}`, field);
  }
  return undefined;
}

/** Each sidecar would refuse the whole configuration for it. */
function badTracing({ telemetry }: MeshPolicySpec): Acceptance | undefined {
  const endpoint = telemetry?.tracing?.endpoint;
  if (endpoint === undefined || tracesUrl(endpoint) !== undefined) return undefined;
  return refuse('Invalid', NO_TRACES_URL, 'spec.telemetry.tracing.endpoint');
}

/** A policy of the control plane's namespace is about others, so "this namespace" is nobody's namespace. */
function ambiguousCaller({ namespace, spec }: Policy, settings: MeshSettings): Acceptance | undefined {
  if (namespace !== settings.controlPlaneNamespace) return undefined;
  for (const [where, field, from] of callersOf(spec)) {
    const caller = from.find((each) => each.serviceAccount !== undefined && each.namespace === undefined);
    if (caller === undefined) continue;
    return refuse(
      'Invalid',
      `${where}: in namespace ${namespace} a serviceAccount needs its namespace: write {namespace: …, serviceAccount: ${caller.serviceAccount}}`,
      field,
    );
  }
  return undefined;
}

type Callers = [where: string, field: string, from: readonly Source[]];

function callersOf({ inbound, traffic }: MeshPolicySpec): Callers[] {
  const rules = inbound?.authorization?.rules ?? [];
  const routes = traffic?.routes ?? [];
  return [
    ...rules.map(
      ({ name, from = [] }): Callers => [
        `rule ${name}`,
        `spec.inbound.authorization.rules[${name}].from`,
        from,
      ],
    ),
    ...routes.map(
      ({ name, match = [] }): Callers => [
        `route ${name}`,
        `spec.traffic.routes[${name}].match`,
        match.flatMap(({ from = [] }) => from),
      ],
    ),
  ];
}
