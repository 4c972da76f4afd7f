import assert from 'node:assert/strict';
import { it, type TestContext } from 'node:test';
import { type Ended, weft } from '../embedded/shop.fixture.ts';
import { ctr } from './containerd.ts';
import { LIFE } from './lifecycle.fixture.ts';
import { type ContainerStatus, containerNamed, type LifecycleSite } from './lifecyclesite.ts';
import { assertNoneFailed, tell } from './load.ts';
import type { Pod } from './scenario.ts';

/** Another name of the image that the pods run: a kubelet replaces what has another name. */
const NEXT = 'weft-test/weft:next';
const NOWHERE = 'weft-test/weft:nowhere';

/** Tests of sidecars that are replaced in pods that go on, under load. */
export function sidecarUpgrade(site: () => LifecycleSite): void {
  const skip = (t: TestContext): boolean => {
    if (site().cluster.local) return false;
    t.skip('this needs the node: unset KUBECONFIG');
    return true;
  };
  const upgrade = (...args: string[]): Promise<Ended> =>
    weft(['upgrade', 'sidecars', '-n', LIFE, '-l', 'app=steady', '-o', 'json', ...args], {
      ...process.env,
      KUBECONFIG: site().cluster.kubeconfigPath,
    });
  const pods = async (): Promise<Pod[]> =>
    JSON.parse(await site().kubectl('-n', LIFE, 'get', 'pods', '-l', 'app=steady', '-o', 'json')).items;
  const containersOf = async (): Promise<ContainerStatus[]> =>
    (await Promise.all((await pods()).map((pod) => site().containers(pod)))).flat();

  it('changes nothing in a dry run, nor when the new image cannot be had', async (t) => {
    if (skip(t)) return;
    const before = await containersOf();
    const dry = await upgrade('--image', NEXT, '--dry-run');
    assert.equal(dry.code, 0, dry.stderr);
    const outcomes = JSON.parse(dry.stdout).pods.map(({ outcome }: { outcome: string }) => outcome);
    assert.deepEqual(outcomes, ['Planned', 'Planned']);
    const failed = await upgrade('--image', NOWHERE, '--timeout', '5s');
    assert.equal(failed.code, 1);
    assert.match(failed.stderr, /weft-test\/weft:nowhere (does not run|was not pulled) on the node/);
    const ids = (all: readonly ContainerStatus[]) => all.map(({ containerID }) => containerID).sort();
    assert.deepEqual(ids(await containersOf()), ids(before));
  });

  it('loses no request of callers when the sidecars of two pods are replaced, and leaves the apps alone', async (t) => {
    if (skip(t)) return;
    const [image, next] = ['scenario', 'next'].map((tag) => `docker.io/weft-test/weft:${tag}`);
    await site().cluster.nodeExecOk([...ctr, 'image', 'tag', '--force', image!, next!]);
    const before = await containersOf();
    const names = (await pods()).map(({ metadata }) => metadata.name).sort();
    let ended: Ended | undefined;
    const load = await site().under(['steady', 'steadyPosts'], async () => {
      ended = await upgrade('--image', NEXT, '--timeout', '5m');
    });
    tell(t, load, 'steady', 'steadyPosts');
    assert.equal(ended?.code, 0, `${ended?.stderr}${ended?.stdout}`);
    for (const { tookMs, outcome } of JSON.parse(ended!.stdout).pods) {
      t.diagnostic(`${outcome} in ${Math.round(tookMs)} ms`);
      assert.equal(outcome, 'Upgraded');
    }
    assertNoneFailed(load, 'steady', 'steadyPosts');
    assert.deepEqual((await pods()).map(({ metadata }) => metadata.name).sort(), names);
    const after = await containersOf();
    const idsOf = (all: readonly ContainerStatus[], name: string) =>
      all.filter((each) => each.name === name).map(({ containerID }) => containerID);
    assert.deepEqual(idsOf(after, 'app').sort(), idsOf(before, 'app').sort());
    for (const id of idsOf(after, 'weft-sidecar')) assert.ok(!idsOf(before, 'weft-sidecar').includes(id));
    for (const pod of await pods()) {
      assert.equal(containerNamed(await site().containers(pod), 'app').restartCount, 0);
    }
  });
}
