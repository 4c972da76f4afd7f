import { CLUSTER_HOP } from './cluster.ts';
import { CPU_HOPS } from './cpu-hops.ts';
import type { Hop } from './hop.ts';
import { MEMORY_HOPS } from './memory.ts';
import { GRPC_PAIR_HOP, PAIR_HOP } from './pair.ts';
import { SCALE_HOPS } from './scale.ts';
import { SCRAPE_HOP } from './scrape.ts';
import { H2_HOPS, TCP_HOPS } from './speech.ts';
import { START_HOP } from './start.ts';

/** All of the benchmark, in the order of the report. */
export const HOPS: readonly Hop[] = [
  ...CPU_HOPS,
  ...H2_HOPS,
  GRPC_PAIR_HOP,
  ...TCP_HOPS,
  ...MEMORY_HOPS,
  PAIR_HOP,
  ...SCALE_HOPS,
  SCRAPE_HOP,
  START_HOP,
  CLUSTER_HOP,
];
