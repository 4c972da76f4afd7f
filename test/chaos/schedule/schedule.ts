import { seededRandom } from '../../../sidecar/balancers/seeded-random.fixture.ts';
import type { Deployment } from '../shop/shop.ts';
import {
  type Action,
  chooseAction,
  isOf,
  type Kind,
  needsNewPods,
  plannedSeconds,
  type Random,
  RESPITE_SECONDS,
  stopsPods,
  takesFrom,
} from './actions.ts';

/** An action, and when it is planned, in seconds after the load has begun. */
export interface Step {
  readonly atSeconds: number;
  readonly endSeconds: number;
  readonly action: Action;
}

/** Before the first fault: what traffic is like without any. */
export const WARM_UP_SECONDS = 10;
/** After the last one: time to be well again in, and to be seen to be. */
export const CALM_SECONDS = 35;
export const MINUTES_MIN = 2;
export const MINUTES_MAX = 24 * 60;
const BETWEEN_CALMS_SECONDS = 90;
const TRIES_MAX = 50;
const PAUSE_MAX_SECONDS = 5;

/** What goes on when an action is to be chosen. */
class Plan {
  readonly #random: Random;
  readonly #endSeconds: number;
  readonly #without: ReadonlySet<Kind>;
  readonly steps: Step[] = [];
  #atSeconds = WARM_UP_SECONDS;
  #calmSeconds = 0;
  #podsFromSeconds = 0;
  #hasRotated = false;
  readonly #wholeFrom = new Map<Deployment, number>();

  constructor(random: Random, seconds: number, without: ReadonlySet<Kind>) {
    this.#random = random;
    this.#without = without;
    this.#endSeconds = seconds - CALM_SECONDS;
  }

  fill(): void {
    for (let action = this.#next(); action !== undefined; action = this.#next()) this.#add(action);
  }

  #next(): Action | undefined {
    if (this.#atSeconds - this.#calmSeconds >= BETWEEN_CALMS_SECONDS) return this.#fitting({ kind: 'calm' });
    for (let tries = 0; tries < TRIES_MAX; tries++) {
      const action = chooseAction(this.#random);
      if (this.#suits(action)) return this.#fitting(action);
    }
    return this.#fitting({ kind: 'calm' });
  }

  /** Nothing is begun that would not be over in time. */
  #fitting(action: Action): Action | undefined {
    return this.#atSeconds + plannedSeconds(action) <= this.#endSeconds ? action : undefined;
  }

  #suits(action: Action): boolean {
    if (isOf(this.#without, action)) return false;
    const from = takesFrom(action);
    if (from !== undefined && this.#atSeconds < (this.#wholeFrom.get(from) ?? 0)) return false;
    if (needsNewPods(action) && this.#atSeconds < this.#podsFromSeconds) return false;
    return action.kind !== 'rotate-root' || !this.#hasRotated;
  }

  #add(action: Action): void {
    const endSeconds = this.#atSeconds + plannedSeconds(action);
    this.steps.push({ atSeconds: this.#atSeconds, endSeconds, action });
    const from = takesFrom(action);
    if (from !== undefined) this.#wholeFrom.set(from, endSeconds + RESPITE_SECONDS);
    if (stopsPods(action) > 0) this.#podsFromSeconds = endSeconds + stopsPods(action);
    if (action.kind === 'calm') this.#calmSeconds = endSeconds;
    if (action.kind === 'rotate-root') this.#hasRotated = true;
    this.#atSeconds = endSeconds + Math.floor(this.#random() * (PAUSE_MAX_SECONDS + 1));
  }
}

/**
 * The bad days of a cluster, one after the other: a function of these three and nothing else. The last step is over
 * CALM_SECONDS before the end. A deployment that lost a pod loses no other until it had time to get it back; nothing
 * that needs new pods begins while Kubernetes makes none; every minute and a half all is left alone for a while.
 * @param seed any integer of 32 bits
 * @param minutes MINUTES_MIN to MINUTES_MAX
 * @param without kinds of which nothing happens
 * @throws RangeError when either is something else
 */
export function scheduleOf(seed: number, minutes: number, without: readonly Kind[] = []): readonly Step[] {
  if (!Number.isInteger(seed) || seed < 0 || seed > 0xffff_ffff) {
    throw new RangeError(`a seed is an integer from 0 to ${0xffff_ffff}, not ${seed}`);
  }
  if (!(minutes >= MINUTES_MIN && minutes <= MINUTES_MAX)) {
    throw new RangeError(`a run takes ${MINUTES_MIN} to ${MINUTES_MAX} minutes, not ${minutes}`);
  }
  const plan = new Plan(seededRandom(seed), minutes * 60, new Set(without));
  plan.fill();
  return plan.steps;
}
