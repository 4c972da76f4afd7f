import type { Mesh } from '../../mesh/mesh.ts';

/**
 * Whether policies of a namespace may lead to a Service or name it. Inside one namespace they may; across, the
 * Service's namespace must have agreed with a ReferenceGrant, so that nobody gains reach over others' Services by
 * writing policies of their own. The control plane's namespace is above that, as it is for everything.
 * Source: https://gateway-api.sigs.k8s.io/api-types/referencegrant/
 */
export function isPermitted(
  mesh: Mesh,
  policyNamespace: string,
  service: { readonly namespace: string; readonly name: string },
): boolean {
  const { namespace, name } = service;
  if (policyNamespace === namespace || policyNamespace === mesh.settings.controlPlaneNamespace) return true;
  return mesh
    .referenceGrants(namespace)
    .some(
      ({ from, to }) =>
        from.some((each) => each.namespace === policyNamespace) &&
        to.some((each) => each.name === undefined || each.name === name),
    );
}

/** What to create, in words. */
export function missingGrant(
  policyNamespace: string,
  { namespace, name }: { readonly namespace: string; readonly name: string },
): string {
  return `Service ${namespace}/${name} is of another namespace: create a ReferenceGrant in namespace ${namespace} with from: [{group: weft.dev, kind: MeshPolicy, namespace: ${policyNamespace}}] and to: [{group: "", kind: Service, name: ${name}}]`;
}
