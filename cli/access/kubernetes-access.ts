import type { Exec, KubeConfig } from '@kubernetes/client-node';
import { ROTATION_FILE, TRUST_BUNDLE_CONFIG_MAP } from '../../api/ca-report.ts';
import type { MeshPolicySpec } from '../../api/mesh-policy.ts';
import { API_VERSION, CONTAINER_SIDECAR, LABEL_INJECTED } from '../../api/names.ts';
import { UsageError } from '../usage-error.ts';
import {
  type Access,
  keyOf,
  type PolicyView,
  type Question,
  type Selection,
  type ServiceView,
  type Sidecar,
} from './access.ts';
import type { AccessFlags } from './flags.ts';
import { ForbiddenError, KubeClient, noCluster, type ObjectMeta } from './kube-client.ts';
import { askByExec } from './pod-exec.ts';

interface Pod {
  readonly metadata: ObjectMeta;
  readonly spec: { readonly initContainers?: readonly { readonly name: string }[] };
  readonly status?: {
    readonly phase?: string;
    readonly initContainerStatuses?: readonly {
      readonly name: string;
      readonly ready: boolean;
      readonly state?: { readonly running?: object };
    }[];
  };
}
interface Service {
  readonly spec: { readonly selector?: Readonly<Record<string, string>>; readonly ports?: readonly object[] };
}
interface Policy {
  readonly metadata: ObjectMeta;
  readonly spec: MeshPolicySpec;
  readonly status?: Partial<PolicyView>;
}

/** The mesh of a cluster, as far as the user of the kubeconfig may see it. */
export class KubernetesAccess implements Access {
  readonly where: string;
  readonly folder = undefined;
  readonly namespace: string;
  /** for what only a cluster has */
  readonly client: KubeClient;
  readonly #exec: Exec;

  private constructor(client: KubeClient, exec: Exec, namespace: string) {
    this.client = client;
    this.#exec = exec;
    this.namespace = namespace;
    this.where = `the cluster at ${client.server}`;
  }

  static async open({ context, kubeconfig }: AccessFlags): Promise<KubernetesAccess> {
    const { KubeConfig, Exec } = await import('@kubernetes/client-node');
    const config = new KubeConfig();
    try {
      if (kubeconfig === undefined) config.loadFromDefault();
      else config.loadFromFile(kubeconfig);
    } catch (error) {
      // Further lines quote the file, in which there may be a token.
      const [why] = (error as Error).message.split('\n', 1);
      throw new UsageError(`the kubeconfig cannot be read: ${why}`);
    }
    if (context !== undefined) {
      const known = config.getContexts().map(({ name }) => name);
      if (!known.includes(context)) {
        throw new UsageError(`no context ${context} is in the kubeconfig`, `there are: ${known.join(', ')}`);
      }
      config.setCurrentContext(context);
    }
    if (isMadeUp(config)) throw noCluster();
    const namespace = config.getContextObject(config.getCurrentContext())?.namespace ?? 'default';
    return new KubernetesAccess(new KubeClient(config), new Exec(config), namespace);
  }

  async hasNamespace(namespace: string): Promise<boolean | undefined> {
    try {
      return (await this.client.get(namespacePath(namespace))) !== undefined;
    } catch (error) {
      if (error instanceof ForbiddenError) return undefined;
      throw error;
    }
  }

