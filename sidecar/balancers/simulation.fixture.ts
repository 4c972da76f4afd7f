import { FakeTimers } from '../testing/fake-timers.ts';
import type { Algorithm } from './create-balancer.ts';
import type { Host } from './host.ts';
import { HostSet } from './host-set.ts';
import { endpointsOf, hashOf } from './hosts.fixture.ts';
import { seededRandom } from './seeded-random.fixture.ts';

export interface Scenario {
  readonly algorithm: Algorithm;
  readonly hosts: number;
  readonly seconds: number;
  readonly requestsPerSecond: number;
  /** how many times slower than the others a host is at a time */
  readonly slowness: (host: number, atMs: number) => number;
  /** when the last host joins the list; absent: it is there from the start */
  readonly joinsAtMs?: number;
}

export interface Served {
  readonly atMs: number;
  /** index */
  readonly host: number;
  readonly latencyMs: number;
}

/** Requests a host works on at once; others wait in line. */
const WORKERS = 8;
/** Of a request at a host that is not slow: 5 ms and an exponential with a mean of 5 ms. */
const FIXED_MS = 5;
const VARIABLE_MS = 5;

/**
 * A discrete-event simulation: requests arrive at random (Poisson) at one caller, which picks by a HostSet and
 * learns of each answer when it comes. No real time passes, and the same scenario always gives the same result.
 */
export function simulate(scenario: Scenario): Served[] {
  const random = seededRandom(1);
  const timers = new FakeTimers();
  const set = new HostSet({ timers, random });
  const endpoints = endpointsOf(scenario.hosts);
  set.setPolicy({ algorithm: scenario.algorithm }, undefined);
  set.update(scenario.joinsAtMs === undefined ? endpoints : endpoints.slice(0, -1));
  const servers = endpoints.map(() => new Server());
  const indices = new Map(endpoints.map(({ address }, index) => [address, index]));
  const answers = new Answers();
  const served: Served[] = [];

  const gapMs = () => (-Math.log(1 - random()) * 1_000) / scenario.requestsPerSecond;
  const endMs = scenario.seconds * 1_000;
  for (let atMs = gapMs(), request = 0; atMs < endMs; atMs += gapMs(), request += 1) {
    for (const answer of answers.until(atMs)) {
      set.finished(answer.to, timers.nowMs() + answer.atMs, answer.latencyMs);
    }
    if (scenario.joinsAtMs !== undefined && atMs >= scenario.joinsAtMs && set.hosts.length < scenario.hosts) {
      set.update(endpoints);
    }
    const to = set.pick(timers.nowMs() + atMs, hashOf(request), [])!;
    const host = indices.get(to.endpoint.address)!;
    const workMs = (FIXED_MS - Math.log(1 - random()) * VARIABLE_MS) * scenario.slowness(host, atMs);
    const latencyMs = servers[host]!.serve(atMs, workMs);
    set.started(to);
    answers.add({ to, atMs: atMs + latencyMs, latencyMs });
    served.push({ atMs, host, latencyMs });
  }
  return served;
}

/** Workers with one line, first come first served. */
class Server {
  readonly #freeAtMs = new Array<number>(WORKERS).fill(0);

  /** Returns how long a request that comes now takes, waiting included. */
  serve(nowMs: number, workMs: number): number {
    const worker = this.#freeAtMs.indexOf(Math.min(...this.#freeAtMs));
    const doneAtMs = Math.max(nowMs, this.#freeAtMs[worker]!) + workMs;
    this.#freeAtMs[worker] = doneAtMs;
    return doneAtMs - nowMs;
  }
}

interface Answer {
  readonly to: Host;
  readonly atMs: number;
  readonly latencyMs: number;
}

/** Answers under way, in slots of one millisecond; within one they come in the order of their requests. */
class Answers {
  readonly #slots = new Map<number, Answer[]>();
  #slot = 0;

  add(answer: Answer): void {
    const slot = Math.ceil(answer.atMs);
    const answers = this.#slots.get(slot);
    if (answers === undefined) this.#slots.set(slot, [answer]);
    else answers.push(answer);
  }

  *until(atMs: number): Generator<Answer> {
    for (; this.#slot <= atMs; this.#slot += 1) {
      yield* this.#slots.get(this.#slot) ?? [];
      this.#slots.delete(this.#slot);
    }
  }
}
