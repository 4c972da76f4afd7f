import { ENV, SIDECAR_RUNTIME } from '../api/environment.ts';
import {
  CONTAINER_INIT,
  CONTAINER_SIDECAR,
  MOUNT_PROXY,
  MOUNT_STATE,
  MOUNT_TOKEN,
  PORTS,
  PROXY_UID,
  VOLUME_PROXY,
  VOLUME_STATE,
  VOLUME_TOKEN,
} from '../api/names.ts';
import type { DeclaredProbes } from '../api/probes.ts';
import { writeProbes } from './declared-probes.ts';
import type { PodOptions } from './overrides.ts';
import type { Resources, SidecarSettings } from './settings.ts';

/** What goes into one pod besides its own annotations. */
export interface Injection {
  readonly settings: SidecarSettings;
  readonly options: PodOptions;
  readonly proxyId: string;
  /** PEM roots that the sidecar trusts before it has its Secret */
  readonly trustBundle: string;
  readonly probes: DeclaredProbes;
}

/** As in a pod spec; here are the parts that are looked at once more. */
export interface OwnContainer {
  readonly name: string;
  readonly resources: { readonly requests?: object; readonly limits?: object };
  readonly [field: string]: unknown;
}

/** A server that is not ready after this many seconds is restarted by the kubelet; starting is retried anyway. */
const STARTUP_MAX_SECONDS = 600;

/** `weft init`: root with two capabilities, gone before any other container starts. */
export function initContainer(injection: Injection): OwnContainer {
  const { options } = injection;
  return {
    name: CONTAINER_INIT,
    ...image(injection),
    args: ['init'],
    env: [
      { name: ENV.skipInboundPorts, value: options.skipInboundPorts },
      { name: ENV.skipOutboundPorts, value: options.skipOutboundPorts },
      { name: ENV.skipOutboundCidrs, value: options.skipOutboundCidrs },
    ].filter(({ value }) => value !== ''),
    // The same as the sidecar's: it asks for no more than is there anyway once it is done.
    resources: resources(options.resources),
    securityContext: {
      runAsUser: 0,
      runAsGroup: 0,
      runAsNonRoot: false,
      privileged: false,
      allowPrivilegeEscalation: false,
      readOnlyRootFilesystem: true,
      capabilities: { add: ['NET_ADMIN', 'NET_RAW'], drop: ['ALL'] },
      seccompProfile: { type: 'RuntimeDefault' },
    },
  };
}

/**
 * The native sidecar (https://kubernetes.io/docs/concepts/workloads/pods/sidecar-containers/): an init container
 * that stays. What follows starts when its startup probe succeeds and ends before it does.
 */
export function sidecarContainer(injection: Injection): OwnContainer {
  return {
    name: CONTAINER_SIDECAR,
    restartPolicy: 'Always',
    ...image(injection),
    args: ['sidecar'],
    env: sidecarEnv(injection),
    ports: [{ name: 'weft-admin', containerPort: PORTS.admin, protocol: 'TCP' }],
    startupProbe: { ...probe('/readyz'), periodSeconds: 1, failureThreshold: STARTUP_MAX_SECONDS },
    readinessProbe: { ...probe('/readyz'), periodSeconds: 2, failureThreshold: 3 },
    livenessProbe: { ...probe('/healthz'), periodSeconds: 10, failureThreshold: 3 },
    // Runs at the start of termination, while the app still does: the signal to drain.
    lifecycle: { preStop: { exec: { command: ['weft', 'drain'] } } },
    resources: resources(injection.options.resources),
    securityContext: {
      runAsUser: PROXY_UID,
      runAsGroup: PROXY_UID,
      runAsNonRoot: true,
      privileged: false,
      allowPrivilegeEscalation: false,
      readOnlyRootFilesystem: true,
      capabilities: { drop: ['ALL'] },
      seccompProfile: { type: 'RuntimeDefault' },
    },
    volumeMounts: [
      { name: VOLUME_PROXY, mountPath: MOUNT_PROXY, readOnly: true },
      { name: VOLUME_TOKEN, mountPath: MOUNT_TOKEN, readOnly: true },
      { name: VOLUME_STATE, mountPath: MOUNT_STATE },
    ],
  };
}

function sidecarEnv({ settings, options, proxyId, trustBundle, probes }: Injection): object[] {
  return [
    fromPod(ENV.podName, 'metadata.name'),
    fromPod(ENV.podNamespace, 'metadata.namespace'),
    fromPod(ENV.podUid, 'metadata.uid'),
    fromPod(ENV.podIp, 'status.podIP'),
    { name: ENV.proxyId, value: proxyId },
    { name: ENV.controlPlane, value: settings.controlPlane },
    { name: ENV.controlPlaneId, value: settings.controlPlaneId },
    { name: ENV.trustBundle, value: trustBundle },
    { name: ENV.logLevel, value: options.logLevel },
    { name: ENV.probes, value: writeProbes(probes) },
    ...Object.entries(SIDECAR_RUNTIME).map(([name, value]) => ({ name, value })),
  ];
}

function fromPod(name: string, fieldPath: string): object {
  return { name, valueFrom: { fieldRef: { apiVersion: 'v1', fieldPath } } };
}

function image({ settings, options }: Injection): object {
  return { image: options.image, imagePullPolicy: settings.imagePullPolicy };
}

function probe(path: string): object {
  return { httpGet: { path, port: PORTS.admin, scheme: 'HTTP' }, timeoutSeconds: 2 };
}

/** Without the empty parts, which the API server leaves out as well. */
function resources({
  cpuRequest,
  memoryRequest,
  cpuLimit,
  memoryLimit,
}: Resources): OwnContainer['resources'] {
  const requests = amounts(cpuRequest, memoryRequest);
  const limits = amounts(cpuLimit, memoryLimit);
  return { ...(requests && { requests }), ...(limits && { limits }) };
}

function amounts(cpu: string | undefined, memory: string | undefined): object | undefined {
  if (cpu === undefined && memory === undefined) return undefined;
  return { ...(cpu !== undefined && { cpu }), ...(memory !== undefined && { memory }) };
}
