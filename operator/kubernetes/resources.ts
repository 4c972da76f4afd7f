/** Paths of the resources the operator uses. Names go through encodeURIComponent: no name is a path. */
export interface Resource {
  readonly group: string;
  readonly version: string;
  readonly plural: string;
}

export const PODS = resource('', 'v1', 'pods');
export const SERVICES = resource('', 'v1', 'services');
export const SECRETS = resource('', 'v1', 'secrets');
export const NAMESPACES = resource('', 'v1', 'namespaces');
export const CONFIG_MAPS = resource('', 'v1', 'configmaps');
export const EVENTS = resource('', 'v1', 'events');
export const ENDPOINT_SLICES = resource('discovery.k8s.io', 'v1', 'endpointslices');
export const NETWORK_POLICIES = resource('networking.k8s.io', 'v1', 'networkpolicies');
export const MESH_POLICIES = resource('weft.dev', 'v1alpha1', 'meshpolicies');
export const CONTROLLER_REVISIONS = resource('apps', 'v1', 'controllerrevisions');
/** Of the Gateway API, which need not be installed. */
export const REFERENCE_GRANTS = resource('gateway.networking.k8s.io', 'v1beta1', 'referencegrants');
/** Of cert-manager, which need not be installed. */
export const CERTIFICATE_REQUESTS = resource('cert-manager.io', 'v1', 'certificaterequests');
export const LEASES = resource('coordination.k8s.io', 'v1', 'leases');
export const TOKEN_REVIEWS = resource('authentication.k8s.io', 'v1', 'tokenreviews');
export const SELF_SUBJECT_REVIEWS = resource('authentication.k8s.io', 'v1', 'selfsubjectreviews');
export const MUTATING_WEBHOOK_CONFIGURATIONS = resource(
  'admissionregistration.k8s.io',
  'v1',
  'mutatingwebhookconfigurations',
);

/** The collection in all namespaces, or of a resource without namespaces. */
export function collectionPath(of: Resource): string {
  return `${root(of)}/${of.plural}`;
}

export function namespacedPath(of: Resource, namespace: string): string {
  return `${root(of)}/namespaces/${encodeURIComponent(namespace)}/${of.plural}`;
}

export function objectPath(of: Resource, namespace: string | undefined, name: string): string {
  const collection = namespace === undefined ? collectionPath(of) : namespacedPath(of, namespace);
  return `${collection}/${encodeURIComponent(name)}`;
}

export function apiVersion(of: Resource): string {
  return of.group === '' ? of.version : `${of.group}/${of.version}`;
}

function root(of: Resource): string {
  return of.group === '' ? `/api/${of.version}` : `/apis/${of.group}/${of.version}`;
}

function resource(group: string, version: string, plural: string): Resource {
  return { group, version, plural };
}
