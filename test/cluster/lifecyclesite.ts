import type { MeshPolicySpec } from '../../api/mesh-policy.ts';
import { ctr } from './containerd.ts';
import { type Generator, OUTSIDE_LOAD, outsideLoad } from './h2load.fixture.ts';
import { LIFE, type StreamName, workloads } from './lifecycle.fixture.ts';
import { LoadSite } from './loadsite.ts';
import { meshPolicy } from './policyroom.ts';
import { type Pod, waitUntil } from './scenario.ts';

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
/** The services of which no request may fail. */
const UNFAILING = ['api', 'wide', 'steady'];

/** A cluster with Weft, servers, and clients that call them without pause. */
export class LifecycleSite extends LoadSite {
  override readonly namespace = LIFE;
  /** in both versions of HTTP */
  override readonly generators = UNFAILING.flatMap((service): Generator[] => [
    { service, version: 'h1' },
    { service, version: 'h2' },
  ]);

  override async fill(): Promise<void> {
    await this.claim(LIFE);
    await this.installWeft();
    await this.apply(...workloads());
    for (const each of ['ledger', 'api', 'hasty', 'wide', 'frail', 'steady', 'load'])
      await this.rolledOut(each);
    await this.apply(outsideLoad(LIFE, this.generators));
    await this.rolledOut(OUTSIDE_LOAD);
  }

  /** One of the pods behind a stream, in the order of their names, that answers it. */
  async servingPod(name: StreamName, index: 0 | 1): Promise<Pod> {
    await this.rolledOut(name);
    const list = JSON.parse(await this.kubectl('-n', LIFE, 'get', 'pods', '-l', `app=${name}`, '-o', 'json'));
    const found = (list.items as Pod[])[index]!;
    await waitUntil('it to serve', async () => {
      const load = await this.under([name], () => Promise.resolve());
      return found.metadata.name in load[name].pods;
    });
    return found;
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

  /**
   * Ends every process of a pod, its sandbox too, just after its network was cut: nobody is told. Gives what
   * mends the network, of which by then nobody has need.
   */
  async destroy(pod: Pod): Promise<() => Promise<unknown>> {
    const { name, namespace } = pod.metadata;
    const get = ['-n', namespace, 'get', 'pod', name, '-o', 'jsonpath={.metadata.uid}'];
    const label = `labels."io.kubernetes.pod.uid"==${await this.kubectl(...get)}`;
    const ids = await this.cluster.nodeExecOk([...ctr, 'containers', 'ls', '-q', label]);
    const tasks = await this.cluster.nodeExecOk([...ctr, 'tasks', 'ls']);
    const pids = ids
      .trim()
      .split('\n')
      .flatMap((id) => new RegExp(`^${id} +([1-9]\\d*) `, 'm').exec(tasks)?.[1] ?? []);
    const wire = await this.wire(pod);
    const rules = (action: string) =>
      ['-i', '-o'].map((way) => `iptables ${action} FORWARD ${way} ${wire} -j DROP`);
    const run = (...lines: string[]) => this.cluster.nodeExecOk(['sh', '-c', lines.join(' && ')]);
    await run(...rules('-I'), `kill -9 ${pids.join(' ')}`);
    return () => run(...rules('-D'));
  }

  /**
   * Gives connections 5 s to be made instead of one: what a busy machine may need once in a minute, and a slow wire any
   * time. Gives what takes the policy back.
   */
  async patient(name: string, target: MeshPolicySpec['target']): Promise<() => Promise<unknown>> {
    const policy = meshPolicy(name, { target, traffic: { timeout: { connect: '5s' } } });
    await this.apply({ ...policy, metadata: { name, namespace: LIFE } });
    const wait = ['wait', `meshpolicy/${name}`, '--for=condition=InForce', '--timeout=60s'];
    await this.kubectl('-n', LIFE, ...wait);
    return () => this.kubectl('-n', LIFE, 'delete', 'meshpolicy', name);
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
