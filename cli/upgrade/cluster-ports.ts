import { setTimeout as delay } from 'node:timers/promises';
import { CONTAINER_SIDECAR, LABEL_INJECTED } from '../../api/names.ts';
import type { Question } from '../access/access.ts';
import { ConflictError } from '../access/kube-client.ts';
import type { KubernetesAccess } from '../access/kubernetes-access.ts';
import { UsageError } from '../usage-error.ts';
import { type KubePod, type MeshedPod, meshedPod } from './meshed-pod.ts';
import type { UpgradePorts } from './ports.ts';

interface Deployment {
  readonly spec: {
    readonly template: {
      readonly spec: {
        readonly imagePullSecrets?: readonly object[];
        readonly containers: readonly {
          readonly env?: readonly { readonly name: string; readonly value?: string }[];
        }[];
      };
    };
  };
}

/** What new pods get: the image that the injector puts into them, and what it is pulled with. */
export interface InjectedImage {
  readonly image: string | undefined;
  readonly pullSecrets: readonly object[];
}

/** The pods of a cluster, as far as the user of the kubeconfig may change them. */
export class ClusterPorts implements UpgradePorts {
  readonly #access: KubernetesAccess;
  readonly nowMs = (): number => performance.now();
  readonly delay = (ms: number): Promise<unknown> => delay(ms);

  constructor(access: KubernetesAccess) {
    this.#access = access;
  }

  async pods(namespace: string | undefined, selector: string | undefined): Promise<MeshedPod[]> {
    const path = namespace === undefined ? '/api/v1/pods' : podsPath(namespace);
    const labelSelector = [`${LABEL_INJECTED}=true`, ...(selector ? [selector] : [])].join(',');
    const found = await this.#access.client.list<KubePod>(path, { labelSelector });
    return found.flatMap((pod) => meshedPod(pod) ?? []);
  }

  async injected(controlPlaneNamespace: string): Promise<InjectedImage> {
    const path = `/apis/apps/v1/namespaces/${encodeURIComponent(controlPlaneNamespace)}/deployments`;
    const [found] = await this.#access.client.list<Deployment>(path, {
      labelSelector: 'app.kubernetes.io/name=weft,app.kubernetes.io/component=injector',
    });
    if (found === undefined) {
      throw new UsageError(
        `no injector is in ${controlPlaneNamespace}`,
        '--control-plane-namespace names it',
      );
    }
    const { containers, imagePullSecrets = [] } = found.spec.template.spec;
    const env = containers.flatMap((container) => container.env ?? []);
    return { image: env.find(({ name }) => name === 'WEFT_IMAGE')?.value, pullSecrets: imagePullSecrets };
  }

  async look(pod: MeshedPod): Promise<MeshedPod | undefined> {
    const found = await this.#access.client.get<KubePod>(podPath(pod));
    return found?.metadata.uid === pod.uid ? meshedPod(found) : undefined;
  }

  /** With the uid: a pod of the same name that came later is another one, and a conflict. What is gone stays so. */
  async setImage(pod: MeshedPod, image: string, dryRun: boolean): Promise<void> {
    try {
      await this.#access.client.patch(`${podPath(pod)}${dryRun ? '?dryRun=All' : ''}`, {
        metadata: { uid: pod.uid },
        spec: { initContainers: [{ name: CONTAINER_SIDECAR, image }] },
      });
    } catch (error) {
      if (!(error instanceof ConflictError) || (await this.look(pod)) !== undefined) throw error;
    }
  }

  ask(pod: MeshedPod, question: Question): Promise<unknown> {
    return this.#access.ask({ namespace: pod.namespace, name: pod.name, ready: pod.ready }, question);
  }
}

export function podsPath(namespace: string): string {
  return `/api/v1/namespaces/${encodeURIComponent(namespace)}/pods`;
}

function podPath({ namespace, name }: MeshedPod): string {
  return `${podsPath(namespace)}/${encodeURIComponent(name)}`;
}
