import { TOKEN_AUDIENCE } from '../../api/names.ts';
import type { TokenHolder } from '../platform.ts';
import type { ApiClient } from './api-client.ts';
import { collectionPath, TOKEN_REVIEWS } from './resources.ts';

const TOKEN_MAX_LENGTH = 16 * 1024;
const JWT = /^[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+$/;
const SERVICE_ACCOUNT = /^system:serviceaccount:([a-z0-9-]+):([a-z0-9.-]+)$/;
const EXTRA_POD_NAME = 'authentication.kubernetes.io/pod-name';
const EXTRA_POD_UID = 'authentication.kubernetes.io/pod-uid';

interface TokenReview {
  readonly status?: {
    readonly authenticated?: boolean;
    readonly audiences?: readonly string[];
    readonly user?: {
      readonly username?: string;
      readonly extra?: Readonly<Record<string, readonly string[]>>;
    };
  };
}

/**
 * Asks the API server who holds a projected token. undefined: not valid, not for this audience, or not bound to
 * a pod. Throws when the API server cannot be asked, which says nothing about the token.
 * Source: https://kubernetes.io/docs/reference/access-authn-authz/service-accounts-admin/#bound-service-account-tokens
 */
export async function reviewToken(api: ApiClient, token: string): Promise<TokenHolder | undefined> {
  if (token.length > TOKEN_MAX_LENGTH || !JWT.test(token)) return undefined;
  const body = {
    apiVersion: 'authentication.k8s.io/v1',
    kind: 'TokenReview',
    spec: { token, audiences: [TOKEN_AUDIENCE] },
  };
  return holderOf(await api.request<TokenReview>('POST', collectionPath(TOKEN_REVIEWS), { body }));
}

/** An authenticator that knows nothing of audiences answers without any: that is a refusal here. */
export function holderOf({ status }: TokenReview): TokenHolder | undefined {
  if (status?.authenticated !== true || !status.audiences?.includes(TOKEN_AUDIENCE)) return undefined;
  const account = SERVICE_ACCOUNT.exec(status.user?.username ?? '');
  const pod = status.user?.extra?.[EXTRA_POD_NAME]?.[0];
  const podUid = status.user?.extra?.[EXTRA_POD_UID]?.[0];
  if (account === null || !pod || !podUid) return undefined;
  return { namespace: account[1]!, serviceAccount: account[2]!, pod, podUid };
}
