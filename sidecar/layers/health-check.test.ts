import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { HealthCheckPolicy } from '../../api/destination-traffic.ts';
import { Host } from '../balancers/host.ts';
import { FakeTimers } from '../testing/fake-timers.ts';
import { HealthChecks, type Probe } from './health-check.ts';

const POLICY: HealthCheckPolicy = { path: '/healthz', intervalMs: 5_000, unhealthyAfter: 3, healthyAfter: 2 };
const TICK_MS = 50;

interface Call {
  readonly host: Host;
  readonly policy: HealthCheckPolicy;
  readonly timeoutMs: number;
  readonly atMs: number;
  readonly done: (ok: boolean, reason: string) => void;
  cancelled: boolean;
}

/** `answer`: what a probe gets at once; undefined: the test answers it. */
function setUp(options: {
  hosts: number;
  policy?: HealthCheckPolicy;
  answer?: (host: Host) => boolean | undefined;
  random?: number;
  concurrency?: number;
}) {
  const timers = new FakeTimers();
  const hosts = hostsNamed(options.hosts);
  const calls: Call[] = [];
  const seen = { changes: 0, judged: [] as [healthy: boolean, reason: string][] };
  const probe: Probe = (host, policy, timeoutMs, done) => {
    const call: Call = { host, policy, timeoutMs, atMs: timers.nowMs(), done, cancelled: false };
    calls.push(call);
    const ok = options.answer?.(host);
    if (ok !== undefined) done(ok, ok ? '' : 'refused');
    return () => {
      call.cancelled = true;
    };
  };
  const checks = new HealthChecks({
    policy: options.policy ?? POLICY,
    timers,
    random: () => options.random ?? 0,
    probe,
    judged: (host, reason) => seen.judged.push([host.healthy, reason]),
    changed: () => {
      seen.changes += 1;
    },
    ...(options.concurrency === undefined ? {} : { concurrency: options.concurrency }),
  });
  checks.setHosts(hosts);
  return { timers, hosts, calls, checks, seen };
}

function hostsNamed(count: number): Host[] {
  return Array.from({ length: count }, (_, i) => new Host({ address: '10.0.0.1', port: i + 1 }, 0));
}

test('a host is healthy until three probes in a row have failed, and again after two that succeed', () => {
  let ok = false;
  const { timers, hosts, seen } = setUp({ hosts: 1, answer: () => ok });
  const after = (intervals: number) => {
    timers.advance(intervals * 5_000);
    return hosts[0]!.healthy;
  };
  assert.equal(hosts[0]!.healthy, true);
  assert.deepEqual([after(1), after(1), after(1)], [true, true, false]);
  assert.equal(seen.changes, 1);
  ok = true;
  assert.deepEqual([after(1), after(1)], [false, true]);
  assert.equal(seen.changes, 2);
  assert.deepEqual(seen.judged, [
    [false, 'refused'],
    [true, ''],
  ]);
});

test('failures that are not in a row say nothing', () => {
  let probes = 0;
  const { timers, hosts, seen } = setUp({ hosts: 1, answer: () => ++probes % 3 === 0 });
  timers.advance(100_000);
  assert.ok(probes >= 19);
  assert.deepEqual([hosts[0]!.healthy, seen.changes], [true, 0]);
});

test('what is absent in the policy has a default', () => {
  const { timers, hosts, calls } = setUp({ hosts: 1, policy: { path: '/' }, answer: () => false });
  timers.advance(10_000);
  assert.deepEqual([hosts[0]!.healthy, calls.length], [true, 2]);
  timers.advance(5_000);
  assert.deepEqual([hosts[0]!.healthy, calls.length], [false, 3]);
  assert.deepEqual([calls[0]!.policy, calls[0]!.timeoutMs], [{ path: '/' }, 1_000]);
});

test('an interval or timeout of nothing makes neither a flood nor a probe without end', () => {
  const policy = { path: '/', intervalMs: 0, timeoutMs: 0 };
  const { timers, calls } = setUp({ hosts: 1, policy, answer: () => true });
  timers.advance(10_000);
  assert.ok(calls.length > 50 && calls.length <= 100, String(calls.length));
  assert.equal(calls[0]!.timeoutMs, 1_000);
});

