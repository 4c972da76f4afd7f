import { acquireCluster, type Cluster } from './cluster.ts';
import { GRANT_DEFINITION, namespace, OTHER, OUTSIDE, SHOP, workloads } from './policies.fixture.ts';
import { installWeft } from './scenario.ts';

const NAMESPACES = [SHOP, OTHER, OUTSIDE];
const WEFT = ['weft', '-n', 'weft-system'];
const GRANTS = ['crd', GRANT_DEFINITION.metadata.name];

/** A cluster with Weft and the workloads of the tests of policies in it, and without them again in the end. */
export class Site {
  readonly cluster: Cluster;
  /** what to do so that nothing stays that was not there before */
  readonly #removals: (() => Promise<unknown>)[] = [];

  private constructor(cluster: Cluster) {
    this.cluster = cluster;
  }

  static async open(): Promise<Site> {
    return new Site(await acquireCluster());
  }

  async fill(): Promise<void> {
    const { cluster } = this;
    this.#removals.push(() =>
      cluster.kubectlOk(['delete', 'namespace', ...NAMESPACES, '--ignore-not-found', '--timeout=120s']),
    );
    if ((await cluster.kubectl(['get', ...GRANTS])).code !== 0) {
      this.#removals.push(() => cluster.kubectlOk(['delete', ...GRANTS]));
      await this.#apply(GRANT_DEFINITION);
    }
    if ((await cluster.helm(['status', ...WEFT])).code !== 0) {
      this.#removals.push(() => cluster.helmOk(['uninstall', ...WEFT, '--wait']));
    }
    await installWeft(cluster);
    await this.#apply(namespace(SHOP, true), namespace(OTHER, true), namespace(OUTSIDE, false));
    // of a run that was killed
    await cluster.kubectlOk(['-n', SHOP, 'delete', 'meshpolicy', '--all']);
    await this.#apply(...workloads());
    for (const each of NAMESPACES) {
      await cluster.kubectlOk(['-n', each, 'rollout', 'status', 'deployment', '--timeout=180s']);
    }
  }

  async close(): Promise<void> {
    for (const remove of this.#removals) await remove();
    await this.cluster.release();
  }

  #apply(...objects: object[]): Promise<string> {
    return this.cluster.apply(JSON.stringify({ apiVersion: 'v1', kind: 'List', items: objects }));
  }
}
