import { acquireCluster, type Cluster } from './cluster.ts';
import { installWeft } from './scenario.ts';

const WEFT = ['weft', '-n', 'weft-system'];

/**
 * A cluster for one file of tests, with what these put into it; all of that goes again in the end, from a cluster that
 * does not go with it.
 */
export abstract class ClusterSite {
  readonly cluster: Cluster;
  readonly #removals: (() => Promise<unknown>)[] = [];

  constructor(cluster: Cluster) {
    this.cluster = cluster;
  }

  /**
   * These namespaces are this site's: what an earlier run left of them is gone when this resolves. In the end nobody
   * waits until they are.
   */
  protected async claim(...namespaces: string[]): Promise<void> {
    const removal = ['delete', 'namespace', ...namespaces, '--ignore-not-found'];
    await this.kubectl(...removal, '--timeout=180s');
    this.atEnd(() => this.kubectl(...removal, '--wait=false'));
  }

  /** Brings what the tests need. */
  abstract fill(): Promise<void>;

  /** How the cluster becomes again what it was, in the order in which it is told. */
  protected atEnd(remove: () => Promise<unknown>): void {
    this.#removals.push(remove);
  }

  /** Installs Weft as it is in this tree; it goes in the end only if it was not there before. */
  protected async installWeft(values: readonly string[] = []): Promise<void> {
    const { cluster } = this;
    if ((await cluster.helm(['status', ...WEFT])).code !== 0) {
      this.atEnd(() => cluster.helmOk(['uninstall', ...WEFT, '--wait']));
    }
    await installWeft(cluster, values);
  }

  async close(): Promise<void> {
    if (this.cluster.outlivesTest) for (const remove of this.#removals) await remove();
    await this.cluster.release();
  }

  kubectl(...args: string[]): Promise<string> {
    return this.cluster.kubectlOk(args);
  }

  apply(...objects: object[]): Promise<string> {
    return this.cluster.apply(JSON.stringify({ apiVersion: 'v1', kind: 'List', items: objects }));
  }
}

/** A site with all its tests need in it; nothing stays of one that could not be filled. */
export async function openSite<S extends ClusterSite>(Site: new (cluster: Cluster) => S): Promise<S> {
  const site = new Site(await acquireCluster());
  try {
    await site.fill();
    return site;
  } catch (error) {
    await site.close();
    throw error;
  }
}
