import { type Sample, settled, type Trend, trendOf } from '../../soak/trend.ts';
import type { ProcessSample } from '../sample.ts';

/** Memory of all processes of one role. */
export interface MemoryOfRole {
  readonly role: string;
  readonly processes: number;
  readonly meanMib: number;
  readonly mibPerHour: number;
  /** half the width of the interval of 95 % */
  readonly confidenceMibPerHour: number;
  readonly minutes: number;
}

/** What a run has to last before its slope is held against it, and how steep nobody would call flat. */
const JUDGED_MINUTES = 30;
const STEEP_MIB_PER_HOUR = 60;
/** A process that did not live for so many samples says nothing. */
const SAMPLES_MIN = 6;
const KIB = 1024;

interface Series {
  readonly role: string;
  readonly samples: Sample[];
}

export class Memory {
  readonly #series = new Map<string, Series>();
  readonly #startedMs: number;

  constructor(startedMs: number) {
    this.#startedMs = startedMs;
  }

  add(samples: readonly ProcessSample[], nowMs: number): void {
    const minutes = (nowMs - this.#startedMs) / 60_000;
    for (const { role, pid, startedTicks, rssKib } of samples) {
      const key = `${pid} ${startedTicks}`;
      const series = this.#series.get(key) ?? { role, samples: [] };
      this.#series.set(key, series);
      if (rssKib > 0) series.samples.push({ minutes, kib: rssKib });
    }
  }

  /** Least squares over all processes of a role at once, each with a level of its own, without their warm-up. */
  ofRoles(): MemoryOfRole[] {
    const roles = Object.groupBy(this.#series.values(), ({ role }) => role);
    return Object.entries(roles).flatMap(([role, series = []]) => {
      const long = series
        .map(({ samples }) => settled(samples))
        .filter(({ length }) => length >= SAMPLES_MIN);
      if (long.length === 0) return [];
      const trend = trendOf(long.flatMap(centred));
      return [
        { role, processes: long.length, ...inMib(trend), meanMib: meanMib(long), minutes: longest(long) },
      ];
    });
  }
}

/** Whether a run was long enough to hold a slope against somebody. */
export const isJudged = ({ minutes }: MemoryOfRole): boolean => minutes >= JUDGED_MINUTES;

/** Only of long runs, and only what is steep beyond doubt. */
export function isSteep(memory: MemoryOfRole): boolean {
  return isJudged(memory) && memory.mibPerHour - memory.confidenceMibPerHour > STEEP_MIB_PER_HOUR;
}

const mean = (numbers: readonly number[]): number =>
  numbers.reduce((sum, each) => sum + each, 0) / numbers.length;

/** With means of zero, so that only what changes counts. */
function centred(samples: readonly Sample[]): Sample[] {
  const minutes = mean(samples.map((each) => each.minutes));
  const kib = mean(samples.map((each) => each.kib));
  return samples.map((each) => ({ minutes: each.minutes - minutes, kib: each.kib - kib }));
}

const inMib = ({ slopeKibPerMinute, confidenceKibPerMinute }: Trend) => ({
  mibPerHour: (slopeKibPerMinute * 60) / KIB,
  confidenceMibPerHour: (confidenceKibPerMinute * 60) / KIB,
});

const meanMib = (all: readonly (readonly Sample[])[]): number => mean(all.flat().map(({ kib }) => kib)) / KIB;

const longest = (all: readonly (readonly Sample[])[]): number =>
  Math.max(...all.map((samples) => samples.at(-1)!.minutes - samples[0]!.minutes));
