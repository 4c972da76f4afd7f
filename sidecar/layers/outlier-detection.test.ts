import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { OutlierDetectionPolicy } from '../../api/destination-traffic.ts';
import { ERRORS, type ErrorCode } from '../../api/errors.ts';
import { Host } from '../balancers/host.ts';
import { FakeTimers } from '../testing/fake-timers.ts';
import { OutlierDetection } from './outlier-detection.ts';

const POLICY: OutlierDetectionPolicy = {
  consecutiveErrors: 5,
  intervalMs: 10_000,
  baseEjectionMs: 30_000,
  maxEjectedPercent: 50,
};

function setUp(
  hostCount: number,
  given: OutlierDetectionPolicy | 'none' = POLICY,
  timers = new FakeTimers(),
) {
  const hosts = hostsNamed(hostCount);
  const policy = given === 'none' ? undefined : given;
  const seen = { changes: 0 };
  const changed = () => {
    seen.changes += 1;
  };
  const detection = new OutlierDetection({ policy, timers, changed });
  detection.setHosts(hosts);
  const fail = (host: Host, times = 1) => {
    for (let i = 0; i < times; i++) detection.onResult(host, false, timers.nowMs());
  };
  return { timers, hosts, detection, fail, seen };
}

function hostsNamed(count: number): Host[] {
  return Array.from({ length: count }, (_, i) => new Host({ address: '10.0.0.1', port: i + 1 }, 0));
}

test('five failures in a row eject a host for the base time, and it comes back by itself', () => {
  const { timers, hosts, detection, fail, seen } = setUp(4);
  fail(hosts[0]!, 4);
  assert.equal(hosts[0]!.isEjected, false);
  fail(hosts[0]!);
  assert.deepEqual([hosts[0]!.isEjected, detection.ejected, seen.changes], [true, 1, 1]);
  timers.advance(29_999);
  assert.equal(hosts[0]!.isEjected, true);
  timers.advance(1);
  assert.deepEqual([hosts[0]!.isEjected, detection.ejected, seen.changes], [false, 0, 2]);
  assert.equal(hosts[0]!.consecutiveErrors, 0);
});

test('one success between failures starts the count anew', () => {
  const { timers, hosts, detection, fail } = setUp(4);
  for (let i = 0; i < 10; i++) {
    fail(hosts[0]!, 4);
    detection.onResult(hosts[0]!, true, timers.nowMs());
  }
  assert.equal(detection.ejected, 0);
});

test('the next ejection lasts longer, and quiet intervals shorten it again', () => {
  const { timers, hosts, fail } = setUp(4);
  const host = hosts[0]!;
  const ejectedFor = () => {
    fail(host, 5);
    const forMs = host.ejectedUntilMs - timers.nowMs();
    timers.advance(forMs);
    return forMs;
  };
  assert.deepEqual([ejectedFor(), ejectedFor(), ejectedFor()], [30_000, 60_000, 90_000]);
  timers.advance(20_000);
  assert.equal(host.ejections, 1);
  assert.equal(ejectedFor(), 60_000);
  timers.advance(20_000);
  assert.equal(ejectedFor(), 30_000);
});

test('an ejection lasts 300 s at most, or the base if that is longer', () => {
  for (const [baseEjectionMs, longestMs] of [
    [200_000, 300_000],
    [1_000_000, 1_000_000],
  ] as const) {
    const { timers, hosts, fail } = setUp(4, { ...POLICY, baseEjectionMs });
    for (let i = 0; i < 5; i++) {
      fail(hosts[0]!, 5);
      assert.ok(hosts[0]!.ejectedUntilMs - timers.nowMs() <= longestMs);
      if (i === 4) assert.equal(hosts[0]!.ejectedUntilMs - timers.nowMs(), longestMs);
      timers.advance(hosts[0]!.ejectedUntilMs - timers.nowMs());
    }
  }
});

