import type { V1Container, V1Pod } from '@kubernetes/client-node';
import { ENV } from '../../../api/environment.ts';
import { CONTAINER_INIT, CONTAINER_SIDECAR, SECRET_PREFIX, VOLUME_PROXY } from '../../../api/names.ts';
import type { Workload, WorkloadPort } from '../../mesh/model.ts';
import { appNameOf } from './app-name.ts';

/** A DNS label: the id names a Secret and is a DNS name in the certificate. */
const PROXY_ID = /^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$/;

/** Pod → Workload; undefined for what lacks a name, a namespace or a uid. */
export function translatePod(pod: V1Pod): Workload | undefined {
  const { name, namespace, uid, labels } = pod.metadata ?? {};
  if (!name || !namespace || !uid) return undefined;
  const finished = pod.status?.phase === 'Succeeded' || pod.status?.phase === 'Failed';
  return {
    key: `${namespace}/${name}`,
    namespace,
    name,
    uid,
    serviceAccount: pod.spec?.serviceAccountName || 'default',
    labels: labels ?? {},
    app: appNameOf(pod),
    addresses: finished ? [] : addressesOf(pod),
    ready: !finished && isReady(pod),
    finished,
    proxyId: proxyIdOf(pod),
    ports: portsOf(pod),
    ...(isUnheard(pod) && { unheard: true }),
    ...(pod.metadata?.deletionTimestamp && { terminating: true }),
    ...createdAtOf(pod.metadata?.creationTimestamp),
    ...skippedPortsOf(pod),
  };
}

/** A string, whatever the type says: JSON has no dates. */
function createdAtOf(timestamp: unknown): { readonly createdAt?: string } {
  return typeof timestamp === 'string' && timestamp !== '' ? { createdAt: timestamp } : {};
}

/**
 * The ports whose connections never reach the sidecar, as the init container was told. From its environment,
 * which cannot change once the pod exists; not from the annotation, which may be changed without effect.
 */
function skippedPortsOf(pod: V1Pod): { readonly skippedInboundPorts?: readonly number[] } {
  const init = pod.spec?.initContainers?.find(({ name }) => name === CONTAINER_INIT);
  const text = init?.env?.find(({ name }) => name === ENV.skipInboundPorts)?.value ?? '';
  const ports = text
    .split(',')
    .map((entry) => entry.trim())
    .filter((entry) => /^[1-9][0-9]{0,4}$/.test(entry) && Number(entry) <= 65535);
  const sorted = [...new Set(ports.map(Number))].sort((a, b) => a - b);
  return sorted.length === 0 ? {} : { skippedInboundPorts: sorted };
}

/**
 * A finished pod's address may already be another pod's, and a pod on the host's network shares the node's:
 * neither says who somebody is.
 */
function addressesOf(pod: V1Pod): string[] {
  if (pod.spec?.hostNetwork === true) return [];
  const all = pod.status?.podIPs?.map((entry) => entry.ip) ?? [];
  return [...new Set([...all, pod.status?.podIP])].filter((ip): ip is string => Boolean(ip));
}

function isReady(pod: V1Pod): boolean {
  return isTrue(pod, 'Ready');
}

/**
 * When a node is not heard of, Kubernetes sets Ready of its pods to False and leaves the rest as the kubelet said it
 * last; the kubelet itself never says False of a pod whose containers and readiness gates are all ready.
 * Source: https://kubernetes.io/docs/concepts/workloads/pods/pod-lifecycle/#pod-readiness-status
 */
function isUnheard(pod: V1Pod): boolean {
  if (pod.status?.phase !== 'Running' || isReady(pod) || pod.metadata?.deletionTimestamp) return false;
  const gates = pod.spec?.readinessGates?.map(({ conditionType }) => conditionType) ?? [];
  return ['ContainersReady', ...gates].every((type) => isTrue(pod, type));
}

function isTrue(pod: V1Pod, condition: string): boolean {
  return pod.status?.conditions?.some(({ type, status }) => type === condition && status === 'True') ?? false;
}

/**
 * From the Secret volume, which cannot change once the pod exists; never from the annotation, which whoever
 * may edit the pod can copy from another.
 */
function proxyIdOf(pod: V1Pod): string | undefined {
  const volume = pod.spec?.volumes?.find(({ name }) => name === VOLUME_PROXY);
  const secretName = volume?.secret?.secretName;
  if (!secretName?.startsWith(SECRET_PREFIX)) return undefined;
  const id = secretName.slice(SECRET_PREFIX.length);
  return PROXY_ID.test(id) ? id : undefined;
}

/** Declared TCP ports of the app: its containers and its own native sidecars, not ours. */
function portsOf(pod: V1Pod): WorkloadPort[] {
  const sidecars = (pod.spec?.initContainers ?? []).filter(({ restartPolicy }) => restartPolicy === 'Always');
  const containers = [...sidecars, ...(pod.spec?.containers ?? [])];
  return containers.filter(({ name }) => name !== CONTAINER_SIDECAR).flatMap(portsOfContainer);
}

function portsOfContainer(container: V1Container): WorkloadPort[] {
  return (container.ports ?? [])
    .filter(({ protocol }) => protocol === undefined || protocol === 'TCP')
    .map(({ name, containerPort }) => ({ name: name || undefined, port: containerPort }));
}
