import assert from 'node:assert/strict';
import { before, beforeEach, describe, it } from 'node:test';
import type { MeshPolicySpec } from '../../api/mesh-policy.ts';
import type { ProxyConfig } from '../../api/proxy-config.ts';
import { Authority, createRoot } from '../identity/authority.ts';
import { FakeClock, settle } from '../kubernetes/testing/fake-clock.ts';
import { Mesh } from '../mesh/mesh.ts';
import type { Change } from '../mesh/model.ts';
import type { RootMaterial } from '../platform.ts';
import { policy, remove, SETTINGS, set, workload } from '../testing/builders.ts';
import { FakePlatform } from '../testing/fake-platform.ts';
import { silentLog } from '../testing/stream-fixture.ts';
import { until } from '../testing/until.ts';
import { Identities } from './identities.ts';
import { Publisher } from './publisher.ts';

const WEB = workload('shop/web');
const strict = (rest = {}) =>
  set('Policy', policy('shop/a', { inbound: { mtls: { mode: 'Strict' } } }, rest));
/** So many policies with a Deny rule of 32 KiB. */
const big = (count: number) => {
  const paths = Array.from({ length: 32 }, (_, index) => `/${index}${'p'.repeat(1000)}`);
  const rules = [{ name: 'r', action: 'Deny' as const, to: [{ paths }] }];
  const names = Array.from({ length: count }, (_, index) => `shop/big-${index}`);
  return set('Policy', ...names.map((name) => policy(name, { inbound: { authorization: { rules } } })));
};
const LOCKED: MeshPolicySpec = {
  target: { kind: 'Mesh' },
  enforcement: 'Mandatory',
  inbound: { authorization: { rules: [{ name: 'no', action: 'Deny', from: [{ namespace: 'evil' }] }] } },
};
const HOUR_MS = 3600 * 1000;

let root: RootMaterial;
before(async () => {
  root = await createRoot('cluster.local', new FakeClock().unixMs());
});

class Fixture {
  readonly clock: FakeClock;
  readonly platform: FakePlatform;
  readonly mesh = new Mesh(SETTINGS);
  readonly pushed: string[] = [];
  /** sidecars served here whose certificate is old */
  readonly late = new Set<string>();
  prewarmed: string | undefined;
  publisher!: Publisher;
  authority!: Authority;
  identities!: Identities;

  constructor(platform = new FakePlatform(), clock = new FakeClock()) {
    this.platform = platform;
    this.clock = clock;
  }
  async start(): Promise<this> {
    const { clock, platform, mesh } = this;
    const authority = await Authority.load(root);
    const read = platform.readProxy.bind(platform);
    this.authority = authority;
    this.identities = new Identities({
      authority,
      trustDomain: 'cluster.local',
      clock,
      random: () => 0.5,
      read,
    });
    const push = {
      configChanged: (key: string) => this.pushed.push(`config ${key}`),
      identityChanged: (key: string) => this.pushed.push(`identity ${key}`),
      gone: (key: string) => this.pushed.push(`gone ${key}`),
      isRenewalDue: (key: string) => this.late.has(key),
    };
    this.publisher = new Publisher({
      mesh,
      platform,
      identities: this.identities,
      push,
      prewarmed: () => this.prewarmed,
      clock,
      random: () => 0.5,
      log: silentLog,
    });
    this.publisher.start();
    return this;
  }
  apply(...changes: Change[][]): void {
    this.publisher.refresh(this.mesh.apply(changes.flat()).workloads);
  }
  /** Lets the write window pass, and writes under way end: they sign, which takes real time. */
  async written(call: string, count = 1): Promise<void> {
    await this.clock.advance(100);
    await until(() => this.platform.count(call) >= count);
    await settle();
  }
}

let fixture: Fixture;
beforeEach(async () => {
  fixture = await new Fixture().start();
});