const LIMITS: [hosts: number, percent: number, ejected: number][] = [
  [1, 50, 0],
  [1, 100, 1],
  [2, 10, 1],
  [2, 50, 1],
  [3, 50, 1],
  [4, 50, 2],
  [10, 0, 0],
  [10, 10, 1],
  [10, 39, 3],
  [10, 100, 10],
];
for (const [hostCount, maxEjectedPercent, ejected] of LIMITS) {
  test(`of ${hostCount} failing hosts ${ejected} are ejected at ${maxEjectedPercent}%`, () => {
    const { hosts, detection, fail } = setUp(hostCount, { ...POLICY, maxEjectedPercent });
    for (const host of hosts) fail(host, 20);
    assert.equal(detection.ejected, ejected);
    assert.equal(hosts.filter((host) => host.isEjected).length, ejected);
  });
}

test('a host that may not be ejected for the others is ejected when one of them is back', () => {
  const { timers, hosts, fail } = setUp(2);
  fail(hosts[0]!, 5);
  fail(hosts[1]!, 5);
  assert.deepEqual([hosts[0]!.isEjected, hosts[1]!.isEjected], [true, false]);
  timers.advance(30_000);
  fail(hosts[1]!);
  assert.deepEqual([hosts[0]!.isEjected, hosts[1]!.isEjected], [false, true]);
});

test('when hosts go, as many ejected ones come back as are too many, the soonest due first', () => {
  const { timers, hosts, detection, fail, seen } = setUp(6);
  for (const host of hosts.slice(0, 3)) {
    fail(host, 5);
    timers.advance(1_000);
  }
  detection.setHosts(hosts.slice(0, 4));
  assert.deepEqual(
    hosts.map((host) => host.isEjected),
    [false, true, true, false, false, false],
  );
  assert.equal(seen.changes, 4);
});

test('a policy that allows less lets hosts back at once, none at all turns ejection off', () => {
  const { hosts, detection, fail } = setUp(10);
  for (const host of hosts) fail(host, 5);
  assert.equal(detection.ejected, 5);
  detection.update({ ...POLICY, maxEjectedPercent: 20 });
  assert.equal(detection.ejected, 2);
  detection.update({ ...POLICY, maxEjectedPercent: 0 });
  assert.deepEqual([detection.ejected, hosts.filter((host) => host.isEjected).length], [0, 0]);
});

test('a host that is no longer listed is not ejected, and one that was comes back if listed again', () => {
  const { timers, hosts, detection, fail } = setUp(4);
  const [gone, ejected] = [hosts[3]!, hosts[0]!];
  fail(ejected, 5);
  detection.setHosts(hosts.slice(1, 3));
  fail(gone, 50);
  assert.deepEqual([gone.isEjected, detection.ejected], [false, 0]);
  timers.advance(100_000);
  detection.setHosts(hosts);
  timers.advance(1);
  assert.deepEqual([ejected.isEjected, detection.ejected], [false, 0]);
});

test('without a policy failures of the host count, and answers and timeouts do not', () => {
  const { timers, hosts, detection } = setUp(20, 'none');
  const nowMs = timers.nowMs();
  for (let i = 0; i < 10; i++) {
    detection.onAnswer(hosts[0]!, 500, nowMs);
    detection.onFailure(hosts[1]!, 'timeout', nowMs);
  }
  assert.equal(detection.ejected, 0);
  for (let i = 0; i < 5; i++) detection.onFailure(hosts[2]!, 'connect-failure', nowMs);
  assert.equal(hosts[2]!.isEjected, true);
  timers.advance(9_999);
  assert.equal(hosts[2]!.isEjected, true);
  timers.advance(1);
  assert.equal(hosts[2]!.isEjected, false);
});

test('without a policy any answer shows that the host is there', () => {
  const { timers, hosts, detection } = setUp(4, 'none');
  for (let i = 0; i < 20; i++) detection.onFailure(hosts[0]!, 'upstream-reset', timers.nowMs()); // ejected
  for (let i = 0; i < 20; i++) {
    detection.onFailure(hosts[1]!, 'upstream-reset', timers.nowMs());
    detection.onAnswer(hosts[1]!, 503, timers.nowMs());
  }
  assert.deepEqual([hosts[0]!.isEjected, hosts[1]!.isEjected], [true, false]);
});

