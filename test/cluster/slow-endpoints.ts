import assert from 'node:assert/strict';
import { after, it, type TestContext } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import type { LifecycleSite } from './lifecyclesite.ts';
import { assertNoneFailed, type Load, type Seen, tell } from './load.ts';
import type { Pod } from './scenario.ts';
import { type SlowWire, slowWire } from './slow-wire.ts';

/** of each packet to an endpoint: ten times what its app takes for an answer */
const DELAY_MS = 200;
const MEASURED_MS = 8_000;
const WINDOWS_MAX = 5;
/** half of what is its due, and far more than it gets */
const MOST_OF_A_SLOW_ONE = 1 / 4;
/** of an endpoint that is as fast as the other again */
const LEAST_OF_A_RECOVERED_ONE = 1 / 5;
const SLOWEST_MS = 5_000;
const STREAMS = ['frail', 'frailPosts'] as const;

/** Tests of endpoints to which every packet takes longer, under load. */
export function slowEndpoints(site: () => LifecycleSite): void {
  const slowed = async (t: TestContext, ...pods: Pod[]): Promise<SlowWire | undefined> => {
    if (!site().cluster.local) t.skip('this needs the node: unset KUBECONFIG');
    if (!site().cluster.local) return undefined;
    const podIPs = pods.map(({ status }) => status.podIP);
    const wire = await slowWire(site().cluster, podIPs, DELAY_MS);
    if (wire === undefined) t.skip('this machine has no TUN devices');
    return wire;
  };
  const readiness = ({ metadata: { namespace, name } }: Pod): Promise<string> => {
    const path = 'jsonpath={.status.conditions[?(@.type=="Ready")].status}';
    return site().kubectl('-n', namespace, 'get', 'pod', name, '-o', path);
  };
  /** What part of all answers came from it. */
  const share = (load: Load, { metadata }: Pod): number => {
    const sum = (count: (seen: Seen) => number) =>
      STREAMS.reduce((total, name) => total + count(load[name]), 0);
    return sum(({ pods }) => pods[metadata.name] ?? 0) / sum(({ answered }) => answered);
  };
  const allAnswered = (t: TestContext, load: Load) => {
    tell(t, load, ...STREAMS);
    assertNoneFailed(load, ...STREAMS);
    for (const name of STREAMS) assert.ok(load[name].slowestMs < SLOWEST_MS, `${load[name].slowestMs} ms`);
  };

  it(`sends nearly everything to the other one while one of two is ${DELAY_MS} ms slower`, async (t) => {
    const slow = await site().servingPod('frail', 0);
    const wire = await slowed(t, slow);
    if (wire === undefined) return;
    const hasMoved = async () => {
      const load = await site().under(STREAMS, () => delay(MEASURED_MS));
      allAnswered(t, load);
      t.diagnostic(`${(100 * share(load, slow)).toFixed(1)} % went to the slow one`);
      return share(load, slow) < MOST_OF_A_SLOW_ONE;
    };
    try {
      // at first on a quiet machine; on one with other work nobody is quick all the time
      let windows = 1;
      while (!(await hasMoved())) assert.ok(++windows <= WINDOWS_MAX, 'the slow one keeps its share');
      assert.equal(await readiness(slow), 'True', 'it is slow, and no less ready for that');
    } finally {
      await wire.end();
    }
    const recoveredMs = await site().timeUntil('it to get its share again', async () => {
      return share(await site().under(STREAMS, () => delay(500)), slow) > LEAST_OF_A_RECOVERED_ONE;
    });
    t.diagnostic(`it got its share again ${recoveredMs} ms after it was as fast as the other`);
  });

  it(`goes on while both of two are ${DELAY_MS} ms slower`, async (t) => {
    const pods = [await site().servingPod('frail', 0), await site().servingPod('frail', 1)];
    after(await site().patient('patience-frail', { kind: 'Service', name: 'frail' }));
    const wire = await slowed(t, ...pods);
    if (wire === undefined) return;
    const load = await site()
      .under(STREAMS, () => delay(MEASURED_MS))
      .finally(() => wire.end());
    allAnswered(t, load);
    assert.equal(Object.keys(load.frail.pods).length, 2, 'both were called');
  });
}
