import type { ApiClient } from './api-client.ts';
import { ApiError } from './api-error.ts';
import type { ObjectMeta, OwnerReference } from './objects.ts';
import { collectionPath, SELF_SUBJECT_REVIEWS } from './resources.ts';

interface SelfSubjectReview {
  readonly status?: { readonly userInfo?: { readonly username?: unknown; readonly uid?: unknown } };
}

const SERVICE_ACCOUNT = /^system:serviceaccount:([a-z0-9-]+):([a-z0-9.-]+)$/;
const REQUEST_TIMEOUT_MS = 4_000;

/**
 * Our service account, as the owner of what must not outlive an installation: it goes with the release, and the
 * garbage collector takes along what it owns. undefined: we are somebody else, such as a person with a kubeconfig, or
 * the API server does not say. Throws when it cannot be asked.
 * Source: https://kubernetes.io/docs/reference/access-authn-authz/authentication/#self-subject-review
 */
export async function findInstallation(
  api: ApiClient,
  namespace: string,
): Promise<OwnerReference | undefined> {
  const body = { apiVersion: 'authentication.k8s.io/v1', kind: 'SelfSubjectReview' };
  try {
    const path = collectionPath(SELF_SUBJECT_REVIEWS);
    const timeoutMs = REQUEST_TIMEOUT_MS;
    return accountOf(await api.request<SelfSubjectReview>('POST', path, { body, timeoutMs }), namespace);
  } catch (error) {
    if (error instanceof ApiError && error.status < 500) return undefined;
    throw error;
  }
}

/** Owners are of the same namespace as what they own. */
function accountOf({ status }: SelfSubjectReview, namespace: string): OwnerReference | undefined {
  const { username, uid } = status?.userInfo ?? {};
  const account = SERVICE_ACCOUNT.exec(String(username));
  if (account?.[1] !== namespace || typeof uid !== 'string' || uid === '') return undefined;
  return { apiVersion: 'v1', kind: 'ServiceAccount', name: account[2]!, uid, blockOwnerDeletion: false };
}

/** The metadata with this owner alone: one of an earlier installation is gone. */
export function ownedBy(owner: OwnerReference | undefined, metadata: ObjectMeta): ObjectMeta {
  return owner === undefined ? metadata : { ...metadata, ownerReferences: [owner] };
}

export function isOwnedBy(owner: OwnerReference | undefined, metadata: ObjectMeta | undefined): boolean {
  return owner === undefined || metadata?.ownerReferences?.some(({ uid }) => uid === owner.uid) === true;
}
