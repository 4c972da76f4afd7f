import { API_VERSION } from '../../../api/names.ts';
import type { ReferenceGrant } from '../../mesh/model.ts';
import type { GrantObject } from '../objects.ts';

const [POLICY_GROUP] = API_VERSION.split('/');

/**
 * ReferenceGrant → ReferenceGrant; undefined for those that let no MeshPolicy name any Service. Each entry stands
 * for itself: any of `from` may name any of `to`.
 * Source: https://gateway-api.sigs.k8s.io/api-types/referencegrant/
 */
export function translateReferenceGrant(object: GrantObject): ReferenceGrant | undefined {
  const { name, namespace } = object.metadata ?? {};
  if (!name || !namespace) return undefined;
  const from = (object.spec?.from ?? []).filter(isMeshPolicy).map((each) => ({ namespace: each.namespace }));
  const to = (object.spec?.to ?? []).filter(isService).map((each) => ({ name: each.name || undefined }));
  if (from.length === 0 || to.length === 0) return undefined;
  return { key: `${namespace}/${name}`, namespace, from, to };
}

export function isMeshPolicy({ group, kind }: { readonly group: string; readonly kind: string }): boolean {
  return group === POLICY_GROUP && kind === 'MeshPolicy';
}
/** The core group is the empty text. */
export function isService({ group, kind }: { readonly group: string; readonly kind: string }): boolean {
  return group === '' && kind === 'Service';
}
