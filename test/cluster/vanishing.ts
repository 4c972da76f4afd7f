import assert from 'node:assert/strict';
import { after, it, type TestContext } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { LIFE } from './lifecycle.fixture.ts';
import { containerNamed, type LifecycleSite } from './lifecyclesite.ts';
import { assertNoneFailed, tell } from './load.ts';
import type { Pod } from './scenario.ts';

/** How long the client of the load waits for an answer; whatever the network does, an error takes no longer. */
const PATIENCE_MS = 10_000;
/** Loops of one stream: as many requests can be under way to an endpoint when it goes. */
const WORKERS = 3;
/** After so many an endpoint is taken out, as long as no policy says otherwise. */
const FAILURES_IN_A_ROW = 5;
const CUT_MS = 15_000;

/** Tests of endpoints that go without goodbye: one of two, under load. */
export function vanishing(site: () => LifecycleSite): void {
  /** One of two that serve: `app` and `sidecar` of the one are killed, the network of the other suffers. */
  const victim = (index: 0 | 1): Promise<Pod> => site().servingPod('frail', index);
  const skip = (t: TestContext): boolean => {
    if (site().cluster.local) return false;
    t.skip('this needs the node: unset KUBECONFIG');
    return true;
  };

  for (const container of ['app', 'weft-sidecar']) {
    it(`loses little more than was under way when the ${container} of an endpoint is killed`, async (t) => {
      if (skip(t)) return;
      const chosen = await victim(0);
      const { name } = chosen.metadata;
      const load = await site().under(['frail', 'frailPosts'], async () => {
        await site().signal(containerNamed(await site().containers(chosen), container), 'SIGKILL');
        await delay(4_000);
      });
      tell(t, load, 'frail', 'frailPosts');
      // what was under way; and a POST may meet a connection that is being closed, as long as there are some
      for (const [stream, most] of [
        [load.frail, WORKERS],
        [load.frailPosts, WORKERS + FAILURES_IN_A_ROW],
      ] as const) {
        assert.ok(stream.failed <= most, `${stream.failed} failed`);
        assert.ok(stream.answered > WORKERS);
      }
      const wait = ['wait', `pod/${name}`, '--for=condition=Ready', '--timeout=60s'];
      const back = await site().timeUntil('the endpoint to be back', async () => {
        return (await site().kubectl('-n', LIFE, ...wait)) !== '';
      });
      t.diagnostic(`ready again ${4_000 + back} ms later`);
    });
  }

  it('goes on with the others when the network of an endpoint is cut', async (t) => {
    if (skip(t)) return;
    const chosen = await victim(1);
    const wire = await site().wire(chosen);
    const cut = ['FORWARD', '-o', wire, '-j', 'DROP'];
    const load = await site().under(['frail', 'frailPosts'], async () => {
      await site().cluster.nodeExecOk(['iptables', '-I', ...cut]);
      await delay(CUT_MS).finally(() => site().cluster.nodeExecOk(['iptables', '-D', ...cut]));
    });
    t.diagnostic(`the one that was cut off answered ${load.frail.pods[chosen.metadata.name] ?? 0}`);
    tell(t, load, 'frail', 'frailPosts');
    for (const stream of [load.frail, load.frailPosts]) {
      assert.ok(stream.failed <= 2 * WORKERS, `${stream.failed} failed`);
      assert.ok(stream.slowestMs <= PATIENCE_MS + 2_000, `${stream.slowestMs} ms`);
    }
  });

  it('loses little more than was under way when a pod and its network go at once', async (t) => {
    if (skip(t)) return;
    const chosen = await victim(1);
    const load = await site().under(['frail', 'frailPosts'], async () => {
      const mend = await site().destroy(chosen);
      after(mend);
      // the app is a new process, which has been asked for nothing yet
      const again = await site().timeUntil('requests to come to it again', async () => {
        return Number(await site().askOwn(chosen, '/last')) > 0;
      });
      t.diagnostic(`requests came to it again after ${again} ms`);
      await delay(Math.max(0, CUT_MS - again));
    });
    tell(t, load, 'frail', 'frailPosts');
    for (const stream of [load.frail, load.frailPosts]) {
      assert.ok(stream.failed <= 2 * WORKERS, `${stream.failed} failed`);
      assert.ok(stream.slowestMs <= PATIENCE_MS + 2_000, `${stream.slowestMs} ms`);
    }
  });

  it('answers all requests when the network loses packets', async (t) => {
    if (skip(t)) return;
    const wire = await site().wire(await victim(1));
    const lossy = ['-m', 'statistic', '--mode', 'random', '--probability', '0.05', '-j', 'DROP'];
    const lose = ['FORWARD', '-o', wire, ...lossy];
    if ((await site().cluster.nodeExec(['iptables', '-I', ...lose])).code !== 0) {
      return t.skip('this kernel loses no packets at random: it has no xt_statistic');
    }
    after(() => site().cluster.nodeExec(['iptables', '-D', ...lose]));
    const load = await site().under(['frail', 'frailPosts'], () => delay(5_000));
    tell(t, load, 'frail', 'frailPosts');
    assertNoneFailed(load, 'frail', 'frailPosts');
  });

  it('sends nothing to an endpoint a second after the API says that it is none', async (t) => {
    const chosen = await victim(0);
    const { name } = chosen.metadata;
    const { podIP } = chosen.status;
    const slices = ['get', 'endpointslices', '-l', 'kubernetes.io/service-name=frail', '-o', 'json'];
    let saidMs = 0;
    const load = await site().under(['frail', 'frailPosts'], async () => {
      await site().kubectl('-n', LIFE, 'label', 'pod', name, 'app=withdrawn', '--overwrite');
      await site().timeUntil('the API to say so', async () => {
        const said = await site().kubectl('-n', LIFE, ...slices);
        saidMs = Date.now();
        return !said.includes(`"${podIP}"`);
      });
      await delay(3_000);
    });
    const last = Number(await site().askOwn(chosen, '/last'));
    t.diagnostic(`the last request came ${last - saidMs} ms after the API was seen to say so`);
    await site().kubectl('-n', LIFE, 'delete', 'pod', name, '--wait=false');
    assert.ok(last > 0 && last - saidMs <= 1_000, `${last - saidMs} ms`);
    assertNoneFailed(load, 'frail', 'frailPosts');
  });
}
