import { ctr } from './containerd.ts';
import { LIFE, workloads } from './lifecycle.fixture.ts';
import { LoadSite } from './loadsite.ts';
import type { Pod } from './scenario.ts';

export interface ContainerStatus {
  readonly name: string;
  readonly containerID: string;
  readonly ready: boolean;
  readonly restartCount: number;
  readonly state: { readonly terminated?: { readonly exitCode: number; readonly finishedAt: string } };
}

/** The two Deployments of the control plane. */
export const PARTS = ['operator', 'injector'] as const;
export type Part = (typeof PARTS)[number];

const SYSTEM = 'weft-system';

/** A cluster with Weft, servers, and a client that calls them without pause. */
export class LifecycleSite extends LoadSite {
  override readonly namespace = LIFE;

  override async fill(): Promise<void> {
    this.atEnd(() => this.kubectl('delete', 'namespace', LIFE, '--ignore-not-found'));
    await this.installWeft();
    await this.apply(...workloads());
    for (const each of ['ledger', 'api', 'hasty', 'wide', 'frail', 'steady', 'load'])
      await this.rolledOut(each);
  }

  /** Takes a part of the control plane away as a dying node does: no time to say goodbye. */
  async kill(part: Part): Promise<void> {
    await this.scale(`weft-${part}`, 0, SYSTEM);
    const pods = ['pod', '-l', `app.kubernetes.io/component=${part}`];
    await this.kubectl('-n', SYSTEM, 'delete', ...pods, '--grace-period=0', '--force', '--ignore-not-found');
  }

  /** Gives it back; how long it took to be ready, in ms. */
  restore(part: Part): Promise<number> {
    return this.timed(async () => {
      await this.scale(`weft-${part}`, 2, SYSTEM);
      await this.rolledOut(`weft-${part}`, SYSTEM);
    });
  }

  /** Containers of a pod, by the ids that the node knows them by. */
  async containers({ metadata }: Pod): Promise<ContainerStatus[]> {
    const found = await this.kubectl('-n', metadata.namespace, 'get', 'pod', metadata.name, '-o', 'json');
    const { initContainerStatuses, containerStatuses } = JSON.parse(found).status;
    return [...initContainerStatuses, ...containerStatuses];
  }

  /** Signals the first process of a container, without asking the API server; the kubelet starts it again. */
  async signal({ containerID }: ContainerStatus, signal: 'SIGTERM' | 'SIGKILL'): Promise<void> {
    const id = containerID.replace('containerd://', '');
    await this.cluster.nodeExecOk([...ctr, 'tasks', 'kill', '--signal', signal, id]);
  }

  /** The node's end of the wire to a pod. */
  async wire({ status }: Pod): Promise<string> {
    const route = await this.cluster.nodeExecOk(['ip', 'route', 'get', status.podIP]);
    return / dev (\S+)/.exec(route)![1]!;
  }
}

export const containerNamed = (containers: readonly ContainerStatus[], name: string): ContainerStatus => {
  const found = containers.find((each) => each.name === name);
  if (found === undefined) throw new Error(`no container ${name}`);
  return found;
};
