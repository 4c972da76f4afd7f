import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { Host } from '../balancers/host.ts';
import { FakeTimers } from '../testing/fake-timers.ts';
import { OutlierDetection } from './outlier-detection.ts';
import { lowSuccessRates } from './outlier-verdicts.ts';

const FACTOR = 1.9;

function hostWith(successes: number, failures: number): Host {
  const host = new Host({ address: '10.0.0.1', port: successes + 1 }, 0);
  host.intervalSuccesses = successes;
  host.intervalFailures = failures;
  return host;
}

test('the host that fails more than the others is found', () => {
  const hosts = [...Array.from({ length: 9 }, () => hostWith(99, 1)), hostWith(50, 50)];
  assert.deepEqual(lowSuccessRates(hosts, 5, FACTOR), [hosts[9]]);
});

test('the worst comes first, since not all of them may be ejected', () => {
  const good = Array.from({ length: 40 }, () => hostWith(100, 0));
  const [bad, worse] = [hostWith(30, 70), hostWith(10, 90)];
  assert.deepEqual(lowSuccessRates([bad, ...good, worse], 5, FACTOR), [worse, bad]);
});

test('too few hosts with enough requests are not judged', () => {
  const hosts = [...Array.from({ length: 3 }, () => hostWith(100, 0)), hostWith(0, 100)];
  assert.deepEqual(lowSuccessRates(hosts, 4, 1), [hosts[3]], 'four are enough when four are asked for');
  assert.deepEqual(lowSuccessRates(hosts, 5, 1), []);
  const quiet = Array.from({ length: 20 }, () => hostWith(99, 0));
  assert.deepEqual(lowSuccessRates([...hosts, ...quiet], 5, 1), [], '99 results are not enough');
  assert.deepEqual(lowSuccessRates([], 1, FACTOR), []);
});

test('hosts that fail alike are no outliers, whatever the share', () => {
  const counts = fc.integer({ min: 0, max: 1_000 });
  fc.assert(
    fc.property(
      counts,
      counts,
      fc.integer({ min: 1, max: 60 }),
      fc.double({ min: 0.001, max: 100, noNaN: true }),
      (successes, failures, count, factor) => {
        const hosts = Array.from({ length: count }, () => hostWith(successes + 100, failures));
        assert.deepEqual(lowSuccessRates(hosts, 1, factor), []);
      },
    ),
  );
});

test('no host at or above the mean is an outlier', () => {
  const counts = fc.tuple(fc.integer({ min: 0, max: 500 }), fc.integer({ min: 100, max: 500 }));
  fc.assert(
    fc.property(fc.array(counts, { minLength: 1, maxLength: 30 }), (given) => {
      const hosts = given.map(([successes, failures]) => hostWith(successes, failures));
      const rates = hosts.map(
        (host) => host.intervalSuccesses / (host.intervalSuccesses + host.intervalFailures),
      );
      const mean = rates.reduce((sum, rate) => sum + rate, 0) / rates.length;
      for (const host of lowSuccessRates(hosts, 1, 0.001)) assert.ok(rates[hosts.indexOf(host)]! < mean);
    }),
  );
});

function serve(policyFactor: number | undefined) {
  const timers = new FakeTimers();
  const hosts = Array.from({ length: 10 }, () => hostWith(0, 0));
  const successRate =
    policyFactor === undefined ? {} : { successRate: { stdevFactorThousandths: policyFactor } };
  const changed = () => {};
  const detection = new OutlierDetection({
    policy: { consecutiveErrors: 1_000, ...successRate },
    timers,
    changed,
  });
  detection.setHosts(hosts);
  const interval = (failing: number) => {
    for (let i = 0; i < 100; i++) {
      for (const host of hosts)
        detection.onResult(host, host !== hosts[failing] || i % 2 === 0, timers.nowMs());
    }
  };
  return { timers, hosts, detection, interval };
}

test('at the end of an interval the outlier is ejected and all counts start anew', () => {
  const { timers, hosts, interval } = serve(1_900);
  interval(3);
  timers.advance(9_999);
  assert.equal(hosts[3]!.isEjected, false);
  timers.advance(1);
  assert.deepEqual(
    hosts.filter((host) => host.isEjected),
    [hosts[3]],
  );
  assert.ok(hosts.every((host) => host.intervalSuccesses === 0 && host.intervalFailures === 0));
  timers.advance(30_000);
  assert.equal(hosts[3]!.isEjected, false);
});

test('without traffic no interval runs, and without the field nothing is counted', () => {
  const judged = serve(1_900);
  judged.interval(3);
  judged.timers.advance(100_000);
  assert.equal(judged.timers.pending, 0);

  const unjudged = serve(undefined);
  unjudged.interval(3);
  unjudged.timers.advance(100_000);
  assert.equal(unjudged.timers.fired, 0);
  assert.equal(unjudged.detection.ejected, 0);
  assert.equal(unjudged.hosts[3]!.intervalFailures, 0);
});