test('10,000 hosts are probed by one timer, each once an interval, evenly over it', () => {
  const { timers, hosts, calls } = setUp({ hosts: 10_000, answer: () => true });
  timers.advance(5_000);
  const startMs = timers.nowMs() - 5_000;
  assert.ok(Math.abs(calls.length - 10_000) <= 100, String(calls.length));
  const byTick = new Map<number, number>();
  for (const { atMs } of calls) byTick.set(atMs - startMs, (byTick.get(atMs - startMs) ?? 0) + 1);
  assert.ok(Math.max(...byTick.values()) <= 101, 'a hundredth of them in each fiftieth of a second');
  timers.advance(5_000);
  assert.equal(new Set(calls.map((call) => call.host)).size, hosts.length);
  assert.ok(timers.fired <= 10_000 / TICK_MS);
  assert.equal(timers.mostPending, 1);
});

test('the start is random within an interval, for one host as for many', () => {
  for (const hostCount of [1, 7]) {
    const starts = [0, 0.25, 0.5, 0.9].map((random) => {
      const { timers, hosts, calls } = setUp({ hosts: hostCount, random, answer: () => true });
      const startMs = timers.nowMs();
      timers.advance(5_000 + TICK_MS);
      return calls.find((call) => call.host === hosts[0])!.atMs - startMs;
    });
    assert.equal(new Set(starts).size, 4, starts.join());
  }
});

test('no more probes run at once than allowed, and the others follow as these end', () => {
  const { timers, hosts, calls, checks } = setUp({ hosts: 10, concurrency: 3 });
  timers.advance(5_000);
  assert.deepEqual([calls.length, checks.running], [3, 3]);
  calls[0]!.done(true, '');
  assert.deepEqual([calls.length, checks.running], [4, 3]);
  for (let i = 1; i < calls.length && calls.length < 30; i++) calls[i]!.done(true, '');
  assert.equal(new Set(calls.map((call) => call.host)).size, hosts.length);
  assert.ok(calls.length <= 11, 'no more than a round is owed');
});

test('a host is not probed again while its probe is under way', () => {
  const { timers, calls, checks } = setUp({ hosts: 1 });
  timers.advance(50_000);
  assert.deepEqual([calls.length, checks.running], [1, 1]);
  calls[0]!.done(true, '');
  timers.advance(5_000);
  assert.equal(calls.length, 2);
});

test('a probe that answers twice is heard once', () => {
  const { timers, hosts, calls, checks } = setUp({ hosts: 1, policy: { ...POLICY, unhealthyAfter: 2 } });
  timers.advance(5_000);
  for (let i = 0; i < 5; i++) calls[0]!.done(false, 'refused');
  assert.deepEqual([hosts[0]!.healthy, checks.running], [true, 0]);
  timers.advance(5_000);
  calls[0]!.done(true, 'late');
  calls[1]!.done(false, 'refused');
  assert.deepEqual([hosts[0]!.healthy, checks.running], [false, 0]);
});

test('hosts that go are probed no more, those that stay keep what is known, new ones are healthy', () => {
  const { timers, hosts, calls, checks } = setUp({ hosts: 2 });
  timers.advance(5_000);
  const [goes, stays] = hosts as [Host, Host];
  const added = new Host({ address: '10.0.0.2', port: 1 }, 0);
  checks.setHosts([added, stays]);
  assert.deepEqual(calls.map((call) => [call.host === goes, call.cancelled]).sort(), [
    [false, false],
    [true, true],
  ]);
  for (const call of calls) call.done(false, 'refused');
  assert.equal(checks.running, 0);
  timers.advance(5_000);
  assert.ok(calls.some((call) => call.host === added));
  assert.equal(calls.filter((call) => call.host === goes).length, 1);
  assert.equal(added.healthy, true);
  for (let round = 0; round < 3; round++) {
    for (const call of calls) call.done(call.host !== stays, 'refused');
    timers.advance(5_000);
  }
  assert.deepEqual([added.healthy, stays.healthy], [true, false]);
});

