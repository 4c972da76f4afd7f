import type { V1Pod } from '@kubernetes/client-node';

/**
 * The app as shown in metrics: label `app.kubernetes.io/name`, else `app`, else the name of what made the pod
 * without the part that changes on each rollout, else the pod's own name.
 * Source: https://kubernetes.io/docs/concepts/overview/working-with-objects/common-labels/
 */
export function appNameOf(pod: V1Pod): string {
  const labels = pod.metadata?.labels ?? {};
  return labels['app.kubernetes.io/name'] || labels.app || controllerName(pod) || pod.metadata?.name || '';
}

function controllerName(pod: V1Pod): string | undefined {
  const owner = pod.metadata?.ownerReferences?.find((reference) => reference.controller === true);
  if (owner === undefined) return undefined;
  if (owner.kind === 'ReplicaSet')
    return withoutSuffix(owner.name, pod.metadata?.labels?.['pod-template-hash']);
  // A CronJob names its Jobs after the minute they were due.
  if (owner.kind === 'Job') return owner.name.replace(/-\d{8,}$/, '');
  return owner.name;
}

function withoutSuffix(name: string, hash: string | undefined): string {
  const suffix = `-${hash}`;
  return hash && name.endsWith(suffix) && name.length > suffix.length ? name.slice(0, -suffix.length) : name;
}
