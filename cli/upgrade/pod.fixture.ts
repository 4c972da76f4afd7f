import type { KubePod, MeshedPod } from './meshed-pod.ts';

/** A ready pod of the ReplicaSet `web-1`, unless told otherwise. */
export function kubePod(name: string, image = 'weft:1'): KubePod {
  return {
    metadata: {
      ...{ name, namespace: 'shop', uid: `uid-${name}` },
      ownerReferences: [{ kind: 'ReplicaSet', name: 'web-1', controller: true }],
    },
    spec: { nodeName: 'n1', initContainers: [{ name: 'weft-init' }, { name: 'weft-sidecar', image }] },
    status: {
      phase: 'Running',
      conditions: [{ type: 'Ready', status: 'True' }],
      initContainerStatuses: [
        { name: 'weft-sidecar', ready: true, restartCount: 0, containerID: `c-${image}`, state: {} },
      ],
    },
  };
}

export function pod(name: string, change: Partial<MeshedPod> = {}): MeshedPod {
  return {
    ...{ namespace: 'shop', name, uid: `uid-${name}`, node: 'n1', workload: 'ReplicaSet/web-1' },
    ...{ image: 'weft:1', ready: true, sidecarReady: true, containerId: 'c-weft:1', waiting: undefined },
    ...change,
  };
}
