import type { MeshPolicySpec } from '../../api/mesh-policy.ts';
import type { Cluster } from './cluster.ts';
import { openSite } from './clustersite.ts';
import { SHOP } from './policies.fixture.ts';
import { PolicySite } from './policysite.ts';
import { type Answer, type Pod, pod, request, waitUntil } from './scenario.ts';

export interface Condition {
  readonly type: string;
  readonly status: string;
  readonly reason: string;
  readonly message: string;
}
export interface Status {
  readonly observedGeneration: number;
  readonly conditions: readonly Condition[];
  readonly proxies: Readonly<Record<'targeted' | 'inForce' | 'lagging' | 'refused', number>>;
}

export type AccessLogLine = Readonly<Record<string, string | number>>;

export const meshPolicy = (name: string, spec: MeshPolicySpec): object => ({
  ...{ apiVersion: 'weft.dev/v1alpha1', kind: 'MeshPolicy', metadata: { name, namespace: SHOP }, spec },
});

/** Workloads in a cluster with Weft, and policies about them by kubectl. */
export class PolicyRoom {
  readonly cluster: Cluster;
  /** a caller of the api, and another that serves too */
  readonly web: Pod;
  readonly catalog: Pod;
  readonly #site: PolicySite;

  private constructor(site: PolicySite, web: Pod, catalog: Pod) {
    this.#site = site;
    this.cluster = site.cluster;
    this.web = web;
    this.catalog = catalog;
  }

  static async open(): Promise<PolicyRoom> {
    const site = await openSite(PolicySite);
    const podOf = (app: string) => pod(site.cluster, SHOP, `app=${app}`);
    try {
      const room = new PolicyRoom(site, await podOf('web'), await podOf('catalog'));
      // Destinations come with the first call: now both are callers of the api, whom policies about it concern.
      for (const from of [room.web, room.catalog]) await room.get('/', [], from);
      return room;
    } catch (error) {
      await site.close();
      throw error;
    }
  }

  close(): Promise<void> {
    return this.#site.close();
  }

  kubectl(...args: string[]): Promise<string> {
    return this.cluster.kubectlOk(args);
  }

  apply(...objects: object[]): Promise<string> {
    return this.cluster.apply(JSON.stringify({ apiVersion: 'v1', kind: 'List', items: objects }));
  }

  /** One request of the api. */
  get(path: string, curlArgs: string[] = [], from = this.web): Promise<Answer> {
    return request(this.cluster, from, 'GET', `http://api${path}`, curlArgs);
  }

  pod(label: string, where = SHOP): Promise<Pod> {
    return pod(this.cluster, where, label);
  }

  /** Applies a policy of the shop, and waits as a user does until it has come so far. */
  async policy(name: string, spec: MeshPolicySpec, state = 'InForce'): Promise<void> {
    await this.apply(meshPolicy(name, spec));
    await this.waitFor(name, state);
  }

  /** `state` as in `kubectl wait --for=condition=…`. */
  waitFor(name: string, state: string): Promise<string> {
    return this.kubectl(
      ...['-n', SHOP, 'wait', `meshpolicy/${name}`, `--for=condition=${state}`, '--timeout=20s'],
    );
  }

  async status(name: string): Promise<Status> {
    return JSON.parse(await this.kubectl('-n', SHOP, 'get', 'meshpolicy', name, '-o', 'jsonpath={.status}'));
  }

  async condition(name: string, wanted: string): Promise<Condition> {
    const found = (await this.status(name)).conditions.find(({ type }) => type === wanted);
    if (found === undefined) throw new Error(`${name} has no condition ${wanted}`);
    return found;
  }

  /** What Events say of a policy: type, reason and message of each. */
  async events(name: string): Promise<string[]> {
    const about = ['--field-selector', `involvedObject.kind=MeshPolicy,involvedObject.name=${name}`];
    const list = JSON.parse(await this.kubectl('-n', SHOP, 'get', 'events', ...about, '-o', 'json'));
    type Event = { readonly type: string; readonly reason: string; readonly message: string };
    return (list.items as Event[]).map(({ type, reason, message }) => `${type} ${reason} ${message}`);
  }

  deletePolicy(name: string): Promise<string> {
    return this.kubectl('-n', SHOP, 'delete', 'meshpolicy', name);
  }

  /** Runs curl in the pod and gives its lines: one of each answer's body, or what `-w` says of it. */
  async curl(from: Pod, ...args: string[]): Promise<string[]> {
    const { namespace: where, name } = from.metadata;
    const exec = ['-n', where, 'exec', name, '-c', 'app', '--', 'curl', '-s', '--max-time', '10'];
    const { stdout } = await this.cluster.kubectl([...exec, ...args]);
    return stdout.trim().split('\n');
  }

  /** Who answered how many of the requests that curl makes of this URL: the app, and its version if it has one. */
  async answeredBy(from: Pod, url: string, ...args: string[]): Promise<Record<string, number>> {
    const counts: Record<string, number> = {};
    for (const body of await this.curl(from, ...args, '-w', '\\n', url)) {
      const { app, version } = JSON.parse(body);
      const who = `${app}${version && ` ${version}`}`;
      counts[who] = (counts[who] ?? 0) + 1;
    }
    return counts;
  }

  /** What the access log of the pod's sidecar says of a request, once it says it. */
  async logLine({ metadata: { namespace: where, name } }: Pod, requestId: string): Promise<AccessLogLine> {
    let found: string | undefined;
    const read = async () => {
      const text = await this.kubectl('-n', where, 'logs', name, '-c', 'weft-sidecar', '--since=60s');
      found = text.split('\n').find((line) => line.includes(`"requestId":"${requestId}"`));
      return found !== undefined;
    };
    await waitUntil(`${requestId} in the log of ${name}`, read, 10_000);
    return JSON.parse(found!);
  }

  /** Address and port of the API server itself, which is behind a Service but no pod. */
  async apiServer(): Promise<[string, number]> {
    const slices = ['get', 'endpointslices', '-l', 'kubernetes.io/service-name=kubernetes', '-o', 'json'];
    const [slice] = JSON.parse(await this.kubectl('-n', 'default', ...slices)).items;
    return [slice.endpoints[0].addresses[0], slice.ports[0].port];
  }
}
