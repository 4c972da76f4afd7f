import assert from 'node:assert/strict';
import { it } from 'node:test';
import { OUTSIDE_LOAD } from './h2load.fixture.ts';
import { trySidecar } from './injectionwatch.ts';
import { remains } from './remains.ts';
import { waitUntil } from './scenario.ts';
import { APPS, SYSTEM, UPGRADE, type UpgradeSite } from './upgradesite.ts';

/** Tests of how Weft goes: first as nobody should remove it, then as the guide says. */
export function uninstalling(site: () => UpgradeSite, policyInForce: () => Promise<number>): void {
  const NO_SIDECARS = Object.fromEntries(APPS.map((name) => [name, undefined]));

  it('in the wrong order: what has a sidecar goes on, and new pods start without one', async (t) => {
    await site().nothingFelt(t, async () => {
      await site().uninstall();
      await waitUntil('pods to start without a sidecar', async () => {
        const outcome = await trySidecar(site().cluster, UPGRADE);
        return 'failure' in outcome && outcome.failure === 'no sidecar';
      });
    });
  });

  it('takes the Lease and the webhook’s certificate along, and keeps the root of trust', async () => {
    const names = async () => {
      const kinds = 'lease,secret,configmap,role,serviceaccount,deployment,service';
      const found = await site().kubectl('-n', SYSTEM, 'get', kinds, '-o', 'name');
      return found.split('\n').filter((name) => name.includes('weft'));
    };
    await waitUntil('the garbage collector', async () => (await names()).length <= 2);
    assert.deepEqual(await names(), ['secret/weft-ca', 'configmap/weft-trust-bundle']);
  });

  it('is installed again, whole as soon as it says so, and takes back what it left', async (t) => {
    await site().nothingFelt(t, async () => {
      t.diagnostic(`installed after ${await site().timed(() => site().install())} ms`);
      const outcome = await trySidecar(site().cluster, UPGRADE);
      assert.deepEqual(outcome, { image: site().newSidecar });
      t.diagnostic(`a policy in force after ${await policyInForce()} ms more`);
    });
  });

  it('in the order of the guide: no request fails', async (t) => {
    await site().kubectl('label', 'namespace', UPGRADE, 'weft.dev/inject-');
    await site().nothingFelt(t, () => site().replace('api', 'wide'));
    await site().nothingFelt(t, () => site().replace('caller', 'load', OUTSIDE_LOAD));
    assert.deepEqual(await site().sidecars(), NO_SIDECARS);
    await site().nothingFelt(t, async () => {
      await site().uninstall();
      await site().kubectl('delete', 'crd', 'meshpolicies.weft.dev', '--timeout=60s');
      await site().kubectl('delete', 'controllerrevisions', '-A', '-l', 'weft.dev/accepted-policy');
      await site().kubectl('delete', 'namespace', SYSTEM, '--timeout=60s');
    });
  });

  it('leaves nothing behind, and nothing broken', async (t) => {
    const seen: string[] = [];
    const isGone = async () => {
      const left = await remains(site().cluster).catch((error: Error) => [error.message]);
      if (left.length > 0 && left.join() !== seen.at(-1)) seen.push(left.join());
      return left.length === 0;
    };
    // what Secrets of pods and the like are left for the garbage collector
    const tookMs = await site()
      .timeUntil('all of it to be gone', isGone, 120_000)
      .catch(() => undefined);
    assert.notEqual(tookMs, undefined, `was left, one after the other: ${seen.join(' | ')}`);
    t.diagnostic(`gone after ${tookMs} ms; until then: ${seen.join(' | ')}`);
    // it grows: what is taken away without the injector's delay loses requests, as it did before there was a mesh
    await site().nothingFelt(t, async () => {
      await site().scale('api', 2);
      await site().rolledOut('api');
    });
  });
}
