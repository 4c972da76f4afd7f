import { ClusterSite } from './clustersite.ts';
import { GRANT_DEFINITION, INGRESS, namespace, OTHER, OUTSIDE, SHOP, workloads } from './policies.fixture.ts';

/** in which the workloads are from the beginning */
const NAMESPACES = [SHOP, OTHER, OUTSIDE];
const GRANTS = ['crd', GRANT_DEFINITION.metadata.name];

/** A cluster with Weft and the workloads of the tests of policies in it. */
export class PolicySite extends ClusterSite {
  override async fill(): Promise<void> {
    await this.claim(...NAMESPACES, INGRESS);
    if ((await this.cluster.kubectl(['get', ...GRANTS])).code !== 0) {
      this.atEnd(() => this.kubectl('delete', ...GRANTS));
      await this.apply(GRANT_DEFINITION);
    }
    await this.installWeft();
    await this.apply(namespace(SHOP, true), namespace(OTHER, true), namespace(OUTSIDE, false));
    await this.apply(...workloads());
    for (const each of NAMESPACES) {
      await this.kubectl('-n', each, 'rollout', 'status', 'deployment', '--timeout=180s');
    }
  }
}
