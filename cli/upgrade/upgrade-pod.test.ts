import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { MeshedPod } from './meshed-pod.ts';
import { planUpgrade } from './plan.ts';
import { pod } from './pod.fixture.ts';
import type { UpgradePorts } from './ports.ts';
import { upgradeAll } from './upgrade-all.ts';
import { upgradePod } from './upgrade-pod.ts';

const TIMEOUT_MS = 60_000;
const CONNECTED = { stream: 'up', ready: true, rejected: { mount: 0, stream: 0 } };

interface Change {
  /** what becomes of the pod after it got this image; undefined: it is gone */
  readonly after?: (pod: MeshedPod, image: string) => MeshedPod | undefined;
  readonly refuses?: (image: string) => boolean;
  readonly withdraws?: () => Promise<unknown>;
  readonly keepsReady?: boolean;
  readonly config?: unknown;
}

/** A cluster in which time passes only when somebody waits. */
class FakeCluster implements UpgradePorts {
  readonly said: string[] = [];
  readonly #pods = new Map<string, MeshedPod | undefined>();
  readonly #change: Change;
  #nowMs = 0;
  readonly nowMs = () => this.#nowMs;

  constructor(change: Change = {}, ...pods: MeshedPod[]) {
    this.#change = change;
    for (const each of pods) this.#pods.set(each.name, each);
  }
  async delay(ms: number): Promise<void> {
    this.#nowMs += ms;
  }
  async look({ name }: MeshedPod): Promise<MeshedPod | undefined> {
    return this.#pods.get(name);
  }
  async setImage(given: MeshedPod, image: string): Promise<void> {
    this.said.push(`${given.name} gets ${image}`);
    if (this.#change.refuses?.(image)) throw new Error('not permitted');
    const back = { ...given, image, ready: true, sidecarReady: true, containerId: `c-${image}` };
    this.#pods.set(given.name, this.#change.after ? this.#change.after(back, image) : back);
  }
  async ask(given: MeshedPod, { path }: { path: string }): Promise<unknown> {
    this.said.push(`${given.name} ${path}`);
    if (path === '/config') return this.#change.config ?? CONNECTED;
    if (path === '/withdraw') await this.#change.withdraws?.();
    if (!this.#change.keepsReady) this.#pods.set(given.name, { ...given, ready: false });
    return {};
  }
}

const upgrade = async (change: Change, hasPeer = true) => {
  const cluster = new FakeCluster(change, pod('a'));
  const result = await upgradePod({ pod: pod('a'), hasPeer }, 'weft:2', TIMEOUT_MS, cluster);
  return { result, said: cluster.said };
};
const never = (given: MeshedPod): MeshedPod => ({ ...given, ready: false, sidecarReady: false });

describe('the upgrade of one sidecar', () => {
  it('withdraws it, waits until its callers know, replaces it, and waits for its connection', async () => {
    const { result, said } = await upgrade({});
    assert.deepEqual(said, ['a /withdraw', 'a gets weft:2', 'a /config']);
    assert.deepEqual(result, { outcome: 'Upgraded', tookMs: 2_000 });
  });

  it('does not wait to be not ready where nobody else answers', async () => {
    const { result } = await upgrade({ keepsReady: true }, false);
    assert.deepEqual(result, { outcome: 'Upgraded', tookMs: 1_000 });
  });

  it('lets a sidecar drain that is too old to withdraw', async () => {
    const withdraws = () =>
      Promise.reject(new Error('the sidecar is of a version that does not know this question'));
    const { result, said } = await upgrade({ withdraws });
    assert.deepEqual(said, ['a /withdraw', 'a /drain', 'a gets weft:2', 'a /config']);
    assert.equal(result.outcome, 'Upgraded');
  });

  it('changes nothing when the sidecar cannot be asked, or stays ready', async () => {
    const withdraws = () => Promise.reject(new Error('not permitted to exec into it'));
    assert.deepEqual(await upgrade({ withdraws }), {
      result: { outcome: 'Kept', reason: 'not permitted to exec into it' },
      said: ['a /withdraw'],
    });
    assert.deepEqual(await upgrade({ keepsReady: true }), {
      result: { outcome: 'Kept', reason: 'waited 60 s for it to be withdrawn' },
      said: ['a /withdraw'],
    });
  });

  it('gives the old image back when the new one cannot be pulled, without waiting for it', async () => {
    const after = (given: MeshedPod, image: string) =>
      image === 'weft:2' ? { ...never(given), waiting: 'ErrImagePull: no such image' } : given;
    const { result, said } = await upgrade({ after });
    assert.deepEqual(said, ['a /withdraw', 'a gets weft:2', 'a gets weft:1']);
    assert.deepEqual(result, { outcome: 'Kept', reason: 'ErrImagePull: no such image' });
  });

  it('gives the old image back when the new sidecar is not ready in time', async () => {
    const after = (given: MeshedPod, image: string) => (image === 'weft:2' ? never(given) : given);
    const { result } = await upgrade({ after });
    assert.deepEqual(result, { outcome: 'Kept', reason: 'waited 60 s for it to be ready again' });
  });

  for (const [config, reason] of [
    [{ ...CONNECTED, stream: 'down' }, 'its stream to the operator is not up'],
    [{ ...CONNECTED, rejected: { mount: 0, stream: 1 } }, 'it refuses its configuration'],
    ['nonsense', 'its stream to the operator is not up'],
  ] as const) {
    it(`gives the old image back when the new sidecar answers ${JSON.stringify(config)}`, async () => {
      const { result, said } = await upgrade({ config });
      assert.deepEqual(result, { outcome: 'Kept', reason: `the new sidecar is not connected: ${reason}` });
      assert.equal(said.at(-1), 'a gets weft:1');
    });
  }

  it('says so when the old image does not come back either', async () => {
    const { result } = await upgrade({ after: never });
    assert.equal(result.outcome, 'Failed');
    assert.match('reason' in result ? result.reason : '', /the old image is not back: waited 60 s/);
  });

  it('takes a refused change for one that was not made', async () => {
    const { result } = await upgrade({ refuses: (image) => image === 'weft:2' });
    assert.deepEqual(result, { outcome: 'Kept', reason: 'not permitted' });
  });

  it('does not ask another pod of the same name', async () => {
    const cluster = new FakeCluster();
    const result = await upgradePod({ pod: pod('a'), hasPeer: true }, 'weft:2', TIMEOUT_MS, cluster);
    assert.deepEqual([result, cluster.said], [{ outcome: 'Gone' }, []]);
  });

  it('leaves a pod that goes meanwhile alone', async () => {
    assert.deepEqual((await upgrade({ after: () => undefined })).result, { outcome: 'Gone' });
  });
});

describe('the upgrade of many', () => {
  const run = async (change: Change, parallel: number) => {
    const other = { workload: 'ReplicaSet/api-1' };
    const pods = [pod('a'), pod('b'), pod('x', other), pod('y', other)];
    const cluster = new FakeCluster(change, ...pods);
    const told: string[] = [];
    const options = { image: 'weft:2', timeoutMs: TIMEOUT_MS, parallel };
    const onPod = ({ name, outcome }: { name: string; outcome: string }) =>
      void told.push(`${name} ${outcome}`);
    const done = await upgradeAll(planUpgrade(pods, 'weft:2', false), { ...options, onPod }, cluster);
    return { told, done: done.map(({ name, outcome }) => `${name} ${outcome}`), said: cluster.said };
  };

  it('is one pod after the other', async () => {
    const { told, done, said } = await run({}, 1);
    assert.deepEqual(told, ['x Upgraded', 'y Upgraded', 'a Upgraded', 'b Upgraded']);
    assert.deepEqual(done, told);
    assert.deepEqual(said.slice(0, 4), ['x /withdraw', 'x gets weft:2', 'x /config', 'y /withdraw']);
  });

  it('is one pod of each workload at a time, in several workloads at once', async () => {
    const { said, done } = await run({}, 8);
    assert.deepEqual(said.slice(0, 2).sort(), ['a /withdraw', 'x /withdraw']);
    assert.ok(said.indexOf('a /config') < said.indexOf('b /withdraw'));
    assert.equal(done.length, 4);
  });

  it('ends with the first that does not take it', async () => {
    const { told, done } = await run({ refuses: (image) => image === 'weft:2' }, 1);
    assert.deepEqual(told, ['x Kept']);
    assert.deepEqual(done, ['x Kept', 'y NotReached', 'a NotReached', 'b NotReached']);
  });
});
