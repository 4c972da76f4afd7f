import { setTimeout as delay } from 'node:timers/promises';
import type { MeshPolicySpec } from '../../api/mesh-policy.ts';
import { ClusterSite } from './clustersite.ts';
import { type Generator, OUTSIDE_LOAD } from './h2load.fixture.ts';
import type { StreamName } from './lifecycle.fixture.ts';
import type { Load, Streams } from './load.ts';
import { OutsideWindow } from './outsideload.ts';
import { meshPolicy } from './policyroom.ts';
import { type Pod, pod, waitUntil } from './scenario.ts';

/** After an API server that was away Kubernetes' own controllers take most of a minute. */
const CONVERGES_WITHIN_MS = 150_000;

/** A cluster with servers in one namespace, and clients there, of ours and of others, that call them without pause. */
export abstract class LoadSite extends ClusterSite {
  abstract readonly namespace: string;
  /** the outside load */
  abstract readonly generators: readonly Generator[];

  rolledOut(name: string, namespace = this.namespace): Promise<string> {
    return this.kubectl('-n', namespace, 'rollout', 'status', `deployment/${name}`, '--timeout=120s');
  }

  /** Replaces every pod of a Deployment, and waits until that is done. */
  async rollOut(name: string, namespace = this.namespace): Promise<void> {
    await this.kubectl('-n', namespace, 'rollout', 'restart', `deployment/${name}`);
    await this.rolledOut(name, namespace);
  }

  async scale(name: string, replicas: number, namespace = this.namespace): Promise<void> {
    await this.kubectl('-n', namespace, 'scale', `deployment/${name}`, `--replicas=${replicas}`);
  }

  pod(label: string): Promise<Pod> {
    return pod(this.cluster, this.namespace, label);
  }

  /** What a server inside a pod says to the pod itself. */
  async askOwn({ metadata }: Pod, path: string, port = 8080): Promise<string> {
    const curl = ['curl', '-sS', '-f', '--max-time', '5', `http://127.0.0.1:${port}${path}`];
    return this.kubectl('-n', metadata.namespace, 'exec', metadata.name, '-c', 'app', '--', ...curl);
  }

  /** @param client whose counts are wanted */
  async load(client = 'load'): Promise<Streams> {
    return JSON.parse(await this.askOwn(await this.pod(`app=${client}`), '/', 9000));
  }

  /** What the load has seen of these streams while this was done, and a moment before and after. */
  async under(names: readonly StreamName[], work: () => Promise<unknown>): Promise<Load> {
    await this.beginAnew(names);
    const outside = await this.watchOutside(names);
    await delay(500);
    await work();
    await delay(500);
    return { ...(await this.load()), outside: await outside.close() };
  }

  /** @param client of our own, which forgets what it has seen of these */
  async beginAnew(names: readonly StreamName[], client = 'load'): Promise<void> {
    await this.askOwn(await this.pod(`app=${client}`), `/begin/${names.join(',')}`, 9000);
  }

  /** What others see of the services of these streams from now on. */
  watchOutside(names: readonly StreamName[]): Promise<OutsideWindow> {
    const run = async (...command: string[]) => {
      const { name } = (await this.pod(`app=${OUTSIDE_LOAD}`)).metadata;
      return this.kubectl('-n', this.namespace, 'exec', name, '-c', 'app', '--', ...command);
    };
    const wanted = this.generators.filter(({ service }) => names.some((name) => name === service));
    return OutsideWindow.open(run, wanted);
  }

  /** How long something takes, in ms. */
  async timed(work: () => Promise<unknown>): Promise<number> {
    const startMs = performance.now();
    await work();
    return Math.round(performance.now() - startMs);
  }

  /** How long it takes until something holds, in ms. */
  timeUntil(what: string, holds: () => Promise<boolean>, withinMs?: number): Promise<number> {
    return this.timed(() => waitUntil(what, holds, withinMs));
  }

  /** Applies the policy `late`, and waits until it is in force on everybody; how long that takes, in ms. */
  policyInForce(spec: MeshPolicySpec): Promise<number> {
    const where = ['-n', this.namespace];
    const policy = { ...meshPolicy('late', spec), metadata: { name: 'late', namespace: this.namespace } };
    return this.timeUntil(
      'a policy to be in force',
      async () => {
        await this.apply(policy);
        await this.kubectl(...where, 'wait', 'meshpolicy/late', '--for=condition=InForce', '--timeout=5s');
        const path = 'jsonpath={.status.observedGeneration} {.metadata.generation}';
        const seen = ['get', 'meshpolicy/late', '-o', path];
        const [observed, wanted] = (await this.kubectl(...where, ...seen)).split(' ');
        return observed === wanted;
      },
      CONVERGES_WITHIN_MS,
    );
  }
}
