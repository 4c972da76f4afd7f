import { cautions } from './cautions.ts';
import type { Injection } from './containers.ts';
import { eligibility } from './eligibility.ts';
import type { PatchOperation } from './json-patch.ts';
import { misspellings } from './misspellings.ts';
import { readOverrides } from './overrides.ts';
import { injectionPatch } from './patch.ts';
import { type Pod, parsePod } from './pod.ts';
import { rewriteProbes } from './probes.ts';
import type { AdmissionRequest } from './review.ts';
import type { SidecarSettings } from './settings.ts';
import { terminationDelay } from './termination-delay.ts';

/** What the webhook says about one request. `outcome` is for the log. */
export type Decision = Allowed | Denied;
interface Allowed {
  readonly allowed: true;
  readonly outcome: 'Injected' | 'Unchanged';
  readonly operations: readonly PatchOperation[];
  readonly warnings: readonly string[];
}
interface Denied {
  readonly allowed: false;
  readonly outcome: 'Refused';
  /** HTTP status, as in metav1.Status */
  readonly code: number;
  readonly message: string;
}

export interface AdmissionContext {
  readonly settings: SidecarSettings;
  /** PEM; undefined: the operator has not published it yet */
  readonly trustBundle: string | undefined;
  readonly proxyId: string;
}

/** Pure: the same request and context give the same answer, so a dry run needs nothing special. */
export function admit(request: AdmissionRequest, context: AdmissionContext): Decision {
  if (!createsPod(request)) return unchanged([]);
  const pod = parsePod(request.object);
  if (typeof pod === 'string') return denied(400, pod);
  const eligible = eligibility(pod);
  const warnings = misspellings(pod);
  if (eligible.verdict === 'Skip') {
    return unchanged(eligible.reason === undefined ? warnings : [eligible.reason, ...warnings]);
  }
  if (eligible.verdict === 'Refuse') return denied(403, eligible.reason);
  return inject(pod, context, warnings);
}

function inject(
  pod: Pod,
  { settings, trustBundle, proxyId }: AdmissionContext,
  notUnderstood: readonly string[],
): Decision {
  const overrides = readOverrides(pod, settings);
  if ('errors' in overrides) return denied(400, overrides.errors.join('; '));
  const { operations, probes, warnings, errors } = rewriteProbes(pod, proxyId);
  if (errors.length > 0) return denied(400, errors.join('; '));
  if (trustBundle === undefined) {
    return denied(503, 'the trust bundle is not there yet: see whether weft-operator runs, then try again');
  }
  const { options } = overrides;
  const injection: Injection = { settings, options, proxyId, trustBundle, probes };
  return {
    allowed: true,
    outcome: 'Injected',
    // Probes first: their positions are those of the pod as it came.
    operations: [
      ...operations,
      ...terminationDelay(pod, settings.terminationDelaySeconds),
      ...injectionPatch(pod, injection),
    ],
    warnings: [...notUnderstood, ...options.warnings, ...warnings, ...cautions(pod)],
  };
}

function createsPod({ operation, resource, subResource }: AdmissionRequest): boolean {
  return (
    operation === 'CREATE' && resource.group === '' && resource.resource === 'pods' && subResource === ''
  );
}

export function unchanged(warnings: readonly string[]): Allowed {
  return { allowed: true, outcome: 'Unchanged', operations: [], warnings };
}

export function denied(code: number, message: string): Denied {
  return { allowed: false, outcome: 'Refused', code, message: `weft: ${message}` };
}
