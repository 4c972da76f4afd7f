import { SECRET_PREFIX, TOKEN_AUDIENCE, VOLUME_PROXY, VOLUME_STATE, VOLUME_TOKEN } from '../api/names.ts';

export const OWN_VOLUMES: readonly string[] = [VOLUME_PROXY, VOLUME_TOKEN, VOLUME_STATE];

/**
 * Files in Secret and token volumes belong to root, and the pod's fsGroup is not ours to set. The sidecar is
 * neither root nor in root's group, so they are readable by all: all who can see them are the processes of the
 * one container that mounts them, and root on the node. Where the pod has an fsGroup the kubelet adds to these
 * modes and takes nothing away.
 */
const READABLE = 0o444;
const TOKEN_EXPIRATION_SECONDS = 3600;
/** The configuration and destinations a restart begins with, and a socket. */
const STATE_SIZE_LIMIT = '64Mi';

export function ownVolumes(
  proxyId: string,
): readonly { readonly name: string; readonly [source: string]: unknown }[] {
  return [
    {
      name: VOLUME_PROXY,
      // Optional: the pod does not wait for the operator in the kubelet's mount backoff; the sidecar asks for
      // what it needs over the stream until the Secret appears.
      secret: { secretName: `${SECRET_PREFIX}${proxyId}`, optional: true, defaultMode: READABLE },
    },
    {
      name: VOLUME_TOKEN,
      // Works with automountServiceAccountToken: false too, which is about the API server's token.
      projected: {
        defaultMode: READABLE,
        sources: [
          {
            serviceAccountToken: {
              audience: TOKEN_AUDIENCE,
              expirationSeconds: TOKEN_EXPIRATION_SECONDS,
              path: 'token',
            },
          },
        ],
      },
    },
    // On disk, because it outlives a restart of the container and should not count as memory.
    { name: VOLUME_STATE, emptyDir: { sizeLimit: STATE_SIZE_LIMIT } },
  ];
}
