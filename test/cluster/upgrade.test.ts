import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import type { MeshPolicySpec } from '../../api/mesh-policy.ts';
import { skipWithoutCluster } from './cluster.ts';
import { openSite } from './clustersite.ts';
import { watchInjection } from './injectionwatch.ts';
import { waitUntil } from './scenario.ts';
import { uninstalling } from './uninstalling.ts';
import { DELAY_SECONDS, UPGRADE, UpgradeSite } from './upgradesite.ts';

const NOT_OURS = 'builds the image of an earlier version, and removes Weft in the end: unset KUBECONFIG';
const skip = (process.env.KUBECONFIG && NOT_OURS) || (await skipWithoutCluster());

/**
 * Weft comes, goes on to the next version, back, and goes, while two clients call two servers without pause. Each
 * pod keeps the sidecar it was created with, so every version of sidecar and control plane meets the other.
 */
describe('Weft is upgraded, put back and removed under load', { skip }, () => {
  let site: UpgradeSite;

  before(async () => {
    site = await openSite(UpgradeSite);
  });
  after(() => site?.close());

  /** until when the certificate is good that the operator of this version issued to a sidecar of the version before */
  let renewed = '';

  /** A policy of what the server enforces and what callers do is in force on every sidecar it concerns. */
  let generation = 0;
  const policyInForce = (): Promise<number> => {
    generation += 1;
    const key = { type: 'Source' } as const;
    const rateLimit = [{ name: 'far', requests: generation * 1_000, per: '1s', key }];
    const timeout = { request: `${generation + 20}s`, attempt: `${generation + 10}s` };
    const spec: MeshPolicySpec = {
      ...{ target: { kind: 'Service', name: 'api' }, inbound: { rateLimit } },
      traffic: { routes: [{ name: 'all', timeout }] },
    };
    return site.policyInForce(spec);
  };

  /** Nobody notices, and at no moment is a pod refused or without a sidecar. */
  const changeOfVersion = (to: () => Promise<unknown>) => async () => {
    const { count, failures, images } = await watchInjection(site.cluster, UPGRADE, to);
    assert.deepEqual(failures, [], `of ${count}`);
    assert.ok(count > 2, `${count} pods were tried`);
    return images;
  };

  it('is upgraded: no request fails, and every pod that is created meanwhile has a sidecar', async (t) => {
    const { isThisTree, tag } = site.previous;
    t.diagnostic(isThisTree ? 'no history here: from this tree to itself' : `from ${tag}`);
    const before = await site.certificateUntil('load');
    // with no Secret to read it from, the operator that comes has to issue a certificate
    await site.kubectl('-n', UPGRADE, 'delete', 'secret', await site.secretOf('load'));
    await site.nothingFelt(
      t,
      changeOfVersion(() => site.upgrade()),
    );
    assert.equal((await site.values()).injector.terminationDelaySeconds, DELAY_SECONDS, 'as was set before');
    await waitUntil('a certificate of the new operator', async () => {
      renewed = await site.certificateUntil('load');
      return renewed !== before;
    });
  });

  it('brings policies to sidecars of the version before', async (t) => {
    const { oldSidecar: old } = site;
    assert.deepEqual(await site.sidecars(), { api: old, wide: old, load: old, caller: old, outside: old });
    await site.nothingFelt(t, async () => t.diagnostic(`in force after ${await policyInForce()} ms`));
  });

  it('has sidecars of both versions call each other, and brings policies to both', async (t) => {
    await site.nothingFelt(t, async () => {
      await site.replace('api', 'caller');
      const { oldSidecar: old, newSidecar: now } = site;
      assert.deepEqual(await site.sidecars(), { api: now, wide: old, load: old, caller: now, outside: old });
      t.diagnostic(`in force after ${await policyInForce()} ms`);
    });
  });

  it('is put back: no request fails, and every pod that is created meanwhile has a sidecar', async (t) => {
    await site.nothingFelt(
      t,
      changeOfVersion(() => site.goBack()),
    );
  });

  it('brings policies of the operator before to sidecars of this version', async (t) => {
    const { oldSidecar: old, newSidecar: now } = site;
    assert.deepEqual(await site.sidecars(), { api: now, wide: old, load: old, caller: now, outside: old });
    await site.nothingFelt(t, async () => t.diagnostic(`in force after ${await policyInForce()} ms`));
  });

  it('gives pods the sidecar of the version before again', async (t) => {
    await site.nothingFelt(t, () => site.replace('api', 'caller'));
    const { oldSidecar: old } = site;
    assert.deepEqual(await site.sidecars(), { api: old, wide: old, load: old, caller: old, outside: old });
  });

  it('has had sidecars of the version before take certificates that the operator of this version issued', async (t) => {
    // the kubelet brings it, within a minute and a half
    const isTaken = async () => (await site.sidecarLog('load')).includes(renewed);
    t.diagnostic(`waited ${await site.timeUntil('the certificate to be taken', isTaken, 120_000)} ms for it`);
  });

  describe('is removed', () => uninstalling(() => site, policyInForce));
});
