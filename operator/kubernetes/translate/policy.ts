import type { MeshPolicySpec } from '../../../api/mesh-policy.ts';
import type { Policy } from '../../mesh/model.ts';
import type { PolicyObject } from '../objects.ts';
import { translateStatus } from './policy-status.ts';

/** MeshPolicy → Policy. The API server checked the schema; what the spec means is for the core to judge. */
export function translatePolicy(object: PolicyObject): Policy | undefined {
  const { name, namespace, uid, generation, creationTimestamp } = object.metadata ?? {};
  if (!name || !namespace || !uid) return undefined;
  return {
    key: `${namespace}/${name}`,
    namespace,
    name,
    uid,
    generation: generation ?? 0,
    createdAt: creationTimestamp ?? '',
    spec: (object.spec ?? {}) as MeshPolicySpec,
    ...translateStatus(object.status),
  };
}
