import assert from 'node:assert/strict';
import { X509Certificate } from 'node:crypto';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { FakeClock } from '../kubernetes/testing/fake-clock.ts';
import { silentLog } from '../kubernetes/testing/scripted-api.ts';
import type { RootMaterial, StoredRoots } from '../platform.ts';
import { TestIssuer } from '../testing/test-issuer.ts';
import { Authority } from './authority.ts';
import { fromStored, toStored } from './ca-state.ts';
import { Issuer } from './issuer.ts';
import { nextStep, type RotationSettings, steady } from './rotation.ts';
import { anySchedule } from './schedules.fixture.ts';
import { fingerprintOf } from './trust-bundle.ts';

const LEAF_MS = 24 * 3600 * 1000;
const SETTINGS: RotationSettings = { leafLifetimeMs: LEAF_MS + 60_000, rotateAfter: 0.8, isExternal: true };
const OWN = { spiffeId: 'spiffe://cluster.local/ns/weft-system/sa/weft-operator', dnsNames: [] };
const REPLICAS = 2;
const PROXIES = 3;
/** More of them on demand: `WEFT_RUNS=1000`. */
const RUNS = Number(process.env.WEFT_RUNS ?? 8);

interface Replica {
  authority: Authority;
  issuer: Issuer;
  serial: number;
  seen: StoredRoots | undefined;
}
interface Proxy {
  /** PEM */
  certificate: string | undefined;
  trusts: { readonly serial: number; readonly roots: readonly string[] };
  replica: number | undefined;
}

const KINDS = [
  ...['time', 'time', 'time', 'lead', 'lead', 'lead', 'lead', 'renew', 'renew', 'look', 'look'],
  ...['otherRoot', 'cutProxy', 'kill', 'away', 'back', 'back'],
];
const EVENT = fc.record({
  kind: fc.constantFrom(...KINDS),
  who: fc.nat(11),
  part: fc.nat(1000).map((thousandths) => thousandths / 1000),
});

/** Operators and sidecars without sockets, and an issuer that changes its root, and back, whenever it likes. */
class World {
  readonly clock = new FakeClock();
  readonly signer = new TestIssuer(this.clock);
  stored!: StoredRoots;
  readonly replicas: Replica[] = [];
  readonly proxies: Proxy[] = [];
  readonly #roots: RootMaterial[] = [];
  /** how often the turn has come to another root */
  switches = 0;

