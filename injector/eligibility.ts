import { CONTAINER_INIT, CONTAINER_SIDECAR, LABEL_INJECT, PROXY_UID, RESERVED_PORTS } from '../api/names.ts';
import { annotation, type Container, type Pod } from './pod.ts';
import { OWN_VOLUMES } from './volumes.ts';

/**
 * Whether a pod gets a sidecar. The webhook's selectors have decided that it is wanted; this decides whether it
 * is possible. `Skip` without a reason is what the author asked for.
 */
export type Eligibility =
  | { readonly verdict: 'Inject' }
  | { readonly verdict: 'Skip'; readonly reason?: string }
  | { readonly verdict: 'Refuse'; readonly reason: string };

/** Set by the kubelet on the image of a static pod; the API server cannot change what runs there. */
const ANNOTATION_MIRROR = 'kubernetes.io/config.mirror';

export function eligibility(pod: Pod): Eligibility {
  if (pod.metadata?.labels?.[LABEL_INJECT] === 'disabled') return { verdict: 'Skip' };
  if (annotation(pod, ANNOTATION_MIRROR) !== undefined) {
    return skip('a mirror pod is the image of a static pod, which the API server cannot change');
  }
  if (pod.spec.hostNetwork === true) {
    return skip('a pod with hostNetwork has no network of its own to redirect');
  }
  if (pod.spec.os?.name === 'windows') return skip('Windows pods are not supported');
  const reason = refusal(pod);
  return reason === undefined ? { verdict: 'Inject' } : { verdict: 'Refuse', reason };
}

function skip(reason: string): Eligibility {
  return { verdict: 'Skip', reason: `no Weft sidecar: ${reason}` };
}

function refusal(pod: Pod): string | undefined {
  const taken = pod.spec.containers.find(({ name }) => isOurs(name));
  if (taken !== undefined) {
    return `container ${taken.name} has a name that is for Weft's own; choose another name`;
  }
  for (const container of othersOf(pod)) {
    const reason = containerRefusal(pod, container);
    if (reason !== undefined) return `container ${container.name} ${reason}`;
  }
  return undefined;
}

function containerRefusal(pod: Pod, container: Container): string | undefined {
  const uid = container.securityContext?.runAsUser ?? pod.spec.securityContext?.runAsUser;
  if (uid === PROXY_UID) {
    return `runs as user ${PROXY_UID}, whose traffic bypasses the mesh; choose another runAsUser`;
  }
  const port = container.ports?.find(
    // No protocol is TCP; UDP does not meet the sidecar.
    ({ containerPort, protocol }) => RESERVED_PORTS.includes(containerPort) && (protocol || 'TCP') === 'TCP',
  );
  if (port !== undefined) {
    return `declares port ${port.containerPort}, which the sidecar listens on; choose another port`;
  }
  const mount = container.volumeMounts?.find(({ name }) => OWN_VOLUMES.includes(name));
  if (mount !== undefined) {
    return `mounts volume ${mount.name}, which is for the sidecar only; remove the mount`;
  }
  return undefined;
}

/** Every container but our own of an earlier invocation. */
export function othersOf(pod: Pod): Container[] {
  return [...(pod.spec.initContainers ?? []), ...pod.spec.containers].filter(({ name }) => !isOurs(name));
}

function isOurs(containerName: string): boolean {
  return containerName === CONTAINER_INIT || containerName === CONTAINER_SIDECAR;
}
