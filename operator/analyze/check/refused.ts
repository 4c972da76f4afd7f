import type { Found } from './codes.ts';
import type { Inspection } from './inspection.ts';

/** Namespaces in which nothing is created any more: the API server refuses every pod with a sidecar. */
export function refusedByPodSecurity({ read }: Inspection): Found[] {
  return [...(read.refusingNamespaces ?? [])].map(([name, level]) => ({
    ...{ severity: 'warning', code: 'PodSecurityRefuses' },
    where: { kind: 'Namespace', name },
    message: `the namespace is opted in and enforces Pod Security ${level}, which refuses weft-init: no pod is created there any more`,
    fix: `kubectl label --overwrite namespace ${name} pod-security.kubernetes.io/enforce=privileged; warn and audit may stay ${level}`,
  }));
}

/** Pods that run without a sidecar, and would not be created again. */
export function refusedByInjector({ workloads, read }: Inspection): Found[] {
  const { injectedNamespaces } = read;
  return workloads.flatMap(({ key, namespace, app, name }) => {
    const reason = read.refusedPods?.get(key);
    if (reason === undefined || !injectedNamespaces?.has(namespace) || read.uninjectable.has(key)) return [];
    return [
      {
        ...{ severity: 'warning', code: 'PodRefused' },
        where: { kind: 'Workload', name: `${namespace}/${app}` },
        message: `pod ${name} has no sidecar, and would be refused if it were made anew: ${reason}`,
        fix: 'choose another in its pod template; or label the pod weft.dev/inject: disabled, where no sidecar is wanted',
      },
    ];
  });
}
