import type { MeshPolicySpec } from '../../../api/mesh-policy.ts';
import { API_VERSION } from '../../../api/names.ts';
import type { AcceptedRevision } from '../../mesh/model.ts';
import type { OwnerReference, RevisionObject } from '../objects.ts';

/** On ControllerRevisions that hold an accepted spec; the value is the policy's uid. */
export const LABEL_ACCEPTED_POLICY = 'weft.dev/accepted-policy';

/**
 * ControllerRevision → AcceptedRevision; undefined unless label and owner both name the same policy and the
 * data is an object. The spec was valid when it was stored; whoever compiles it checks it again.
 */
export function translateRevision(object: RevisionObject): AcceptedRevision | undefined {
  const { namespace, labels, ownerReferences } = object.metadata ?? {};
  const owner = ownerReferences?.find(({ kind, controller }) => kind === 'MeshPolicy' && controller === true);
  const { data, revision } = object;
  if (!namespace || owner?.apiVersion !== API_VERSION || owner.uid !== labels?.[LABEL_ACCEPTED_POLICY]) {
    return undefined;
  }
  if (typeof data !== 'object' || data === null || Array.isArray(data)) return undefined;
  if (!Number.isSafeInteger(revision) || revision! < 0) return undefined;
  return {
    key: `${namespace}/${owner.name}`,
    uid: owner.uid,
    generation: revision!,
    spec: data as MeshPolicySpec,
  };
}

export function ownerReferenceTo(policyName: string, uid: string): OwnerReference {
  return {
    apiVersion: API_VERSION,
    kind: 'MeshPolicy',
    name: policyName,
    uid,
    controller: true,
    blockOwnerDeletion: false,
  };
}
