import type { LoadResult } from '../machine/load.ts';
import { cpuNs, type Memory, memoryOf } from '../machine/usage.ts';
import type { Lane } from './hop.ts';

/** One run of one lane. */
export interface Sample extends LoadResult {
  readonly cpuUsPerRequest: number;
  readonly memory: Memory;
}

export interface RoundOptions {
  readonly repeats: number;
  readonly seconds: number;
  readonly say: (line: string) => void;
}

/** Long enough for a JIT to have seen everything. */
const WARM_UP_SECONDS = 2;

/**
 * Runs the lanes A B C A B C …, so that what the machine does meanwhile happens to all of them. Returns the
 * samples of each lane by round; the lanes are stopped in any case.
 */
export async function runRounds(lanes: readonly Lane[], options: RoundOptions): Promise<Sample[][]> {
  const samples: Sample[][] = lanes.map(() => []);
  try {
    for (const lane of lanes) await (lane.warmUp?.() ?? lane.run(WARM_UP_SECONDS));
    for (let round = 0; round < options.repeats; round++) {
      for (const [i, lane] of lanes.entries()) samples[i]!.push(await sampleOf(lane, options.seconds));
      options.say(describeRound(round, lanes, samples));
    }
  } finally {
    for (const lane of lanes) await lane.stop();
  }
  return samples;
}

async function sampleOf(lane: Lane, seconds: number): Promise<Sample> {
  const beforeNs = sumOf(lane, cpuNs);
  const running = lane.run(seconds);
  const memory = await memoryDuring(lane, seconds);
  const result = await running;
  const usedNs = sumOf(lane, cpuNs) - beforeNs;
  // an error is work, too; and nothing may look cheap because it fails
  return { ...result, memory, cpuUsPerRequest: usedNs / 1000 / Math.max(1, result.requests + result.errors) };
}

/** In the middle of a run. */
async function memoryDuring(lane: Lane, seconds: number): Promise<Memory> {
  await new Promise((resolve) => setTimeout(resolve, seconds * 500));
  return memoryOfLane(lane);
}

export function memoryOfLane(lane: Lane): Memory {
  return {
    rssMb: sumOf(lane, (pid) => memoryOf(pid).rssMb),
    pssMb: sumOf(lane, (pid) => memoryOf(pid).pssMb),
  };
}

function sumOf({ pids }: Lane, what: (pid: number) => number): number {
  return pids.reduce((sum, pid) => sum + what(pid), 0);
}

function describeRound(round: number, lanes: readonly Lane[], samples: readonly Sample[][]): string {
  const figures = lanes.map(({ name }, i) => {
    const { cpuUsPerRequest, requests, seconds, errors } = samples[i]![round]!;
    const failed = errors > 0 ? `, ${errors} errors` : '';
    return `${name} ${cpuUsPerRequest.toFixed(1)} µs (${Math.round(requests / seconds)}/s${failed})`;
  });
  return `  ${round + 1}: ${figures.join('  ')}`;
}
