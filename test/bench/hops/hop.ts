import type { CandidateName, Surroundings } from '../candidates/candidate.ts';
import type { LoadResult } from '../machine/load.ts';
import type { Row } from '../report/row.ts';
import type { Traffic } from './cpu.ts';

/** One part of the benchmark: `--only` chooses by name. */
export interface Hop {
  readonly name: string;
  readonly what: string;
  /** what `--profile` sends; a hop without it cannot be profiled */
  readonly traffic?: Traffic;
  /** only with --cluster, or when it is named */
  readonly needsCluster?: true;
  measure(bench: Bench): Promise<readonly Row[]>;
}

export interface Bench extends Surroundings {
  /** the generator of load/ */
  readonly load: string;
  /** builds the image's dist/ when it is first asked for */
  readonly dist: () => Promise<string>;
  readonly repeats: number;
  readonly seconds: number;
  readonly candidates: readonly CandidateName[];
  /** one line of progress */
  readonly say: (line: string) => void;
}

/** Starts lanes one after the other; when one cannot be started, none is left. */
export async function startLanes(starts: readonly (() => Promise<Lane>)[]): Promise<Lane[]> {
  const lanes: Lane[] = [];
  try {
    for (const start of starts) lanes.push(await start());
  } catch (error) {
    for (const lane of lanes) await lane.stop();
    throw error;
  }
  return lanes;
}

/** One running candidate with the load that belongs to it. */
export interface Lane {
  /** candidate, or what else it is compared with */
  readonly name: string;
  /** the processes whose cost counts */
  readonly pids: readonly number[];
  readonly run: (seconds: number) => Promise<LoadResult>;
  /** instead of a short run */
  readonly warmUp?: () => Promise<unknown>;
  readonly stop: () => Promise<void>;
}