  async proxies({ namespace, pods }: Selection): Promise<Sidecar[]> {
    const found = (await this.#pods(namespace, { [LABEL_INJECTED]: 'true' })).map(proxyOf);
    if (pods === undefined) return found;
    const unknown = pods.find((pod) => !found.some(({ name }) => name === pod));
    if (unknown !== undefined) {
      throw new UsageError(`no running pod ${unknown} with a sidecar is in ${namespace ?? 'any namespace'}`);
    }
    return found.filter(({ name }) => pods.includes(name));
  }

  ask(proxy: Sidecar, question: Question): Promise<unknown> {
    return askByExec(this.#exec, proxy, question);
  }

  async rotation(controlPlaneNamespace: string): Promise<string | undefined> {
    const path = `${namespacePath(controlPlaneNamespace)}/configmaps/${TRUST_BUNDLE_CONFIG_MAP}`;
    const map = await this.client.get<{ readonly data?: Readonly<Record<string, string>> }>(path);
    return map?.data?.[ROTATION_FILE];
  }

  async policies(namespace: string | undefined): Promise<PolicyView[]> {
    const items = await this.client.list<Policy>(policiesPath(namespace));
    return items.map(viewOf).sort((a, b) => (keyOf(a) < keyOf(b) ? -1 : 1));
  }

  async policy(namespace: string, name: string): Promise<PolicyView | undefined> {
    const found = await this.client.get<Policy>(`${policiesPath(namespace)}/${encodeURIComponent(name)}`);
    return found && viewOf(found);
  }

  async service(namespace: string, name: string): Promise<ServiceView> {
    const service = await this.client.get<Service>(
      `${namespacePath(namespace)}/services/${encodeURIComponent(name)}`,
    );
    if (service === undefined) throw new UsageError(`there is no Service ${namespace}/${name}`);
    const { selector, ports } = service.spec;
    if (selector === undefined)
      throw new UsageError(`the Service ${namespace}/${name} has no selector, so no pods`);
    return { ...(await this.labelled(namespace, selector)), ports: ports?.length ?? 0 };
  }

  async labels(namespace: string, name: string): Promise<Readonly<Record<string, string>> | undefined> {
    const pod = await this.client.get<Pod>(`${namespacePath(namespace)}/pods/${encodeURIComponent(name)}`);
    if (pod === undefined) return undefined;
    const labels = Object.entries(pod.metadata.labels ?? {});
    return Object.fromEntries(labels.filter(([label]) => !isOfController(label)));
  }

  async labelled(namespace: string, labels: Readonly<Record<string, string>>): Promise<ServiceView> {
    const pods = await this.#pods(namespace, labels);
    return {
      proxies: pods.filter(isMeshed).map(proxyOf),
      unmeshed: pods.filter((pod) => !isMeshed(pod)).map(({ metadata }) => keyOf(metadata)),
      ports: 1,
    };
  }

  async #pods(namespace: string | undefined, labels: Readonly<Record<string, string>>): Promise<Pod[]> {
    const labelSelector = Object.entries(labels)
      .map(([label, value]) => `${label}=${value}`)
      .join(',');
    const path = namespace === undefined ? '/api/v1/pods' : `${namespacePath(namespace)}/pods`;
    const pods = await this.client.list<Pod>(path, { labelSelector });
    return pods
      .filter(({ status }) => status?.phase === 'Running' || status?.phase === 'Pending')
      .sort((a, b) => (keyOf(a.metadata) < keyOf(b.metadata) ? -1 : 1));
  }
}

/** What the client falls back to where there is no kubeconfig. */
function isMadeUp(config: KubeConfig): boolean {
  const isFallback = config.getCurrentContext() === 'loaded-context';
  return isFallback && config.getCurrentCluster()?.server === 'http://localhost:8080';
}

/** It tells one pod or one revision from another. */
function isOfController(label: string): boolean {
  return (
    /^(pod-template-hash|controller-revision-hash|pod-template-generation|controller-uid|job-name)$/.test(
      label,
    ) || /^(statefulset\.kubernetes\.io|apps\.kubernetes\.io|batch\.kubernetes\.io|weft\.dev)\//.test(label)
  );
}

function isMeshed({ spec }: Pod): boolean {
  return spec.initContainers?.some(({ name }) => name === CONTAINER_SIDECAR) ?? false;
}

function proxyOf({ metadata, status }: Pod): Sidecar {
  const sidecar = status?.initContainerStatuses?.find(({ name }) => name === CONTAINER_SIDECAR);
  return { namespace: metadata.namespace, name: metadata.name, ready: sidecar?.ready ?? false };
}

function viewOf({ metadata, spec, status }: Policy): PolicyView {
  return {
    ...{ namespace: metadata.namespace, name: metadata.name, uid: metadata.uid, spec },
    generation: metadata.generation,
    observedGeneration: status?.observedGeneration ?? 0,
    conditions: status?.conditions ?? [],
    proxies: status?.proxies,
    laggards: status?.laggards ?? [],
  };
}

function namespacePath(namespace: string): string {
  return `/api/v1/namespaces/${encodeURIComponent(namespace)}`;
}

function policiesPath(namespace: string | undefined): string {
  const within = namespace === undefined ? '' : `/namespaces/${encodeURIComponent(namespace)}`;
  return `/apis/${API_VERSION}${within}/meshpolicies`;
}
