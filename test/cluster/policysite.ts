import { ClusterSite } from './clustersite.ts';
import { GRANT_DEFINITION, INGRESS, namespace, OTHER, OUTSIDE, SHOP, workloads } from './policies.fixture.ts';

/** in which the workloads are from the beginning */
const NAMESPACES = [SHOP, OTHER, OUTSIDE];
const GRANTS = ['crd', GRANT_DEFINITION.metadata.name];

/** A cluster with Weft and the workloads of the tests of policies in it. */
export class PolicySite extends ClusterSite {
  override async fill(): Promise<void> {
    this.atEnd(() =>
      this.kubectl('delete', 'namespace', ...NAMESPACES, INGRESS, '--ignore-not-found', '--timeout=120s'),
    );
    if ((await this.cluster.kubectl(['get', ...GRANTS])).code !== 0) {
      this.atEnd(() => this.kubectl('delete', ...GRANTS));
      await this.apply(GRANT_DEFINITION);
    }
    await this.installWeft();
    await this.apply(namespace(SHOP, true), namespace(OTHER, true), namespace(OUTSIDE, false));
    // of a run that was killed
    await this.kubectl('-n', SHOP, 'delete', 'meshpolicy', '--all');
    await this.apply(...workloads());
    for (const each of NAMESPACES) {
      await this.kubectl('-n', each, 'rollout', 'status', 'deployment', '--timeout=180s');
    }
  }
}
