import assert from 'node:assert/strict';
import { HostSet } from '../balancers/host-set.ts';
import { CircuitBreaker, LIMITED_NAMES } from '../layers/circuit-breaker.ts';
import { until } from './harness.ts';

/**
 * Counts, for the whole process, what of hosts and circuit breakers is in use: an entry without its end is a
 * leak that would only show after as many requests as the limit allows.
 */
const hosts = { active: 0, least: 0 };
const limited = LIMITED_NAMES.map(() => 0);

const { started, finished } = HostSet.prototype;
HostSet.prototype.started = function (host) {
  hosts.active += 1;
  started.call(this, host);
};
HostSet.prototype.finished = function (host, nowMs, latencyMs) {
  hosts.active -= 1;
  finished.call(this, host, nowMs, latencyMs);
  hosts.least = Math.min(hosts.least, host.active);
};

const { tryEnter, leave } = CircuitBreaker.prototype;
CircuitBreaker.prototype.tryEnter = function (what, nowMs) {
  const entered = tryEnter.call(this, what, nowMs);
  if (entered) limited[what]! += 1;
  return entered;
};
CircuitBreaker.prototype.leave = function (what) {
  limited[what]! -= 1;
  leave.call(this, what);
};

/** What is in use now; `least`: the lowest any host's count ever was, 0 unless one was left twice. */
export function usage(): Record<(typeof LIMITED_NAMES)[number] | 'hosts' | 'least', number> {
  const [connections = 0, pendingRequests = 0, requests = 0, retries = 0] = limited;
  return { connections, pendingRequests, requests, retries, hosts: hosts.active, least: hosts.least };
}

/** Nothing but connections, which may be idle. */
export const UNUSED = { pendingRequests: 0, requests: 0, retries: 0, hosts: 0, least: 0 };

/** Waits for the end of what is ending; throws when something stays in use. */
export async function assertUnused(): Promise<void> {
  await until(() => usage().requests === 0 && usage().hosts === 0, 'the end of all requests');
  const { connections: _, ...use } = usage();
  assert.deepEqual(use, UNUSED);
}
