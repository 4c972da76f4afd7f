import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { skipWithoutCluster } from './cluster.ts';
import { openSite } from './clustersite.ts';
import { job, LIFE, server } from './lifecycle.fixture.ts';
import { containerNamed, LifecycleSite } from './lifecyclesite.ts';
import { assertNoneFailed, tell } from './load.ts';
import { outages } from './outages.ts';
import { waitUntil } from './scenario.ts';
import { sidecarUpgrade } from './sidecar-upgrade.ts';
import { slowEndpoints } from './slow-endpoints.ts';
import { stoppedNode } from './stopped-node.ts';
import { vanishing } from './vanishing.ts';
import { withoutInjector } from './without-injector.ts';

const ROLLOUTS = 20;
const HASTY_ROLLOUTS = 5;

/**
 * What happens to pods on any day, while a client calls without pause. Every request counts: the client knows each
 * that was not answered 200.
 */
describe('The life of pods under load', { skip: await skipWithoutCluster() }, () => {
  let site: LifecycleSite;

  before(async () => {
    site = await openSite(LifecycleSite);
  });
  after(() => site?.close());

  const times = async (count: number, work: () => Promise<void>) => {
    for (let i = 0; i < count; i++) await work();
  };

  describe('of apps', { concurrency: true }, () => {
    describe('that vanish or are slow', { concurrency: 1 }, () => {
      slowEndpoints(() => site);
      vanishing(() => site);
    });

    it(`loses no request of an app that finishes what it has, in ${ROLLOUTS} rollouts`, async (t) => {
      const load = await site.under(['api', 'posts', 'hasty'], () =>
        Promise.all([
          times(ROLLOUTS, () => site.rollOut('api')),
          times(HASTY_ROLLOUTS, () => site.rollOut('hasty')),
        ]),
      );
      // the one that exits at once loses what it was answering, and nothing can be done about that
      tell(t, load, 'api', 'posts', 'hasty');
      assertNoneFailed(load, 'api', 'posts');
      assert.ok(Object.keys(load.api.pods).length >= ROLLOUTS, 'each rollout got requests');
    });

    describe('that come, grow and end', { concurrency: 1 }, () => {
      it('loses no request when an app grows from one to ten pods, and shrinks again', async (t) => {
        const load = await site.under(['wide'], async () => {
          await site.scale('wide', 10);
          await site.rolledOut('wide');
          await waitUntil('all ten to get requests', async () => {
            const { wide } = await site.load();
            return Object.keys(wide.pods).length === 10;
          });
          await site.scale('wide', 1);
          await waitUntil('nine to be gone', async () => {
            const left = await site.kubectl('-n', LIFE, 'get', 'pods', '-l', 'app=wide', '-o', 'name');
            return left.trim().split('\n').length === 1;
          });
        });
        tell(t, load, 'wide');
        assertNoneFailed(load, 'wide');
        assert.equal(Object.keys(load.wide.pods).length, 10, 'all ten got requests');
      });

      it('lets jobs complete, and their pods with them, whether they succeed or fail', async (t) => {
        await site.apply(job('counts', 'http://ledger/', 20), job('fails', 'http://ledger.nowhere/', 1));
        for (const [name, condition, phase, code] of [
          ['counts', 'Complete', 'Succeeded', 0],
          ['fails', 'Failed', 'Failed', 1],
        ] as const) {
          await site.kubectl(
            '-n',
            LIFE,
            'wait',
            `job/${name}`,
            `--for=condition=${condition}`,
            '--timeout=180s',
          );
          const get = ['-n', LIFE, 'get', 'pods', '-l', `app=${name}`, '-o', 'json'];
          const { items } = JSON.parse(await site.kubectl(...get));
          assert.deepEqual(
            items.map(({ status }: { status: { phase: string } }) => status.phase),
            [phase],
          );
          const containers = await site.containers(items[0]);
          const [app, sidecar] = ['app', 'weft-sidecar'].map(
            (each) => containerNamed(containers, each).state.terminated!,
          );
          assert.equal(app!.exitCode === 0 ? 0 : 1, code);
          assert.equal(sidecar!.exitCode, 0, 'the sidecar ended by itself');
          t.diagnostic(`${name}: app ended ${app!.finishedAt}, sidecar ${sidecar!.finishedAt}`);
        }
      });

      it('gives an app the network before it serves, and after it was told to end', async () => {
        await site.apply(...server(LIFE, 'needy', { env: { NEEDS: 'yes' } }));
        await site.rolledOut('needy');
        const needy = await site.pod('app=needy');
        assert.equal(containerNamed(await site.containers(needy), 'app').restartCount, 0);
        await site.kubectl('-n', LIFE, 'delete', 'deployment/needy', '--cascade=foreground');
        const { name } = needy.metadata;
        await site.kubectl('-n', LIFE, 'wait', '--for=delete', `pod/${name}`, '--timeout=60s');
        const heard: string[] = JSON.parse(await site.askOwn(await site.pod('app=ledger'), '/heard'));
        assert.deepEqual(
          heard.filter((each) => each.endsWith(name)),
          [`needy-start/${name}`, `needy-end/${name}`],
        );
      });

      describe('whose sidecars are replaced', () => sidecarUpgrade(() => site));
    });
  });

  describe('on a node that is stopped', () => stoppedNode(() => site));
  describe('without a control plane', () => outages(() => site));
  describe('without an injector', () => withoutInjector(() => site));
});
