import assert from 'node:assert/strict';
import { beforeEach, describe, it } from 'node:test';
import type { MeshPolicySpec } from '../../api/mesh-policy.ts';
import { keepInForce } from '../compile/keep-in-force.ts';
import { compileProxyConfig } from '../compile/proxy-config.ts';
import { FakeClock } from '../kubernetes/testing/fake-clock.ts';
import { Mesh } from '../mesh/mesh.ts';
import { policy, SETTINGS, service, set, slice, workload } from '../testing/builders.ts';
import { FakePlatform } from '../testing/fake-platform.ts';
import { silentLog } from '../testing/stream-fixture.ts';
import { AckTable } from './acks.ts';
import type { Published } from './publisher.ts';
import { COLLECTING_MS, StatusWriter } from './status-writer.ts';

const STRICT: MeshPolicySpec = { inbound: { mtls: { mode: 'Strict' } } };
const WEB = workload('shop/web', { addresses: ['10.0.0.1'] });

class Fixture {
  readonly clock = new FakeClock();
  readonly platform = new FakePlatform();
  readonly mesh = new Mesh(SETTINGS);
  isReplaying = false;
  readonly acks = new AckTable(
    () => this.clock.unixMs(),
    (key) => this.writer.workloadChanged(key),
  );
  readonly writer: StatusWriter;

  constructor() {
    const { clock, platform, mesh, acks } = this;
    platform.deliver = (changes) => void this.mesh.apply(changes);
    const publisher = { keys: () => ['shop/web'], published: () => this.published };
    this.writer = new StatusWriter({
      mesh,
      platform,
      publisher,
      acks,
      isReplaying: () => this.isReplaying,
      clock,
      random: () => 0.5,
      log: silentLog,
    });
  }
  get published(): Published {
    const compiled = compileProxyConfig(this.mesh, WEB);
    return { ...compiled, text: '', sinceMs: this.clock.unixMs(), withheld: undefined };
  }
  put(spec: MeshPolicySpec, rest = {}): void {
    this.writer.refresh(this.mesh.apply(set('Policy', policy('shop/a', spec, rest))).policies);
  }
  ack(): void {
    this.acks.acked('shop/web', undefined, this.published.config.version);
  }
  inForce() {
    const { status, reason } = this.platform.statuses
      .get('shop/a')!
      .conditions.find(({ type }) => type === 'InForce')!;
    return [status, reason];
  }
}

let fixture: Fixture;
beforeEach(() => {
  fixture = new Fixture();
  fixture.mesh.apply(set('Workload', WEB));
  fixture.writer.start();
});

