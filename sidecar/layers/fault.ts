import type { Fault } from '../../api/destination-traffic.ts';

/** Faults of one route. Each is decided anew for each request. */
export interface FaultPlan {
  /** `random` in [0, 1) */
  readonly delayMs: (random: number) => number;
  /** the status of the answer; 0: none */
  readonly abortStatus: (random: number) => number;
  /** of the answer's body; 0: as fast as it comes */
  readonly bytesPerSecond: number;
}

/** Undefined: nothing of it can happen. */
export function compileFault({ abort, delay, bandwidthBytesPerSecond }: Fault): FaultPlan | undefined {
  if (!abort?.percent && !delay?.percent && !bandwidthBytesPerSecond) return undefined;
  return {
    delayMs: (random) => (delay !== undefined && isHit(delay.percent, random) ? delay.durationMs : 0),
    abortStatus: (random) => (abort !== undefined && isHit(abort.percent, random) ? abort.status : 0),
    bytesPerSecond: bandwidthBytesPerSecond ?? 0,
  };
}

function isHit(percent: number, random: number): boolean {
  return random * 100 < percent;
}
