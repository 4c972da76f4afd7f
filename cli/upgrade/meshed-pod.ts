import { CONTAINER_SIDECAR } from '../../api/names.ts';
import type { ObjectMeta } from '../access/kube-client.ts';

/** The parts of a pod, as the API server tells it, that an upgrade looks at. */
export interface KubePod {
  readonly metadata: ObjectMeta & {
    readonly deletionTimestamp?: string;
    readonly ownerReferences?: readonly {
      readonly kind: string;
      readonly name: string;
      readonly controller?: boolean;
    }[];
  };
  readonly spec: {
    readonly nodeName?: string;
    readonly initContainers?: readonly { readonly name: string; readonly image?: string }[];
  };
  readonly status?: {
    readonly phase?: string;
    readonly conditions?: readonly { readonly type: string; readonly status: string }[];
    readonly initContainerStatuses?: readonly {
      readonly name: string;
      readonly ready: boolean;
      readonly restartCount: number;
      readonly containerID?: string;
      readonly state?: { readonly waiting?: { readonly reason?: string; readonly message?: string } };
    }[];
  };
}

/** A running pod with a sidecar. */
export interface MeshedPod {
  readonly namespace: string;
  readonly name: string;
  readonly uid: string;
  readonly node: string;
  /** `ReplicaSet/web-7d9f`; of a pod that nobody controls, itself */
  readonly workload: string;
  /** of the sidecar, as the pod asks for it */
  readonly image: string;
  /** the pod, with all its containers */
  readonly ready: boolean;
  readonly sidecarReady: boolean;
  /** changes when another process takes the sidecar's place */
  readonly containerId: string;
  /** why the sidecar does not run, if it does not */
  readonly waiting: string | undefined;
}

/** Undefined: it has no sidecar, does not run, or is on its way out. */
export function meshedPod({ metadata, spec, status }: KubePod): MeshedPod | undefined {
  const image = spec.initContainers?.find(({ name }) => name === CONTAINER_SIDECAR)?.image;
  const isRunning = status?.phase === 'Running' && metadata.deletionTimestamp === undefined;
  if (image === undefined || !isRunning || spec.nodeName === undefined) return undefined;
  const { namespace, name, uid } = metadata;
  const owner = metadata.ownerReferences?.find(({ controller }) => controller === true);
  const sidecar = status?.initContainerStatuses?.find((each) => each.name === CONTAINER_SIDECAR);
  const waiting = sidecar?.state?.waiting;
  return {
    ...{ namespace, name, uid, image, node: spec.nodeName },
    workload: owner === undefined ? `Pod/${name}` : `${owner.kind}/${owner.name}`,
    ready: status?.conditions?.some((each) => each.type === 'Ready' && each.status === 'True') ?? false,
    sidecarReady: sidecar?.ready ?? false,
    containerId: sidecar?.containerID ?? '',
    waiting: waiting && [waiting.reason, waiting.message].filter(Boolean).join(': '),
  };
}
