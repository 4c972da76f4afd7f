import type { Lane } from '../hops/hop.ts';
import type { Sample } from '../hops/rounds.ts';
import { medianOf, type Spread, spreadOf } from '../report/quantile.ts';

/** What is measured together: the first is the bare hop that the others are compared with. */
export interface Lanes {
  readonly side: 'inbound' | 'outbound';
  readonly starts: readonly LaneStart[];
}
interface LaneStart {
  /** empty: has no row of its own */
  readonly name: string;
  readonly what: string;
  readonly start: () => Promise<Lane>;
}

/** One layer: medians over the rounds, differences and ratios within each. */
export interface PolicyRow {
  readonly side: 'inbound' | 'outbound';
  readonly layer: string;
  readonly what: string;
  /** CPU time of a request, microseconds */
  readonly cpuUs: number;
  /** on top of the bare hop, microseconds */
  readonly addedUs: Spread;
  /**
   * The cheapest round less the cheapest of the bare hop: other work on the machine makes a request dearer, and never
   * cheaper.
   */
  readonly leastAddedUs: number;
  /** to the bare hop */
  readonly ratio: Spread;
  /** where nginx is measured beside it */
  readonly ratioToNginx?: number;
  /** over all rounds */
  readonly errors: number;
  readonly reason?: string;
}

/** By lane and round. */
export function rowsOf(
  side: Lanes['side'],
  lanes: readonly Pick<LaneStart, 'name' | 'what'>[],
  samples: readonly (readonly Pick<Sample, 'cpuUsPerRequest' | 'errors' | 'reason'>[])[],
): PolicyRow[] {
  const bare = costs(samples[0]!);
  const nginxAt = lanes.findIndex(({ name }) => name === 'nginx');
  const nginx = nginxAt === -1 ? undefined : costs(samples[nginxAt]!);
  return lanes.flatMap(({ name, what }, lane) => {
    if (name === '') return [];
    const own = costs(samples[lane]!);
    const reason = samples[lane]!.find((sample) => sample.reason !== undefined)?.reason;
    return {
      ...{ side, layer: name, what, cpuUs: medianOf(own) },
      addedUs: spreadOf(own.map((cost, round) => cost - bare[round]!)),
      leastAddedUs: Math.min(...own) - Math.min(...bare),
      ratio: spreadOf(own.map((cost, round) => cost / bare[round]!)),
      ...(nginx && { ratioToNginx: medianOf(own.map((cost, round) => cost / nginx[round]!)) }),
      errors: samples[lane]!.reduce((sum, sample) => sum + sample.errors, 0),
      ...(reason !== undefined && { reason }),
    };
  });
}

function costs(samples: readonly Pick<Sample, 'cpuUsPerRequest'>[]): number[] {
  return samples.map(({ cpuUsPerRequest }) => cpuUsPerRequest);
}
