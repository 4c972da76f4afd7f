import { before, it, type TestContext } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { LIFE } from './lifecycle.fixture.ts';
import { containerNamed, type LifecycleSite, PARTS } from './lifecyclesite.ts';
import { assertNoneFailed, tell } from './load.ts';
import { type Pod, waitUntil } from './scenario.ts';

/** how long parts of the control plane stay away; more by hand */
const OUTAGE_MS = Number(process.env.WEFT_TEST_OUTAGE_SECONDS ?? 8) * 1_000;

const FELT_BY = ['api', 'posts', 'wide'] as const;

/** Tests of what traffic feels of a control plane that is killed: nothing. */
export function outages(site: () => LifecycleSite): void {
  before(async () => {
    // one for each sidecar that is to restart: the kubelet starts the first time at once
    await site().scale('api', 4);
    await site().rolledOut('api');
  });

  /** Whether the newest policy is in force on everybody, and how long that takes from now on, in ms. */
  let generation = 0;
  const policyInForce = (): Promise<number> => {
    const requests = ++generation * 1_000;
    const rateLimit = [{ name: 'far', requests, per: '1s', key: { type: 'Source' as const } }];
    return site().policyInForce({ target: { kind: 'Service', name: 'api' }, inbound: { rateLimit } });
  };

  /** One of the sidecars is asked to end; with nobody to ask it is back, and ready, by what it has kept. */
  const restartSidecar = async (): Promise<() => Promise<void>> => {
    if (!site().cluster.local) return () => Promise.resolve();
    const { containers, podIP } = await freshPod();
    const ready = ['curl', '-sf', '-o', '/dev/null', '--max-time', '1', `http://${podIP}:15020/readyz`];
    const isReady = async () => (await site().cluster.nodeExec(ready)).code === 0;
    return async () => {
      await site().signal(containerNamed(containers, 'weft-sidecar'), 'SIGTERM');
      await waitUntil('the sidecar to end', async () => !(await isReady()), 20_000);
      await waitUntil('the sidecar to be back', isReady);
    };
  };

  /**
   * Another one each time: the kubelet lets a container wait longer before it starts it again, and what the API server
   * says of one that was restarted may be old when it was away itself.
   */
  const restarted = new Set<string>();
  const freshPod = async () => {
    const list = JSON.parse(await site().kubectl('-n', LIFE, 'get', 'pods', '-l', 'app=api', '-o', 'json'));
    const fresh = (list.items as Pod[]).find(({ metadata }) => !restarted.has(metadata.name))!;
    restarted.add(fresh.metadata.name);
    return { containers: await site().containers(fresh), podIP: fresh.status.podIP };
  };

  /** What the load feels while this is away, a sidecar restarts, and it comes back: nothing. */
  const nothingFelt = async (t: TestContext, away: () => Promise<unknown>, back: () => Promise<unknown>) => {
    const restart = await restartSidecar();
    const load = await site().under(FELT_BY, async () => {
      await away();
      await Promise.all([restart(), delay(OUTAGE_MS)]).finally(back);
      t.diagnostic(`a policy in force after ${await policyInForce()} ms more`);
    });
    tell(t, load, ...FELT_BY);
    assertNoneFailed(load, ...FELT_BY);
  };
  const needsNode = (t: TestContext): boolean => {
    if (!site().cluster.local) t.skip('the API server is not ours to stop: unset KUBECONFIG');
    return !site().cluster.local;
  };

  for (const part of PARTS) {
    it(`goes on while the ${part} is gone, and converges when it is back`, async (t) => {
      const back = async () => t.diagnostic(`${part} ready again after ${await site().restore(part)} ms`);
      await nothingFelt(t, () => site().kill(part), back);
    });
  }

  it('goes on while the API server is gone, and converges when it is back', async (t) => {
    if (needsNode(t)) return;
    const { cluster } = site();
    const ms = (back: () => Promise<void>) => site().timed(back);
    await nothingFelt(
      t,
      () => cluster.stopApiServer(),
      async () =>
        t.diagnostic(`the API server ready again after ${await ms(() => cluster.startApiServer())} ms`),
    );
  });

  it('goes on while all of it is gone, and converges when it is back', async (t) => {
    if (needsNode(t)) return;
    const { cluster } = site();
    const away = async () => {
      await Promise.all(PARTS.map((part) => site().kill(part)));
      await cluster.stopApiServer();
    };
    const back = async () => {
      const apiMs = await site().timed(() => cluster.startApiServer());
      const partsMs = await Promise.all(PARTS.map((part) => site().restore(part)));
      t.diagnostic(`API server, ${PARTS.join(', ')} ready again after ${[apiMs, ...partsMs].join(', ')} ms`);
    };
    await nothingFelt(t, away, back);
  });
}
