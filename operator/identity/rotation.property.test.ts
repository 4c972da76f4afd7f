import assert from 'node:assert/strict';
import { X509Certificate } from 'node:crypto';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import type { StoredRoots } from '../platform.ts';
import { Authority, createRoot } from './authority.ts';
import { fingerprintsOf, fromStored, toStored } from './ca-state.ts';
import { renewAtMs, validityOf } from './renewal.ts';
import { begin, nextStep, type RotationSettings, steady } from './rotation.ts';
import { anySchedule } from './schedules.fixture.ts';
import { fingerprintOf } from './trust-bundle.ts';

const LEAF_MS = 24 * 3600 * 1000;
const ROOT_MS = 7 * LEAF_MS;
const SOON: RotationSettings = { leafLifetimeMs: LEAF_MS, rotateAfter: 0.05 };
const LATER: RotationSettings = { ...SOON, rotateAfter: 0.5 };
const START_MS = Date.UTC(2026, 0, 1);
const REPLICAS = 3;
/** More of them on demand: `WEFT_RUNS=1000`. */
const RUNS = Number(process.env.WEFT_RUNS ?? 20);
const PROXIES = 4;

interface Leaf {
  readonly signer: string;
  readonly fromMs: number;
  readonly endMs: number;
}
interface Proxy {
  leaf: Leaf | undefined;
  trusts: { readonly serial: number; readonly roots: readonly string[] };
  /** undefined: cut off */
  replica: number | undefined;
}
interface Replica {
  authority: Authority;
  serial: number;
  /** of its sidecars, as they said */
  readonly acks: Map<number, readonly string[]>;
  /** reaches neither the API server nor the other replicas */
  isCut: boolean;
}

/** The more often it is named, the more often it happens. */
const KINDS = [
  ...['time', 'time', 'time', 'lead', 'lead', 'lead', 'renew', 'renew', 'look', 'look', 'sync'],
  ...['cutProxy', 'cutReplica', 'cutReplica', 'kill', 'diesWriting'],
];
/** What happens, in whatever order: `who` picks a replica or a sidecar, `part` is of a lifetime or of a chance. */
const EVENT = fc.record({
  kind: fc.constantFrom(...KINDS),
  who: fc.nat(11),
  part: fc.nat(1000).map((thousandths) => thousandths / 1000),
});

/** Operators and sidecars as they are, without sockets: the steps, the authority and its limits are the real ones. */
class World {
  readonly settings: RotationSettings;
  nowMs = START_MS;
  stored!: StoredRoots;
  revision = 0;
  leader = 0;
  readonly replicas: Replica[] = [];
  readonly proxies: Proxy[] = [];
  rotations = 0;

  constructor(settings = SOON) {
    this.settings = settings;
  }

  async start(): Promise<void> {
    const root = await createRoot('cluster.local', this.nowMs, ROOT_MS);
    this.stored = toStored(steady(root, this.settings, this.nowMs), '0');
    for (let index = 0; index < REPLICAS; index++) this.replicas.push(await this.#newReplica());
    for (let index = 0; index < PROXIES; index++) {
      const proxy: Proxy = { leaf: undefined, trusts: { serial: 0, roots: [] }, replica: index % REPLICAS };
      this.proxies.push(proxy);
      await this.sync(index);
    }
  }

  async happen({ kind, who, part }: { kind: string; who: number; part: number }): Promise<void> {
    const replica = this.replicas[who % REPLICAS]!;
    const proxy = this.proxies[who % PROXIES]!;
    if (kind === 'time') this.nowMs += Math.ceil((part * LEAF_MS) / 2);
    else if (kind === 'look') await this.#look(replica);
    else if (kind === 'lead') await this.#lead(who % REPLICAS, false);
    else if (kind === 'diesWriting') await this.#lead(who % REPLICAS, true);
    else if (kind === 'sync') await this.sync(who % PROXIES);
    else if (kind === 'renew') for (let index = 0; index < PROXIES; index++) await this.sync(index);
    else if (kind === 'cutProxy')
      proxy.replica = part < 0.4 ? undefined : Math.floor(part * REPLICAS) % REPLICAS;
    else if (kind === 'cutReplica') replica.isCut = part < 0.35;
    else if (kind === 'kill' && !replica.isCut) this.replicas[who % REPLICAS] = await this.#newReplica();
  }

  /** A sidecar and its replica: the trust bundle, the certificate when it is due, the acknowledgement. */
  async sync(index: number): Promise<void> {
    const proxy = this.proxies[index]!;
    if (proxy.replica === undefined) return;
    const { authority, acks, serial, isCut } = this.replicas[proxy.replica]!;
    const isAlive = this.isLive(proxy);
    // the token of one without a certificate is reviewed by the API server
    if (!isAlive && isCut) return;
    const isDue =
      !isAlive ||
      this.nowMs >= renewAtMs({ notBeforeMs: proxy.leaf!.fromMs, notAfterMs: proxy.leaf!.endMs }, () => 0.5);
    const offered = { serial, roots: authority.roots };
    if (isDue) await this.#renew(proxy, authority, offered);
    else if (offered.serial > proxy.trusts.serial) proxy.trusts = offered;
    acks.set(index, proxy.trusts.roots);
  }

  isLive({ leaf }: Proxy): boolean {
    return leaf !== undefined && this.nowMs < leaf.endMs;
  }

  check(): void {
    const live = this.proxies.filter((proxy) => this.isLive(proxy));
    for (const a of live) {
      for (const b of live) {
        assert.ok(
          a.trusts.roots.includes(b.leaf!.signer),
          'a live sidecar trusts no root of a live certificate',
        );
      }
    }
  }

  async #newReplica(): Promise<Replica> {
    const authority = await Authority.load(this.stored, LEAF_MS);
    const replica = { authority, serial: 0, acks: new Map(), isCut: false };
    await this.#look(replica);
    return replica;
  }

