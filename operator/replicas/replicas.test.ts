import assert from 'node:assert/strict';
import { X509Certificate } from 'node:crypto';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { type Clock, systemClock } from '../clock.ts';
import { createRoot } from '../identity/authority.ts';
import { Operator } from '../operator.ts';
import type { RootMaterial } from '../platform.ts';
import { policy, remove, service, set, slice, workload } from '../testing/builders.ts';
import { FakePlatform } from '../testing/fake-platform.ts';
import { silentLog } from '../testing/stream-fixture.ts';
import { TestSidecar } from '../testing/test-sidecar.ts';
import { until } from '../testing/until.ts';

const WEB = workload('shop/web', { addresses: ['10.0.0.1'] });
const pod = (name: string, address: string) =>
  workload(`weft-system/${name}`, {
    ...{ serviceAccount: 'weft-operator', proxyId: undefined, addresses: [address] },
  });
const MESH = [
  ...set('Workload', WEB, pod('a', '127.0.0.1'), pod('b', '127.0.0.2')),
  ...set('Policy', policy('shop/strict', { inbound: { mtls: { mode: 'Strict' } } })),
  ...set('Service', service('shop/pay', { ports: [{ name: 'http', port: 80, protocol: undefined }] })),
  ...set('EndpointSlice', slice('shop/pay', {})),
];
const TRAFFIC = policy('shop/tcp', {
  target: { kind: 'Service', name: 'pay' },
  traffic: { protocol: 'TCP' },
});

const HOUR_MS = 3600 * 1000;

/** The real time, or as many hours before it; what is rare, such as looking for renewals, is not. */
class ShiftedClock implements Clock {
  hoursAgo = 0;
  monotonicMs(): number {
    return systemClock.monotonicMs();
  }
  unixMs(): number {
    return systemClock.unixMs() - this.hoursAgo * HOUR_MS;
  }
  after(delayMs: number, run: () => void): () => void {
    return systemClock.after(delayMs === 30_000 ? 100 : delayMs, run);
  }
}

/** Two replicas in one process: a on 127.0.0.1, b on 127.0.0.2, same port. */
class Pair {
  readonly platforms: Record<'a' | 'b', FakePlatform> = {
    a: new FakePlatform(MESH),
    b: new FakePlatform(MESH),
  };
  readonly operators: Operator[] = [];
  readonly clock = new ShiftedClock();
  readonly #sidecars: TestSidecar[] = [];
  port = 0;

  async start(root: RootMaterial): Promise<void> {
    for (const platform of Object.values(this.platforms)) platform.root = root;
    // The Secrets of one cluster.
    Object.assign(this.platforms.b, { proxies: this.platforms.a.proxies });
    this.lead('a');
    await this.#startOne('a', '127.0.0.1', 0);
    this.port = Number(this.operators[0]!.streamAddress.split(':').at(-1));
    await this.#startOne('b', '127.0.0.2', this.port);
  }
  async #startOne(name: 'a' | 'b', host: string, port: number): Promise<void> {
    const operator = await Operator.start({
      ...{
        platform: this.platforms[name],
        trustDomain: 'cluster.local',
        controlPlaneNamespace: 'weft-system',
      },
      // Both say the first's, as in a cluster all say the Service's: configurations are equal.
      ...{ listen: { host, port }, ...(port > 0 && { streamAddress: this.operators[0]!.streamAddress }) },
      ...{ clock: this.clock, random: Math.random, log: silentLog },
    });
    this.operators.push(operator);
  }

  lead(name: 'a' | 'b'): void {
    for (const [each, { leadership }] of Object.entries(this.platforms)) {
      Object.assign(leadership, { identity: each, leader: name });
    }
    this.platforms[name === 'a' ? 'b' : 'a'].setLeader(false);
    this.platforms[name].setLeader(true);
  }

  /** A sidecar that acks whatever it is told. */
  async connect(host: string): Promise<TestSidecar> {
    const { authority } = this.operators[0]!;
    const names = { spiffeId: 'spiffe://cluster.local/ns/shop/sa/web', dnsNames: [WEB.proxyId!] };
    const leaf = await authority.issue(names, this.clock.unixMs());
    const sidecar = new TestSidecar({ host, port: this.port }, authority.trustBundle, leaf);
    this.#sidecars.push(sidecar);
    sidecar.hello(WEB.proxyId!);
    const { config } = await sidecar.get('config');
    sidecar.send({ type: 'ack', version: config.version });
    return sidecar;
  }
  async inForce(leader: 'a' | 'b', status: string, key = 'shop/strict'): Promise<void> {
    await until(() => this.of(leader, key) === status);
  }
  of(leader: 'a' | 'b', key: string): string | undefined {
    const { conditions } = this.platforms[leader].statuses.get(key) ?? { conditions: [] };
    return conditions.find(({ type }) => type === 'InForce')?.status;
  }

  async stop(): Promise<void> {
    for (const sidecar of this.#sidecars) sidecar.close();
    await Promise.all(this.operators.map((operator) => operator.stop()));
  }
}