  async start(): Promise<void> {
    this.#roots.push(await this.signer.newRoot());
    const root = { certificate: this.#roots[0]!.certificate, privateKey: '' };
    this.stored = toStored(steady(root, SETTINGS, this.clock.unixMs()), undefined);
    for (let index = 0; index < REPLICAS; index++) this.replicas.push(await this.#newReplica());
    for (let index = 0; index < PROXIES; index++) {
      const proxy: Proxy = {
        ...{ certificate: undefined, trusts: { serial: 0, roots: [] }, replica: index % REPLICAS },
      };
      this.proxies.push(proxy);
      await this.sync(proxy);
    }
  }

  async happen({ kind, who, part }: { kind: string; who: number; part: number }): Promise<void> {
    const proxy = this.proxies[who % PROXIES]!;
    if (kind === 'time') await this.clock.advance(Math.ceil((part * LEAF_MS) / 3));
    else if (kind === 'look') await this.#look(this.replicas[who % REPLICAS]!);
    else if (kind === 'lead') await this.lead(who % REPLICAS);
    else if (kind === 'renew') for (const each of this.proxies) await this.sync(each);
    else if (kind === 'cutProxy') proxy.replica = part < 0.2 ? undefined : who % REPLICAS;
    else if (kind === 'kill') this.replicas[who % REPLICAS] = await this.#newReplica();
    else if (kind === 'away') this.signer.isAway = true;
    else if (kind === 'back') this.signer.isAway = false;
    else if (kind === 'otherRoot') await this.changeRoot(part);
  }

  /** A new one, or one of before, as after a restored backup. */
  async changeRoot(part: number): Promise<void> {
    const isNew = part < 0.6 || this.#roots.length < 2;
    if (isNew) this.#roots.push(await this.signer.newRoot());
    else this.signer.root = this.#roots[Math.floor(part * this.#roots.length)]!;
  }

  /** A sidecar and its replica: the bundle, the certificate when it is due, the acknowledgement. */
  async sync(proxy: Proxy): Promise<void> {
    if (proxy.replica === undefined) return;
    const replica = this.replicas[proxy.replica]!;
    // a running operator looks all the time, and before it hands out anything old
    await this.#look(replica);
    const offered = { serial: replica.serial, roots: replica.authority.roots };
    if (offered.serial > proxy.trusts.serial) proxy.trusts = offered;
    if (this.isLive(proxy) && !this.#isDue(proxy)) return;
    const request = { spiffeId: 'spiffe://cluster.local/ns/a/sa/b', dnsNames: ['p'] };
    const leaf = await replica.authority.issue(request, this.clock.unixMs()).catch(() => undefined);
    if (leaf !== undefined) proxy.certificate = leaf.certificate;
  }

  isLive({ certificate }: Proxy): boolean {
    return certificate !== undefined && this.clock.unixMs() < endOf(certificate);
  }

  check(): void {
    const live = this.proxies.filter((proxy) => this.isLive(proxy));
    for (const a of live) {
      for (const b of live) {
        const signer = this.#signerOf(b.certificate!);
        assert.ok(a.trusts.roots.includes(signer), 'a live sidecar trusts no root of a live certificate');
      }
    }
  }

  async lead(index: number): Promise<void> {
    const replica = this.replicas[index]!;
    await this.#look(replica);
    await replica.issuer.probe(LEAF_MS, replica.authority.rootsInPem);
    const state = fromStored(this.stored)!;
    const step = nextStep(state, SETTINGS, {
      ...{ nowMs: this.clock.unixMs(), isComplete: true, offered: replica.issuer.offered },
      holders: new Map(this.proxies.map(({ trusts }, each) => [`proxy ${each}`, trusts.roots])),
    });
    assert.notEqual(step.kind, 'make', 'nobody but the issuer makes roots');
    if (step.kind === 'write') {
      this.stored = toStored(step.state, undefined);
      if (step.state.phase === 'Renewing' && state.phase === 'Distributing') this.switches += 1;
    }
    await this.#look(replica);
  }

  #isDue({ certificate }: Proxy): boolean {
    return this.clock.unixMs() >= endOf(certificate!) - LEAF_MS / 2;
  }

  #signerOf(certificate: string): string {
    const leaf = new X509Certificate(certificate);
    const root = this.#roots.find((each) => leaf.verify(new X509Certificate(each.certificate).publicKey));
    return fingerprintOf(root!.certificate);
  }

  async #newReplica(): Promise<Replica> {
    const issuer = new Issuer({
      ...{ client: this.signer, ownRequest: OWN, clock: this.clock, random: () => 0.5, log: silentLog },
    });
    const authority = await Authority.load(this.stored, LEAF_MS, issuer);
    const replica = { authority, issuer, serial: 0, seen: undefined };
    await this.#look(replica);
    return replica;
  }

  async #look(replica: Replica): Promise<void> {
    if (replica.seen === this.stored) return replica.authority.saw(this.clock.unixMs());
    const state = fromStored(this.stored)!;
    await replica.authority.adopt(state, this.clock.unixMs());
    replica.serial = state.serial;
    replica.seen = this.stored;
  }
}

const endOf = (certificate: string) => new X509Certificate(certificate).validToDate.getTime();

describe('an issuer that signs with another root whenever it likes', () => {
  it('never gives a live sidecar a certificate that another live one cannot verify', {
    timeout: 240_000,
  }, async () => {
    let switches = 0;
    await anySchedule(() => new World(), EVENT, {
      maxLength: 120,
      runs: RUNS,
      ended: (world) => {
        switches += world.switches;
      },
    });
    assert.ok(switches > RUNS / 2, `the schedules have brought ${switches} roots to sign`);
  });

  it('is followed through three roots in a day, and nobody is without a certificate', async () => {
    const world = new World();
    await world.start();
    const hour = { kind: 'time', who: 0, part: 4 / 24 };
    for (let hours = 0; hours < 78; hours++) {
      if ([8, 14, 20].includes(hours)) await world.changeRoot(0);
      for (const kind of ['lead', 'renew', 'lead', 'renew']) await world.happen({ kind, who: 0, part: 1 });
      await world.happen(hour);
      world.check();
      for (const proxy of world.proxies) assert.ok(world.isLive(proxy), `in hour ${hours}`);
    }
    const { phase, issuing } = fromStored(world.stored)!;
    assert.equal(phase, 'Steady');
    assert.equal(fingerprintOf(issuing.certificate), fingerprintOf(world.signer.root.certificate));
  });
});
