import { randomBytes } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import type { KubeClient } from '../access/kube-client.ts';
import { podsPath } from './cluster-ports.ts';

interface PullingPod {
  readonly status?: {
    readonly phase?: string;
    readonly containerStatuses?: readonly {
      readonly state?: { readonly waiting?: { readonly reason?: string; readonly message?: string } };
    }[];
  };
}

export interface PullOptions {
  readonly image: string;
  readonly pullSecrets: readonly object[];
  /** where the pods that pull are made */
  readonly namespace: string;
  readonly timeoutMs: number;
}

const EVERY_MS = 500;

/**
 * The kubelet ends a sidecar before it pulls the image of the next. So the image is pulled before, by a pod that prints
 * its version and goes; that it runs on this node is proven with it. Rejects with what the kubelet says.
 */
export async function pullOn(node: string, options: PullOptions, client: KubeClient): Promise<void> {
  const name = `weft-pull-${randomBytes(5).toString('hex')}`;
  const path = podsPath(options.namespace);
  await client.create(path, pullingPod(name, node, options));
  try {
    const deadlineMs = performance.now() + options.timeoutMs;
    let said = 'it has not run';
    while (performance.now() < deadlineMs) {
      const { status } = (await client.get<PullingPod>(`${path}/${name}`)) ?? {};
      if (status?.phase === 'Succeeded') return;
      const { reason, message } = status?.containerStatuses?.[0]?.state?.waiting ?? {};
      if (reason !== undefined) said = message ? `${reason}: ${message}` : reason;
      if (status?.phase === 'Failed' || /^(ErrImage|ImagePull|InvalidImage)/.test(said)) {
        throw new Error(`${options.image} does not run on the node ${node}: ${said}`);
      }
      await delay(EVERY_MS);
    }
    throw new Error(`${options.image} was not pulled on the node ${node} in time: ${said}`);
  } finally {
    await client.delete(`${path}/${name}?gracePeriodSeconds=0`);
  }
}

function pullingPod(name: string, nodeName: string, { image, pullSecrets }: PullOptions): object {
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name, labels: { 'app.kubernetes.io/name': 'weft', 'app.kubernetes.io/component': 'pull' } },
    spec: {
      nodeName,
      restartPolicy: 'Never',
      automountServiceAccountToken: false,
      enableServiceLinks: false,
      terminationGracePeriodSeconds: 0,
      activeDeadlineSeconds: 600,
      imagePullSecrets: pullSecrets,
      tolerations: [{ operator: 'Exists' }],
      containers: [
        {
          ...{ name: 'pull', image, imagePullPolicy: 'IfNotPresent', args: ['--version'] },
          resources: { requests: { cpu: '10m', memory: '32Mi' }, limits: { memory: '256Mi' } },
          securityContext: {
            runAsNonRoot: true,
            allowPrivilegeEscalation: false,
            readOnlyRootFilesystem: true,
            capabilities: { drop: ['ALL'] },
            seccompProfile: { type: 'RuntimeDefault' },
          },
        },
      ],
    },
  };
}
