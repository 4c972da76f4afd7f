import { TRUST_BUNDLE_CONFIG_MAP } from '../../api/ca-report.ts';
import {
  CA_SECRET,
  INJECTOR_TLS_SECRET,
  LEASE_NAME,
  OPERATOR_TLS_SECRET,
  WEBHOOK_CONFIGURATION,
} from '../../api/names.ts';

/**
 * Everything the operator asks of the API server, and nothing more. The chart's roles are tested against this
 * table, and the operator is tested with roles made of it.
 * Source: https://kubernetes.io/docs/reference/access-authn-authz/rbac/
 */
export interface Permission {
  /** `cluster`: a ClusterRole. `controlPlane`: a Role in the operator's own namespace. */
  readonly scope: 'cluster' | 'controlPlane';
  /** empty string: the core group */
  readonly apiGroup: string;
  readonly resource: string;
  readonly verbs: readonly string[];
  /** absent: all. RBAC cannot limit `create` by name, so that verb stands in a row of its own. */
  readonly resourceNames?: readonly string[];
  readonly why: string;
}

const OBSERVE = ['get', 'list', 'watch'] as const;

export const PERMISSIONS: readonly Permission[] = [
  cluster('', 'pods', OBSERVE, 'workloads: addresses, identities, readiness'),
  cluster('', 'services', OBSERVE, 'destinations'),
  cluster('discovery.k8s.io', 'endpointslices', OBSERVE, 'endpoints of destinations'),
  cluster('weft.dev', 'meshpolicies', OBSERVE, 'policy'),
  cluster('weft.dev', 'meshpolicies/status', ['patch'], 'whether a policy is accepted and in force'),
  cluster(
    'gateway.networking.k8s.io',
    'referencegrants',
    OBSERVE,
    'consent of a namespace that policies of another name its Services',
  ),
  cluster(
    'apps',
    'controllerrevisions',
    [...OBSERVE, 'create', 'delete'],
    'the last accepted spec of each policy; their data is immutable, so a new one replaces an old one',
  ),
  cluster(
    '',
    'secrets',
    ['get', 'create', 'update', 'delete'],
    'one Secret a proxy, always by name; never list or watch. An admission policy limits names and type.',
  ),
  cluster('', 'events', ['create', 'patch'], 'events on pods and policies'),
  cluster('authentication.k8s.io', 'tokenreviews', ['create'], 'tokens of sidecars without a certificate'),
  {
    ...cluster(
      'admissionregistration.k8s.io',
      'mutatingwebhookconfigurations',
      ['get', 'patch'],
      'caBundle of the injector',
    ),
    resourceNames: [WEBHOOK_CONFIGURATION],
  },
  controlPlane('coordination.k8s.io', 'leases', ['create'], 'leader election'),
  controlPlane('coordination.k8s.io', 'leases', ['get', 'update'], 'leader election', [LEASE_NAME]),
  controlPlane(
    'coordination.k8s.io',
    'leases',
    ['delete'],
    'never asked: some clusters let only those name an owner who might delete the object',
    [LEASE_NAME],
  ),
  controlPlane('', 'secrets', ['create'], 'the root of trust and the injector’s serving certificate'),
  controlPlane('', 'secrets', ['get', 'update'], 'the roots of trust, which rotate', [CA_SECRET]),
  controlPlane('', 'secrets', ['get', 'update'], 'the injector’s serving certificate', [INJECTOR_TLS_SECRET]),
  controlPlane('', 'configmaps', ['create'], 'the trust bundle, and how far the root’s rotation is'),
  controlPlane('', 'configmaps', ['get', 'update'], 'the trust bundle, and how far the root’s rotation is', [
    TRUST_BUNDLE_CONFIG_MAP,
  ]),
];

/** Besides, when cert-manager signs. */
export const ISSUER_PERMISSIONS: readonly Permission[] = [
  controlPlane(
    'cert-manager.io',
    'certificaterequests',
    [...OBSERVE, 'create', 'delete'],
    'one for each certificate, deleted when it is answered; list: those that a killed operator has left',
  ),
  controlPlane('', 'secrets', ['get', 'update'], 'the operator’s own serving certificate', [
    OPERATOR_TLS_SECRET,
  ]),
];

function cluster(apiGroup: string, resource: string, verbs: readonly string[], why: string): Permission {
  return { scope: 'cluster', apiGroup, resource, verbs, why };
}

function controlPlane(
  apiGroup: string,
  resource: string,
  verbs: readonly string[],
  why: string,
  resourceNames?: readonly string[],
): Permission {
  const base = { scope: 'controlPlane', apiGroup, resource, verbs, why } as const;
  return resourceNames === undefined ? base : { ...base, resourceNames };
}