describe('the publisher', () => {
  it('pushes a new configuration at once and writes it, with an identity, a little later', async () => {
    fixture.apply(set('Workload', WEB));
    assert.deepEqual(fixture.pushed, ['config shop/web']);
    assert.equal(fixture.platform.calls.length, 0);
    await fixture.written('writeProxy shop/web');
    const files = fixture.platform.proxies.get(WEB.proxyId!)!;
    assert.equal(files.config, fixture.publisher.published('shop/web')!.text);
    assert.match(files.certificate, /BEGIN CERTIFICATE/);
    assert.match(files.privateKey, /BEGIN PRIVATE KEY/);
    assert.equal(files.trustBundle, root.certificate);
  });

  it('does nothing when the bytes are the same', async () => {
    fixture.apply(set('Workload', WEB));
    await fixture.written('writeProxy shop/web');
    fixture.publisher.refresh(['shop/web']);
    await fixture.clock.advance(1000);
    assert.equal(fixture.platform.count('writeProxy shop/web'), 1);
    assert.equal(fixture.pushed.filter((each) => each === 'config shop/web').length, 1);
  });

  it('writes what is known of the destinations with the rest, and never for their sake', async () => {
    fixture.apply(set('Workload', WEB));
    await fixture.written('writeProxy shop/web');
    assert.equal(fixture.platform.proxies.get(WEB.proxyId!)?.destinations, undefined);
    fixture.prewarmed = '[1]';
    fixture.apply(set('Workload', WEB));
    await fixture.clock.advance(100);
    assert.equal(fixture.platform.count('writeProxy shop/web'), 1);
    fixture.apply(strict());
    await fixture.written('writeProxy shop/web', 2);
    assert.equal(fixture.platform.proxies.get(WEB.proxyId!)?.destinations, '[1]');
  });

  it('writes many changes of the same moment once', async () => {
    fixture.apply(set('Workload', WEB));
    for (let generation = 1; generation <= 20; generation++) fixture.apply(strict({ generation }));
    await fixture.written('writeProxy shop/web');
    assert.equal(fixture.platform.count('writeProxy shop/web'), 1);
    assert.match(fixture.platform.proxies.get(WEB.proxyId!)!.config, /"uid-of-shop\/a":20/);
  });

  it('keeps the certificate when only the configuration changes', async () => {
    fixture.apply(set('Workload', WEB));
    await fixture.written('writeProxy shop/web');
    const { certificate } = fixture.platform.proxies.get(WEB.proxyId!)!;
    fixture.apply(strict());
    await fixture.written('writeProxy shop/web', 2);
    assert.equal(fixture.platform.proxies.get(WEB.proxyId!)!.certificate, certificate);
  });

  it('issues nothing anew after a restart', async () => {
    fixture.apply(set('Workload', WEB));
    await fixture.written('writeProxy shop/web');
    const { certificate } = fixture.platform.proxies.get(WEB.proxyId!)!;
    const next = await new Fixture(fixture.platform, fixture.clock).start();
    next.apply(set('Workload', WEB));
    await next.written('writeProxy shop/web', 2);
    assert.equal(fixture.platform.proxies.get(WEB.proxyId!)!.certificate, certificate);
  });

  it('issues anew what was tampered with', async () => {
    fixture.apply(set('Workload', WEB));
    await fixture.written('writeProxy shop/web');
    const files = fixture.platform.proxies.get(WEB.proxyId!)!;
    fixture.platform.proxies.set(WEB.proxyId!, { ...files, certificate: 'nonsense' });
    const next = await new Fixture(fixture.platform, fixture.clock).start();
    next.apply(set('Workload', WEB));
    await next.written('writeProxy shop/web', 2);
    assert.match(fixture.platform.proxies.get(WEB.proxyId!)!.certificate, /BEGIN CERTIFICATE/);
  });

  for (const hours of [13, 25]) {
    it(`renews, at half of its life, a certificate after ${hours} hours`, async () => {
      fixture.apply(set('Workload', WEB));
      await fixture.written('writeProxy shop/web');
      const { certificate } = fixture.platform.proxies.get(WEB.proxyId!)!;
      await fixture.clock.advance(11 * HOUR_MS);
      assert.equal(fixture.platform.proxies.get(WEB.proxyId!)!.certificate, certificate);
      await fixture.clock.advance((hours - 11) * HOUR_MS);
      await until(() => fixture.platform.proxies.get(WEB.proxyId!)!.certificate !== certificate);
      assert.ok(fixture.pushed.filter((each) => each === 'identity shop/web').length >= 2);
    });
  }

  describe('while another replica leads', () => {
    const identityOf = (key = 'shop/web') =>
      fixture.identities.current(fixture.mesh.workload(key)!)?.certificate;
    const renewed = async (count: number) => {
      await fixture.clock.advance(30_000);
      await until(() => fixture.pushed.filter((each) => each === 'identity shop/web').length >= count);
      await settle();
    };
    beforeEach(() => {
      fixture.platform.setLeader(false);
      fixture.apply(set('Workload', WEB));
    });
    /** The leader's certificate, as old as said. */
    const written = async (hoursAgo: number) => {
      const leaf = await fixture.authority.issue(
        { spiffeId: 'spiffe://cluster.local/ns/shop/sa/web', dnsNames: [WEB.proxyId!] },
        fixture.clock.unixMs() - hoursAgo * HOUR_MS,
      );
      fixture.platform.proxies.set(WEB.proxyId!, { config: '', trustBundle: root.certificate, ...leaf });
      return leaf.certificate;
    };

    it('brings a sidecar it serves what the leader has written, and signs nothing', async () => {
      const certificate = await written(3);
      fixture.late.add('shop/web');
      await renewed(1);
      assert.equal(identityOf(), certificate);
    });

    it('signs itself what the leader has left to grow old, and writes nothing', async () => {
      const old = await written(20);
      fixture.late.add('shop/web');
      await renewed(1);
      assert.notEqual(identityOf(), undefined);
      assert.notEqual(identityOf(), old);
      assert.equal(fixture.platform.count('writeProxy shop/web'), 0);
    });

    it('does not sign again and again while a sidecar does not take it', async () => {
      fixture.late.add('shop/web');
      await renewed(1);
      const first = identityOf();
      await renewed(2);
      await renewed(3);
      assert.equal(identityOf(), first);
    });

    it('leaves alone those it does not serve', async () => {
      await written(20);
      await fixture.clock.advance(60_000);
      assert.equal(fixture.platform.calls.length, 0);
    });

    it('writes, once it leads, the newest of what it signed and what was written', async () => {
      fixture.late.add('shop/web');
      await renewed(1);
      const own = identityOf();
      await fixture.clock.advance(HOUR_MS);
      const newer = await written(0);
      fixture.platform.setLeader(true);
      await fixture.written('writeProxy shop/web');
      assert.notEqual(newer, own);
      assert.equal(fixture.platform.proxies.get(WEB.proxyId!)!.certificate, newer);
    });

    it('writes, once it leads, what it signed when that is newer', async () => {
      await written(20);
      fixture.late.add('shop/web');
      await renewed(1);
      const own = identityOf();
      fixture.platform.setLeader(true);
      await fixture.written('writeProxy shop/web');
      assert.equal(fixture.platform.proxies.get(WEB.proxyId!)!.certificate, own);
    });
  });

  it('issues anew when the workload runs as another', async () => {
    fixture.apply(set('Workload', WEB));
    await fixture.written('writeProxy shop/web');
    const { certificate } = fixture.platform.proxies.get(WEB.proxyId!)!;
    fixture.apply(set('Workload', { ...WEB, serviceAccount: 'other' }));
    await fixture.written('writeProxy shop/web', 2);
    assert.notEqual(fixture.platform.proxies.get(WEB.proxyId!)!.certificate, certificate);
  });

  it('removes the files of a pod that finished, ends its stream, and stops renewing', async () => {
    fixture.apply(set('Workload', WEB));
    await fixture.written('writeProxy shop/web');
    fixture.apply(set('Workload', { ...WEB, finished: true }));
    assert.equal(fixture.pushed.at(-1), 'gone shop/web');
    await fixture.written('removeProxy shop/web');
    assert.equal(fixture.platform.proxies.size, 0);
    await fixture.clock.advance(13 * HOUR_MS);
    assert.equal(fixture.platform.count('writeProxy shop/web'), 1);
  });

  it('removes the files of a workload that went', async () => {
    fixture.apply(set('Workload', WEB));
    await fixture.written('writeProxy shop/web');
    fixture.apply([remove('Workload', 'shop/web')]);
    await fixture.written('removeProxy shop/web');
    assert.equal(fixture.publisher.published('shop/web'), undefined);
  });

  it('gives nothing to a pod outside the mesh, nor to one with a copied proxy id', async () => {
    const copy = workload('evil/b', { proxyId: WEB.proxyId, createdAt: '2026-09-01T00:00:00Z' });
    fixture.apply(
      set(
        'Workload',
        workload('shop/bare', { proxyId: undefined }),
        { ...WEB, createdAt: '2026-01-01T00:00:00Z' },
        copy,
      ),
    );
    await fixture.written('writeProxy shop/web');
    assert.deepEqual(fixture.publisher.keys(), ['shop/web']);
  });

  it('tries again, later and later, what could not be written', async () => {
    fixture.platform.failures.set('writeProxy shop/web', 2);
    fixture.apply(set('Workload', WEB));
    await fixture.written('writeProxy shop/web');
    await fixture.clock.advance(250);
    await until(() => fixture.platform.count('writeProxy shop/web') === 2);
    await settle();
    await fixture.clock.advance(499);
    assert.equal(fixture.platform.count('writeProxy shop/web'), 2);
    await fixture.clock.advance(1);
    await until(() => fixture.platform.proxies.size === 1);
  });

  it('writes nothing while another replica leads, and everything once this one does', async () => {
    fixture.platform.setLeader(false);
    fixture.apply(set('Workload', WEB));
    await fixture.clock.advance(1000);
    assert.equal(fixture.platform.calls.length, 0);
    assert.deepEqual(fixture.pushed, ['config shop/web']);
    fixture.platform.setLeader(true);
    await fixture.written('writeProxy shop/web');
  });

  it('removes, once it leads, the files of what has finished meanwhile, and not of what went', async () => {
    fixture.platform.setLeader(false);
    const other = workload('shop/other');
    fixture.apply(set('Workload', WEB, other));
    fixture.apply(set('Workload', { ...WEB, finished: true }), [remove('Workload', 'shop/other')]);
    fixture.platform.setLeader(true);
    await fixture.written('removeProxy shop/web');
    assert.deepEqual(fixture.platform.calls, ['removeProxy shop/web']);
  });

  it('keeps the old configuration in force when the new one is too large', async () => {
    fixture.apply(set('Workload', WEB));
    const { text } = fixture.publisher.published('shop/web')!;
    fixture.apply(big(10));
    const published = fixture.publisher.published('shop/web')!;
    assert.equal(published.text, text);
    assert.match(published.withheld!.reason, /merged configuration .* more than 262144/);
    fixture.apply([
      remove('Policy', 'shop/big-0'),
      remove('Policy', 'shop/big-1'),
      remove('Policy', 'shop/big-2'),
    ]);
    assert.equal(fixture.publisher.published('shop/web')!.withheld, undefined);
  });

  it('does not merge what is far too much', async () => {
    fixture.apply(set('Workload', WEB), big(20));
    const { withheld } = fixture.publisher.published('shop/web')!;
    assert.match(withheld!.reason, /policies about it are .* more than 524288/);
    assert.equal(Object.keys(withheld!.version.policies).length, 20);
    const many = Array.from({ length: 257 }, (_, index) =>
      policy(`ops/p${index}`, { inbound: { mtls: { mode: 'Strict' } } }),
    );
    fixture.apply(set('Workload', workload('ops/web')), set('Policy', ...many));
    assert.match(
      fixture.publisher.published('ops/web')!.withheld!.reason,
      /^257 policies are about it, more than 256$/,
    );
    fixture.apply([remove('Policy', 'ops/p0')]);
    assert.equal(fixture.publisher.published('ops/web')!.withheld, undefined);
  });

  it('tells what the control plane says even those whose own policies are too large', async () => {
    fixture.apply(set('Workload', WEB), strict());
    fixture.apply(big(10), strict({ generation: 2, spec: { inbound: { mtls: { mode: 'Permissive' } } } }));
    const platform = (mode: 'Strict' | 'Permissive') =>
      set('Policy', policy('weft-system/all', { ...LOCKED, inbound: { ...LOCKED.inbound, mtls: { mode } } }));
    fixture.apply(platform('Permissive'));
    const config = () => JSON.parse(fixture.publisher.published('shop/web')!.text!) as ProxyConfig;
    assert.deepEqual(
      config().inbound.rules.map(({ policy: of }) => of),
      ['weft-system/all'],
    );
    assert.equal(config().inbound.ports[0]!.mtls, 'Strict');
    assert.deepEqual(config().version.policies, { 'uid-of-shop/a': 1, 'uid-of-weft-system/all': 1 });
    fixture.apply([remove('Policy', 'weft-system/all')]);
    assert.deepEqual(config().inbound.rules, []);
    assert.notEqual(fixture.publisher.published('shop/web')!.withheld, undefined);
  });

  it('leaves a proxy what it has, and renews its certificate, when it finds too much from the start', async () => {
    fixture.apply(set('Workload', WEB));
    await fixture.written('writeProxy shop/web');
    const { platform, clock } = fixture;
    const { config, certificate } = platform.proxies.get(WEB.proxyId!)!;
    fixture.publisher.stop();
    fixture = await new Fixture(platform, clock).start();
    fixture.apply(set('Workload', WEB), big(10));
    assert.deepEqual(fixture.pushed, []);
    platform.setLeader(true);
    await fixture.written('writeProxy shop/web', 2);
    await fixture.clock.advance(13 * HOUR_MS);
    await fixture.written('writeProxy shop/web', 3);
    assert.equal(platform.count('removeProxy shop/web'), 0);
    const now = platform.proxies.get(WEB.proxyId!)!;
    assert.equal(now.config, config);
    assert.notEqual(now.certificate, certificate);
  });
});
