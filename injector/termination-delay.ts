import { type PatchOperation, pointer } from './json-patch.ts';
import { type Container, graceSeconds, type Pod } from './pod.ts';

/** A pod that is to end sooner than this many delays from now keeps its time for itself. */
const GRACE_MIN_DELAYS = 3;

/**
 * Delays the SIGTERM of the app's containers by a `preStop` that sleeps
 * (https://kubernetes.io/docs/concepts/containers/container-lifecycle-hooks/, Kubernetes 1.30). The kubelet ends a pod
 * at the same moment as everybody else begins to hear of it: an app that stops listening at once refuses what its
 * callers send until they have heard. A `preStop` that is there stays; so does the haste of a pod with little time.
 */
export function terminationDelay(pod: Pod, delaySeconds: number): PatchOperation[] {
  if (delaySeconds === 0 || graceSeconds(pod) < delaySeconds * GRACE_MIN_DELAYS) return [];
  return pod.spec.containers.flatMap((container, index) => delayed(container, index, delaySeconds));
}

function delayed({ lifecycle }: Container, index: number, seconds: number): PatchOperation[] {
  if (lifecycle?.preStop) return [];
  const preStop = { sleep: { seconds } };
  const path = ['spec', 'containers', index, 'lifecycle'];
  if (!lifecycle) return [{ op: 'add', path: pointer(...path), value: { preStop } }];
  return [{ op: 'add', path: pointer(...path, 'preStop'), value: preStop }];
}