let pair: Pair;
beforeEach(async () => {
  pair = new Pair();
  await pair.start(await createRoot('cluster.local', Date.now()));
});
afterEach(() => pair.stop());

describe('two replicas', () => {
  it('say a policy is in force that is so on a sidecar of the follower, and a refusal of it', async () => {
    const sidecar = await pair.connect('127.0.0.2');
    await pair.inForce('a', 'True');
    const { config } = await sidecar.get('config');
    sidecar.send({ type: 'nack', version: config.version, reason: 'no' });
    const next = policy('shop/strict', { inbound: { mtls: { mode: 'Permissive' } } }, { generation: 2 });
    for (const { deliver } of Object.values(pair.platforms)) deliver(set('Policy', next));
    const { config: second } = await sidecar.get('config', 2);
    sidecar.send({ type: 'nack', version: second.version, reason: 'no such mode' });
    await pair.inForce('a', 'False');
    const { proxies, laggards } = pair.platforms.a.statuses.get('shop/strict')!;
    assert.equal(proxies.refused, 1);
    assert.match(laggards[0]!.reason, /no such mode/);
    assert.equal(pair.platforms.b.count('writeStatus shop/strict'), 0);
  });

  it('count no sidecar whose pod went, nor for another pod of its name what that one held', async () => {
    await pair.connect('127.0.0.2');
    await pair.inForce('a', 'True');
    for (const { deliver } of Object.values(pair.platforms)) deliver([remove('Workload', 'shop/web')]);
    await until(() => pair.platforms.a.statuses.get('shop/strict')?.proxies.targeted === 0);
    for (const { deliver } of Object.values(pair.platforms))
      deliver(set('Workload', { ...WEB, uid: 'another' }));
    await until(() => pair.platforms.a.statuses.get('shop/strict')?.proxies.targeted === 1);
    assert.notEqual(pair.of('a', 'shop/strict'), 'True');
  });

  it('know who is subscribed where, though the leader serves none of them', async () => {
    for (const { deliver } of Object.values(pair.platforms)) deliver(set('Policy', TRAFFIC));
    const sidecar = await pair.connect('127.0.0.2');
    sidecar.send({ type: 'subscribe', key: 'shop/pay:80' });
    const { destination } = await sidecar.get('destination');
    await until(() => pair.platforms.a.statuses.get('shop/tcp')?.proxies.targeted === 1);
    assert.notEqual(pair.of('a', 'shop/tcp'), 'True');
    sidecar.send({ type: 'ack', destination: 'shop/pay:80', version: destination.version });
    await pair.inForce('a', 'True', 'shop/tcp');
    assert.equal(pair.platforms.a.statuses.get('shop/tcp')!.proxies.inForce, 1);
  });

  it('replay to a new leader, whose statuses are unknown until then', async () => {
    await pair.connect('127.0.0.1');
    await pair.inForce('a', 'True');
    pair.lead('b');
    // It has not looked at the Lease yet.
    pair.platforms.a.leadership.leader = undefined;
    await pair.inForce('b', 'Unknown');
    pair.platforms.a.leadership.leader = 'b';
    await pair.inForce('b', 'True');
  });

  it('follow a sidecar that moves from one to the other', async () => {
    const first = await pair.connect('127.0.0.2');
    await pair.inForce('a', 'True');
    first.close();
    await pair.inForce('a', 'Unknown');
    await pair.connect('127.0.0.1');
    await pair.inForce('a', 'True');
    assert.equal(pair.platforms.a.statuses.get('shop/strict')!.proxies.inForce, 1);
  });

  for (const leads of [true, false]) {
    it(`renew the certificate of a sidecar of the follower once, ${leads ? 'with' : 'without'} a leader`, async () => {
      pair.clock.hoursAgo = 20;
      const sidecar = await pair.connect('127.0.0.2');
      if (!leads) pair.platforms.a.setLeader(false);
      pair.clock.hoursAgo = 0;
      const { certificate } = await sidecar.get('identity');
      const expiresMs = new X509Certificate(certificate).validToDate.getTime();
      assert.ok(expiresMs - Date.now() > 23 * HOUR_MS);
      // Several more looks.
      await new Promise((resolve) => setTimeout(resolve, 500));
      assert.equal(sidecar.of('identity').length, 1);
      // the first one, and the one that is due
      if (leads) assert.ok(pair.platforms.a.certificates.size <= 2);
    });
  }
});
