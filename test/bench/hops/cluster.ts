import type { Row } from '../report/row.ts';
import type { Hop } from './hop.ts';

/** Size of the image, and what injection adds to a pod's start. */
export const CLUSTER_HOP: Hop = {
  name: 'cluster',
  what: 'on a real cluster: size of the image, and how much longer an injected pod takes from create to Ready',
  needsCluster: true,
  measure: async (): Promise<Row[]> => {
    // loaded only when it is wanted: it brings the cluster's own tools
    const { measureCluster } = await import('./cluster-pods.ts');
    return await measureCluster();
  },
};