  async #look(replica: Replica): Promise<void> {
    if (replica.isCut) return;
    const state = fromStored(this.stored)!;
    await replica.authority.adopt(state, this.nowMs);
    replica.serial = state.serial;
  }

  /** Whoever can reach the API server may come to lead; reads, takes one step, and may die right after it. */
  async #lead(index: number, dies: boolean): Promise<void> {
    const replica = this.replicas[index]!;
    if (replica.isCut) return;
    await this.#look(replica);
    const read = this.stored;
    const state = fromStored(read)!;
    const step = nextStep(state, this.settings, {
      nowMs: this.nowMs,
      isComplete: true,
      holders: this.#holders(index),
    });
    if (step.kind === 'wait') return;
    const root = step.kind === 'make' ? await createRoot('cluster.local', this.nowMs, ROOT_MS) : undefined;
    const next =
      step.kind === 'write'
        ? step.state
        : step.why === 'due'
          ? begin(state, root!, this.nowMs)
          : steady(root!, this.settings, this.nowMs, state.serial);
    this.revision += 1;
    this.stored = toStored(next, String(this.revision));
    if (next.phase === 'Renewing') this.rotations += 1;
    if (dies) this.replicas[index] = await this.#newReplica();
    else await this.#look(replica);
  }

  #holders(leader: number): Map<string, readonly string[] | undefined> {
    const holders = new Map<string, readonly string[] | undefined>();
    const heard = this.replicas.filter(({ isCut }, index) => index === leader || !isCut);
    this.replicas.forEach(({ authority, isCut }, index) => {
      if (index !== leader) holders.set(`replica ${index}`, isCut ? undefined : authority.roots);
    });
    this.proxies.forEach((proxy, index) => {
      // where it is connected now, or was last
      const at = proxy.replica === undefined ? undefined : this.replicas[proxy.replica];
      const told = at !== undefined && heard.includes(at) ? at.acks.get(index) : undefined;
      const before = heard.map(({ acks }) => acks.get(index)).find((roots) => roots !== undefined);
      holders.set(`proxy ${index}`, at === undefined ? before : told);
    });
    return holders;
  }

  async #renew(proxy: Proxy, authority: Authority, offered: Proxy['trusts']): Promise<void> {
    const issued = await authority
      .issue({ spiffeId: 'spiffe://cluster.local/ns/a/sa/b', dnsNames: [] }, this.nowMs)
      .catch(() => undefined);
    if (issued === undefined) return;
    const certificate = new X509Certificate(issued.certificate);
    const { notBeforeMs, notAfterMs } = validityOf(certificate);
    const signer = authority.roots[0]!;
    // a sidecar keeps the newer of two bundles, unless the certificate is of none of its roots
    const keeps = this.isLive(proxy) || proxy.trusts.serial > offered.serial;
    const isOlder = offered.serial < proxy.trusts.serial && keeps && proxy.trusts.roots.includes(signer);
    if (!isOlder) proxy.trusts = offered;
    proxy.leaf = { signer, fromMs: notBeforeMs, endMs: notAfterMs };
  }
}

describe('a rotation, whatever happens and in whatever order', () => {
  it('never leaves a live sidecar without the root of another one’s live certificate', {
    timeout: 120_000,
  }, async () => {
    let rotations = 0;
    await anySchedule(() => new World(), EVENT, {
      maxLength: 140,
      runs: RUNS,
      ended: (world) => {
        rotations += world.rotations;
      },
    });
    assert.ok(rotations > RUNS / 2, `the schedules have brought ${rotations} roots to sign`);
  });

  it('ends, with everybody trusting the new root alone, once all can be reached', async () => {
    const world = new World(LATER);
    await world.start();
    const first = fingerprintsOf(fromStored(world.stored)!);
    const calm = async () => {
      for (const kind of ['look', 'lead', 'renew']) {
        for (let who = 0; who < REPLICAS; who++)
          await world.happen({ kind, who: kind === 'lead' ? 0 : who, part: 1 });
      }
      await world.happen({ kind: 'time', who: 0, part: 0.25 });
      world.check();
    };
    const isDone = () => fromStored(world.stored)!.phase === 'Steady' && world.rotations > 0;
    for (let turns = 0; turns < 60 && !isDone(); turns++) await calm();
    assert.ok(isDone());
    const state = fromStored(world.stored)!;
    const now = fingerprintOf(state.issuing.certificate);
    assert.ok(!first.includes(now));
    assert.deepEqual(state.silent, []);
    for (const { trusts, leaf } of world.proxies) {
      assert.deepEqual(trusts.roots, [now]);
      assert.equal(leaf?.signer, now);
    }
  });
});
