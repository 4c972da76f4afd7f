import type { V1Container, V1Pod } from '@kubernetes/client-node';
import { CONTAINER_SIDECAR, LABEL_INJECT, PROXY_UID, RESERVED_PORTS } from '../../api/names.ts';
import { type KubernetesObject, objectKey } from '../kubernetes/objects.ts';

type Pod = KubernetesObject & Pick<V1Pod, 'spec'>;

const ENFORCE = 'pod-security.kubernetes.io/enforce';
/** They refuse the capabilities of weft-init. */
const REFUSING = ['baseline', 'restricted'];

/**
 * Namespaces that are opted in and whose Pod Security level refuses every pod with a sidecar → that level.
 * Source: https://kubernetes.io/docs/concepts/security/pod-security-standards/
 */
export function refusingNamespaces(namespaces: readonly KubernetesObject[]): Map<string, string> {
  return new Map(
    namespaces.flatMap(({ metadata }) => {
      const { [LABEL_INJECT]: inject, [ENFORCE]: level = '' } = metadata?.labels ?? {};
      return inject === 'enabled' && REFUSING.includes(level) ? [[metadata?.name ?? '', level]] : [];
    }),
  );
}

/** Namespaces whose label of injection has a value that counts for nothing → that value. */
export function mislabelledNamespaces(namespaces: readonly KubernetesObject[]): Map<string, string> {
  return new Map(
    namespaces.flatMap(({ metadata }) => {
      const value = metadata?.labels?.[LABEL_INJECT];
      const counts = value === undefined || value === 'enabled' || value === 'disabled';
      return counts ? [] : [[metadata?.name ?? '', value]];
    }),
  );
}

/** Keys of pods that the injector would refuse if they were made anew → why, in its words. */
export function refusedPods(pods: readonly Pod[]): Map<string, string> {
  return new Map(
    pods.flatMap((pod) => {
      const key = objectKey(pod);
      const reason = refusalOf(pod);
      return key === undefined || reason === undefined ? [] : [[key, reason]];
    }),
  );
}

function refusalOf({ spec }: Pod): string | undefined {
  const containers = [...(spec?.initContainers ?? []), ...(spec?.containers ?? [])];
  if (containers.some(({ name }) => name === CONTAINER_SIDECAR)) return undefined;
  const ofPod = spec?.securityContext?.runAsUser;
  for (const { name, securityContext, ports } of containers) {
    if ((securityContext?.runAsUser ?? ofPod) === PROXY_UID) {
      return `container ${name} runs as user ${PROXY_UID}, which is the sidecar's`;
    }
    const port = reservedPort(ports);
    if (port !== undefined) return `container ${name} declares port ${port}, which is the sidecar's`;
  }
  return undefined;
}

/** No protocol is TCP; UDP does not meet the sidecar. */
function reservedPort(ports: V1Container['ports']): number | undefined {
  const isTaken = ({ containerPort, protocol }: { containerPort: number; protocol?: string }) =>
    RESERVED_PORTS.includes(containerPort) && (protocol || 'TCP') === 'TCP';
  return ports?.find(isTaken)?.containerPort;
}