describe('the status writer', () => {
  it('goes from unknown over in force to lagging, as sidecars come and go', async () => {
    fixture.put(STRICT);
    await fixture.clock.advance(200);
    assert.deepEqual(fixture.inForce(), ['Unknown', 'Collecting']);
    fixture.acks.connected('shop/web', undefined);
    fixture.ack();
    await fixture.clock.advance(200);
    assert.deepEqual(fixture.inForce(), ['True', 'InForce']);
    await fixture.clock.advance(COLLECTING_MS);
    fixture.acks.disconnected('shop/web');
    await fixture.clock.advance(200);
    assert.deepEqual(fixture.inForce(), ['False', 'Lagging']);
    assert.equal(fixture.platform.statuses.get('shop/a')!.laggards[0]?.reason, 'NotConnected');
  });

  it('waits for other replicas, and says what is so once they have reported', async () => {
    fixture.put(STRICT);
    fixture.acks.connected('shop/web', fixture.published.config.version);
    fixture.isReplaying = true;
    await fixture.clock.advance(200);
    assert.deepEqual(fixture.inForce(), ['Unknown', 'Collecting']);
    fixture.isReplaying = false;
    fixture.writer.refreshAll();
    await fixture.clock.advance(200);
    assert.deepEqual(fixture.inForce(), ['True', 'InForce']);
  });

  it('knows at once what a sidecar that connects again still holds', async () => {
    fixture.put(STRICT);
    fixture.acks.connected('shop/web', fixture.published.config.version);
    await fixture.clock.advance(200);
    assert.deepEqual(fixture.inForce(), ['True', 'InForce']);
  });

  it('does not take the ack of an older generation for one of this', async () => {
    fixture.put(STRICT);
    fixture.acks.connected('shop/web', fixture.published.config.version);
    fixture.put({ inbound: { mtls: { mode: 'Permissive' } } }, { generation: 2 });
    await fixture.clock.advance(COLLECTING_MS + 200);
    assert.deepEqual(fixture.inForce(), ['False', 'Lagging']);
  });

  it('says of a nack that it was refused, and why', async () => {
    fixture.put(STRICT);
    fixture.acks.connected('shop/web', undefined);
    fixture.acks.nacked('shop/web', undefined, fixture.published.config.version, 'no such mode');
    await fixture.clock.advance(200);
    assert.deepEqual(fixture.inForce(), ['False', 'Refused']);
    assert.match(fixture.platform.statuses.get('shop/a')!.laggards[0]!.reason, /no such mode/);
  });

  it('counts the subscribers of a destination for a policy about traffic', async () => {
    fixture.mesh.apply([
      ...set('Service', service('shop/pay', { ports: [{ name: 'http', port: 80, protocol: undefined }] })),
      ...set('EndpointSlice', slice('shop/pay', {})),
    ]);
    fixture.put({ target: { kind: 'Service', name: 'pay' }, traffic: { protocol: 'TCP' } });
    fixture.acks.connected('shop/web', undefined);
    const version = { hash: 'd', policies: { 'uid-of-shop/a': 1 } };
    fixture.acks.sent('shop/web', 'shop/pay:80', version);
    await fixture.clock.advance(COLLECTING_MS + 200);
    assert.deepEqual(fixture.inForce(), ['False', 'Lagging']);
    fixture.acks.acked('shop/web', 'shop/pay:80', version);
    await fixture.clock.advance(200);
    assert.deepEqual(fixture.inForce(), ['True', 'InForce']);
  });

  it('writes many acks once, and nothing when nothing changed', async () => {
    fixture.put(STRICT);
    fixture.acks.connected('shop/web', undefined);
    for (let count = 0; count < 50; count++) fixture.ack();
    await fixture.clock.advance(200);
    assert.equal(fixture.platform.count('writeStatus shop/a'), 1);
    fixture.ack();
    fixture.writer.refresh(['shop/a']);
    await fixture.clock.advance(1000);
    assert.equal(fixture.platform.count('writeStatus shop/a'), 1);
  });

  it('stores an accepted spec before it says so, and an unacceptable one never', async () => {
    fixture.put(STRICT);
    await fixture.clock.advance(200);
    assert.deepEqual(fixture.platform.calls, ['storeAccepted shop/a', 'writeStatus shop/a']);
    fixture.put({ inbound: { typo: 1 } } as MeshPolicySpec, { generation: 2 });
    await fixture.clock.advance(200);
    assert.equal(fixture.platform.accepted.get('shop/a')?.generation, 1);
    assert.deepEqual(fixture.inForce(), ['False', 'OlderGenerationInForce']);
    assert.equal(compileProxyConfig(fixture.mesh, WEB).config.inbound.ports[0]?.mtls, 'Strict');
  });

  it('stores what is in force of an unacceptable policy that nobody had time to store', async () => {
    fixture.mesh.apply(set('Policy', policy('shop/a', STRICT)));
    const wrong = policy('shop/a', { inbound: { typo: 1 } } as MeshPolicySpec, { generation: 2 });
    const { policies } = fixture.mesh.apply(keepInForce(fixture.mesh, set('Policy', wrong)));
    fixture.writer.refresh(policies);
    await fixture.clock.advance(200);
    assert.equal(fixture.platform.accepted.get('shop/a')?.generation, 1);
    assert.deepEqual(fixture.inForce(), ['False', 'OlderGenerationInForce']);
  });

  it('counts, while a generation is refused, who holds the one before', async () => {
    fixture.put(STRICT);
    fixture.acks.connected('shop/web', fixture.published.config.version);
    await fixture.clock.advance(200);
    fixture.put({ inbound: { typo: 1 } } as MeshPolicySpec, { generation: 2 });
    await fixture.clock.advance(200);
    const { proxies, conditions } = fixture.platform.statuses.get('shop/a')!;
    assert.deepEqual(proxies, { targeted: 1, inForce: 1, lagging: 0, refused: 0 });
    assert.equal(
      conditions.find(({ type }) => type === 'InForce')?.message,
      'generation 1 is in force on 1 of 1 proxies; generation 2 was not accepted',
    );
  });

  it('says that a Service does not exist, until it does', async () => {
    fixture.put({ target: { kind: 'Service', name: 'nosuch' }, ...STRICT });
    await fixture.clock.advance(200);
    assert.deepEqual(fixture.inForce(), ['False', 'TargetNotFound']);
    const created = fixture.mesh.apply(set('Service', service('shop/nosuch')));
    fixture.writer.refresh(created.policies);
    await fixture.clock.advance(200);
    assert.deepEqual(fixture.inForce(), ['True', 'NoTargets']);
  });

  it('does not count a pod that is told to end', async () => {
    fixture.put(STRICT);
    await fixture.clock.advance(200);
    assert.equal(fixture.platform.statuses.get('shop/a')!.proxies.targeted, 1);
    const ending = fixture.mesh.apply(set('Workload', { ...WEB, terminating: true }));
    fixture.writer.refresh(ending.policies);
    await fixture.clock.advance(200);
    assert.equal(fixture.platform.statuses.get('shop/a')!.proxies.targeted, 0);
  });

  it('records an event when a policy is not accepted, once, and when it is after all', async () => {
    fixture.put({ inbound: { typo: 1 } } as MeshPolicySpec);
    await fixture.clock.advance(200);
    fixture.writer.refreshAll();
    fixture.acks.connected('shop/web', undefined);
    await fixture.clock.advance(COLLECTING_MS + 200);
    fixture.put(STRICT, { generation: 2 });
    await fixture.clock.advance(200);
    const about = { kind: 'MeshPolicy', namespace: 'shop', name: 'a', uid: 'uid-of-shop/a' };
    const [refused, accepted, ...more] = fixture.platform.events;
    assert.deepEqual([refused?.about, refused?.type, refused?.reason], [about, 'Warning', 'Invalid']);
    assert.match(refused!.message, /^generation 1 was not accepted: spec\.inbound\.typo: unknown field/);
    assert.deepEqual(accepted, {
      ...{ about, type: 'Normal', reason: 'Accepted', message: 'generation 2 was accepted' },
    });
    assert.deepEqual(more, []);
  });

  it('writes nothing while another replica leads, and all of it when this one takes over', async () => {
    fixture.platform.setLeader(false);
    fixture.put(STRICT);
    await fixture.clock.advance(1000);
    assert.equal(fixture.platform.calls.length, 0);
    fixture.platform.setLeader(true);
    await fixture.clock.advance(200);
    assert.equal(fixture.platform.count('writeStatus shop/a'), 1);
  });

  it('tries again what could not be written', async () => {
    fixture.platform.failures.set('writeStatus shop/a', 1);
    fixture.put(STRICT);
    await fixture.clock.advance(200);
    assert.equal(fixture.platform.statuses.size, 0);
    await fixture.clock.advance(1000);
    assert.equal(fixture.platform.statuses.size, 1);
  });
});