test('many hosts that come at once are spread, too', () => {
  const { timers, calls, checks } = setUp({ hosts: 1, answer: () => true });
  timers.advance(2_000);
  checks.setHosts(hostsNamed(1_000));
  assert.equal(calls.length, 0);
  timers.advance(500);
  assert.ok(calls.length > 80 && calls.length <= 101, String(calls.length));
});

test('hosts that change all the time are probed all the same', () => {
  const { timers, hosts, calls, checks } = setUp({ hosts: 4, answer: () => true });
  for (let i = 0; i < 1_000; i++) {
    checks.setHosts([...hosts]);
    timers.advance(10);
  }
  assert.ok(calls.length >= 7, String(calls.length));
});

test('no hosts, no policy, or close: no timer, nothing under way', () => {
  const none = setUp({ hosts: 3 });
  none.timers.advance(5_000);
  none.checks.setHosts([]);
  assert.deepEqual([none.timers.pending, none.checks.running], [0, 0]);
  assert.ok(none.calls.length > 0 && none.calls.every((call) => call.cancelled));

  const closed = setUp({ hosts: 3 });
  closed.timers.advance(5_000);
  closed.checks.close();
  closed.checks.setHosts(hostsNamed(5));
  assert.deepEqual([closed.timers.pending, closed.checks.running], [0, 0]);
});

test('without the policy all hosts are healthy again, and with another one checks go on', () => {
  const { timers, hosts, calls, checks, seen } = setUp({ hosts: 2, answer: () => false });
  timers.advance(20_000);
  assert.deepEqual([hosts.map((host) => host.healthy), seen.changes], [[false, false], 2]);
  checks.update(undefined);
  assert.deepEqual([hosts.map((host) => host.healthy), seen.changes], [[true, true], 3]);
  assert.equal(timers.pending, 0);
  checks.update({ path: '/other', intervalMs: 1_000, unhealthyAfter: 1 });
  timers.advance(1_100);
  assert.deepEqual(calls.at(-1)!.policy, { path: '/other', intervalMs: 1_000, unhealthyAfter: 1 });
  assert.deepEqual(
    hosts.map((host) => host.healthy),
    [false, false],
  );
});

test('a clock that jumps makes at most one round come due, and checks go on', () => {
  const { timers, calls } = setUp({ hosts: 10, answer: () => true, concurrency: 100 });
  timers.advance(5_000);
  for (const jumpMs of [3_600_000, -7_200_000]) {
    const before = calls.length;
    timers.jump(jumpMs);
    timers.advance(5_000);
    assert.ok(calls.length - before <= 20, String(calls.length - before));
    timers.advance(5_000);
    assert.ok(calls.length - before >= 10, String(calls.length - before));
  }
});

test('any number of probes that end at once is no recursion', () => {
  const { timers, calls } = setUp({ hosts: 30_000, answer: () => true });
  timers.jump(3_600_000);
  timers.advance(TICK_MS);
  assert.equal(calls.length, 30_000);
});

test('whatever comes and goes, running probes are counted and bounded', () => {
  const action = fc.record({ kind: fc.constantFrom('wait', 'hosts', 'ok', 'fail'), count: fc.nat(12) });
  fc.assert(
    fc.property(fc.array(action, { maxLength: 100 }), (actions) => {
      const { timers, hosts, calls, checks } = setUp({ hosts: 12, concurrency: 4 });
      const open = () => calls.filter((call) => !call.cancelled && !answered.has(call));
      const answered = new Set<Call>();
      const answer = (ok: boolean, count: number) => {
        const call = open()[count];
        if (call === undefined) return;
        answered.add(call);
        call.done(ok, '');
      };
      for (const { kind, count } of actions) {
        if (kind === 'wait') timers.advance(count * 500);
        else if (kind === 'hosts') checks.setHosts(hosts.slice(0, count));
        else answer(kind === 'ok', count % 4);
        assert.equal(checks.running, open().length);
        assert.ok(checks.running <= 4);
        assert.ok(timers.pending <= 1);
      }
      checks.close();
      assert.deepEqual([checks.running, timers.pending, open().length], [0, 0, 0]);
    }),
  );
});
