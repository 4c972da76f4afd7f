import { after, it, type TestContext } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { LIFE } from './lifecycle.fixture.ts';
import { type LifecycleSite, PARTS } from './lifecyclesite.ts';
import { assertNoneFailed, tell } from './load.ts';

/** Kubernetes gives a node 50 s to be heard of, and looks every 5 s. */
const GIVEN_UP_MS = 120_000;
/** How long the pods go on serving once it has. */
const AFTERWARDS_MS = 5_000;
const SERVERS = ['api', 'wide', 'frail'] as const;
const FELT_BY = [...SERVERS, 'posts'] as const;

/**
 * A node that stops has two halves, and a cluster of one node can lose only one of them at a time. Here it is Kubernetes
 * that loses sight of the node, while its pods go on; what callers meet when pods go without a word is in vanishing.ts.
 */
export function stoppedNode(site: () => LifecycleSite): void {
  it('answers all requests when Kubernetes takes every pod for gone, because their node is not heard of', async (t) => {
    const { cluster } = site();
    if (!cluster.local) return t.skip('this needs the node: unset KUBECONFIG');
    for (const name of SERVERS) await site().rolledOut(name);
    after(await site().patient('patience', { kind: 'Namespace' }));
    const load = await site().under(FELT_BY, async () => {
      await cluster.pauseKubelet();
      await givenUp(t).finally(() => cluster.resumeKubelet());
      await back(t);
    });
    tell(t, load, ...FELT_BY);
    assertNoneFailed(load, ...FELT_BY);
  });

  const givenUp = async (t: TestContext): Promise<void> => {
    const all = 'jsonpath={.items[*].endpoints[*].conditions.ready}';
    const get = ['-n', LIFE, 'get', 'endpointslices', '-o', all];
    const noneReady = async () => !(await site().kubectl(...get)).includes('true');
    const ms = await site().timeUntil('every endpoint to be given up', noneReady, GIVEN_UP_MS);
    t.diagnostic(`Kubernetes gave up every endpoint ${ms} ms after the kubelet was last heard of`);
    await delay(AFTERWARDS_MS);
  };

  /** Only now can the load be asked what it saw: `kubectl exec` is the kubelet's. */
  const back = async (t: TestContext): Promise<void> => {
    const ms = await site().timed(async () => {
      for (const name of SERVERS) await site().rolledOut(name);
      for (const part of PARTS) await site().rolledOut(`weft-${part}`, 'weft-system');
    });
    t.diagnostic(`all ready again ${ms} ms after it was heard of again`);
  };
}
