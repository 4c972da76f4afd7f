import type { KubernetesObject } from './helm.ts';

/**
 * What keeps a pod from the Pod Security profile `restricted`, as sentences; none: it conforms.
 * Source: https://kubernetes.io/docs/concepts/security/pod-security-standards/#restricted
 */
export function restrictedViolations(pod: KubernetesObject): string[] {
  const spec = pod.spec;
  const containers = [...(spec.initContainers ?? []), ...spec.containers];
  return [
    ...podViolations(spec),
    ...containers.flatMap((container: KubernetesObject) =>
      containerViolations(container, spec.securityContext ?? {}).map((what) => `${container.name}: ${what}`),
    ),
  ];
}

const VOLUMES = [
  'configMap',
  'csi',
  'downwardAPI',
  'emptyDir',
  'ephemeral',
  'persistentVolumeClaim',
  'projected',
  'secret',
];

function podViolations(spec: KubernetesObject): string[] {
  const host = ['hostNetwork', 'hostPID', 'hostIPC'].filter((field) => spec[field] === true);
  const volumes = (spec.volumes ?? []).filter(
    (volume: KubernetesObject) => !VOLUMES.some((kind) => kind in volume),
  );
  const sysctls = spec.securityContext?.sysctls ?? [];
  return [
    ...host.map((field) => `${field} is set`),
    ...volumes.map((volume: KubernetesObject) => `volume ${volume.name} is of a forbidden type`),
    ...sysctls.map((sysctl: KubernetesObject) => `sysctl ${sysctl.name} is set`),
  ];
}

function containerViolations(container: KubernetesObject, pod: KubernetesObject): string[] {
  const own = container.securityContext ?? {};
  const effective = { ...pod, ...own };
  const checks: [boolean, string][] = [
    [own.privileged === true, 'privileged'],
    [own.allowPrivilegeEscalation !== false, 'privilege escalation is not off'],
    [effective.runAsNonRoot !== true, 'may run as root'],
    [effective.runAsUser === 0, 'runs as user 0'],
    [
      !['RuntimeDefault', 'Localhost'].includes(effective.seccompProfile?.type),
      'no seccomp profile of the runtime',
    ],
    [!(own.capabilities?.drop ?? []).includes('ALL'), 'does not drop ALL capabilities'],
    [(own.capabilities?.add ?? []).some((name: string) => name !== 'NET_BIND_SERVICE'), 'adds a capability'],
    [own.procMount !== undefined && own.procMount !== 'Default', 'procMount'],
    [(container.ports ?? []).some((port: KubernetesObject) => port.hostPort > 0), 'takes a port of the host'],
    // Beyond the profile, and promised by the chart.
    [own.readOnlyRootFilesystem !== true, 'root file system is writable'],
  ];
  return checks.flatMap(([broken, what]) => (broken ? [what] : []));
}