test('with a policy 5xx answers count, and 4xx do not', () => {
  const ejecting = [200, 304, 400, 403, 404, 429, 499, 500, 502, 503, 508, 599].filter((status) => {
    const { timers, hosts, detection } = setUp(4);
    for (let i = 0; i < 5; i++) detection.onAnswer(hosts[0]!, status, timers.nowMs());
    return hosts[0]!.isEjected;
  });
  assert.deepEqual(ejecting, [500, 502, 503, 508, 599]);
});

test('with a policy failures to answer count, and what the mesh itself refuses does not', () => {
  const ejecting = (Object.keys(ERRORS) as ErrorCode[]).filter((code) => {
    const { timers, hosts, detection } = setUp(4);
    for (let i = 0; i < 5; i++) detection.onFailure(hosts[0]!, code, timers.nowMs());
    return hosts[0]!.isEjected;
  });
  const expected = ['connect-failure', 'identity-mismatch', 'timeout', 'upstream-protocol', 'upstream-reset'];
  assert.deepEqual(ejecting.sort(), expected);
});

test('there is a timer only while there is something to wait for, and never two', () => {
  const { timers, hosts, detection, fail } = setUp(10);
  for (const host of hosts) detection.onResult(host, true, timers.nowMs());
  fail(hosts[0]!, 4);
  assert.equal(timers.pending, 0);
  for (const host of hosts) {
    fail(host, 5);
    timers.advance(700);
  }
  assert.equal(timers.pending, 1);
  assert.equal(timers.mostPending, 1);
  timers.advance(60_000);
  assert.deepEqual([timers.pending, detection.ejected], [0, 0]);
  assert.ok(hosts.every((host) => host.ejections === 0));
});

test('after close nothing is ejected and no timer is left', () => {
  const { timers, hosts, detection, fail } = setUp(4);
  fail(hosts[0]!, 5);
  detection.close();
  fail(hosts[1]!, 5);
  assert.deepEqual([timers.pending, hosts[1]!.isEjected], [0, false]);
});

for (const [name, jumpMs] of [
  ['back', -3_600_000],
  ['forward', 3_600_000],
] as const) {
  test(`a clock that jumps ${name} an hour keeps no host ejected for long`, () => {
    const { timers, hosts, detection, fail } = setUp(4, POLICY, new FakeTimers(10_000_000));
    fail(hosts[0]!, 5);
    timers.jump(jumpMs);
    timers.advance(40_000);
    assert.equal(detection.ejected, 0);
    timers.advance(60_000);
    assert.equal(timers.pending, 0);
    fail(hosts[1]!, 5);
    assert.equal(hosts[1]!.isEjected, true);
  });
}

test('never more than the share is ejected, whatever happens in which order', () => {
  const action = fc.record({
    kind: fc.constantFrom('fail', 'fail', 'fail', 'ok', 'wait', 'hosts'),
    host: fc.nat(11),
    count: fc.integer({ min: 1, max: 12 }),
  });
  fc.assert(
    fc.property(
      fc.array(action, { maxLength: 150 }),
      fc.integer({ min: 0, max: 100 }),
      (actions, percent) => {
        const policy = { ...POLICY, consecutiveErrors: 2, maxEjectedPercent: percent };
        const { timers, hosts, detection } = setUp(12, policy);
        let listed = hosts;
        const apply = {
          fail: (host: Host) => detection.onResult(host, false, timers.nowMs()),
          ok: (host: Host) => detection.onResult(host, true, timers.nowMs()),
          wait: (_: Host, count: number) => timers.advance(count * 5_000),
          hosts: (_: Host, count: number) => {
            listed = hosts.slice(0, count);
            detection.setHosts(listed);
          },
        };
        for (const { kind, host, count } of actions) {
          apply[kind](hosts[host]!, count);
          const ejected = listed.filter((one) => one.isEjected).length;
          const share = Math.floor((listed.length * percent) / 100);
          const most = percent === 0 ? 0 : Math.max(share, listed.length > 1 ? 1 : 0);
          assert.equal(detection.ejected, ejected);
          assert.ok(ejected <= most, `${ejected} of ${listed.length} at ${percent}%`);
          assert.ok(timers.pending <= 1);
        }
        timers.advance(3_600_000);
        assert.deepEqual([detection.ejected, timers.pending], [0, 0], 'all come back');
      },
    ),
  );
});
