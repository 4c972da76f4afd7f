import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { MeshPolicySpec } from '../../api/mesh-policy.ts';
import { compileProxyConfig } from '../compile/proxy-config.ts';
import { FakeClock, settle } from '../kubernetes/testing/fake-clock.ts';
import { Mesh } from '../mesh/mesh.ts';
import type { Change, KeySet } from '../mesh/model.ts';
import { policy, remove, SETTINGS, set, workload } from '../testing/builders.ts';
import { EC_KEY } from '../testing/keys.ts';
import type { FetchedKeySet } from './fetch-key-set.ts';
import { KeySetError } from './key-set-request.ts';
import { KeySets } from './key-sets.ts';

const URI = 'https://id.example/jwks';
const OLD_KEY = { ...EC_KEY, kid: 'old' };
const MINUTE_MS = 60_000;

const trusting = (uri = URI): MeshPolicySpec => ({
  inbound: {
    jwt: { issuers: [{ name: 'id', issuer: 'https://id.example', jwks: { type: 'URI', uri } }] },
  },
});
const fetched = (keys: readonly object[], maxAgeMs?: number): FetchedKeySet => ({
  keys,
  maxAgeMs,
  ignored: [],
});

class Fixture {
  readonly clock = new FakeClock();
  readonly mesh = new Mesh(SETTINGS);
  readonly requests: string[] = [];
  readonly signals: AbortSignal[] = [];
  readonly logged: string[] = [];
  readonly changes: Change[] = [];
  /** what a proxy was given, by its workload */
  readonly files = new Map<string, object | 'broken' | 'unreadable' | 'hanging'>();
  readonly reads: string[] = [];
  answer: () => Promise<FetchedKeySet> = async () => fetched([EC_KEY]);
  readonly keySets: KeySets;

  constructor() {
    const log = (level: string) => (data: object, message: string) =>
      void this.logged.push(`${level} ${message} ${JSON.stringify(data)}`);
    this.keySets = new KeySets({
      ...{ mesh: this.mesh, clock: this.clock, random: () => 1 },
      fetch: (uri, signal) => {
        this.requests.push(uri);
        this.signals.push(signal);
        return this.answer();
      },
      apply: (changes) => this.apply(changes),
      readProxy: async ({ key }) => {
        this.reads.push(key);
        const found = this.files.get(key);
        if (found === undefined) return undefined;
        if (found === 'unreadable') throw new Error('no answer');
        if (found === 'hanging') return new Promise(() => {});
        const config = found === 'broken' ? '{' : JSON.stringify(found);
        return { config, certificate: '', privateKey: '', trustBundle: '' };
      },
      log: { debug: log('debug'), info: log('info'), warn: log('warn'), error: log('error') },
    });
  }

  /** As the operator does. */
  apply(changes: readonly Change[]): void {
    this.changes.push(...changes);
    this.keySets.policiesChanged(this.mesh.apply(changes).policies);
  }
  async start(...changes: readonly (readonly Change[])[]): Promise<void> {
    this.mesh.apply(changes.flat());
    await this.keySets.restore();
    this.keySets.start();
    await settle();
  }
  held(uri = URI): KeySet | undefined {
    return this.mesh.keySet(uri);
  }
  fail(error: Error = new KeySetError('answers 500')): void {
    this.answer = async () => {
      throw error;
    };
  }
}

const POLICY = set('Policy', policy('shop/a', trusting()));
/** A proxy of the policy's namespace that was given these keys of the URI. */
const holding = (keys: readonly object[], uri = URI) => ({ inbound: { issuers: [{ jwksUri: uri, keys }] } });
const proxies = (...keys: string[]) =>
  set('Workload', ...keys.map((key) => workload(key, { ports: [{ name: 'http', port: 80 }] })));

describe('a key set that a policy names', () => {
  it('is fetched once, whoever names it, and put into the mesh', async () => {
    const fixture = new Fixture();
    await fixture.start(POLICY, set('Policy', policy('shop/b', trusting()), policy('ops/c', trusting())));
    assert.deepEqual(fixture.requests, [URI]);
    assert.deepEqual(fixture.held(), { key: URI, keys: [EC_KEY] });
  });

  it('is fetched as soon as a policy comes, and forgotten with the last one', async () => {
    const fixture = new Fixture();
    await fixture.start();
    assert.deepEqual(fixture.requests, []);
    fixture.apply([...POLICY, ...set('Policy', policy('shop/b', trusting()))]);
    await settle();
    assert.deepEqual(fixture.held()?.keys, [EC_KEY]);
    fixture.apply([remove('Policy', 'shop/a')]);
    assert.notEqual(fixture.held(), undefined);
    fixture.apply([remove('Policy', 'shop/b')]);
    assert.equal(fixture.held(), undefined);
    assert.equal(fixture.clock.pendingTimers, 0);
    await fixture.clock.advance(120 * MINUTE_MS);
    assert.equal(fixture.requests.length, 1);
  });

  it('is another when the policy names another', async () => {
    const fixture = new Fixture();
    await fixture.start(POLICY);
    const other = 'https://other.example/jwks';
    fixture.apply(set('Policy', policy('shop/a', trusting(other), { generation: 2 })));
    await settle();
    assert.deepEqual(fixture.requests, [URI, other]);
    assert.equal(fixture.held(), undefined);
    assert.deepEqual(fixture.held(other)?.keys, [EC_KEY]);
  });

  it('counts only where the policy is in force', async () => {
    const fixture = new Fixture();
    const unacceptable = { ...trusting(), nonsense: 1 } as MeshPolicySpec;
    await fixture.start(set('Policy', policy('shop/a', unacceptable), policy('shop/b', null as never)));
    assert.deepEqual(fixture.requests, []);
    fixture.apply([
      {
        kind: 'AcceptedRevision',
        key: 'shop/a',
        value: { key: 'shop/a', uid: 'uid-of-shop/a', generation: 0, spec: trusting() },
      },
    ]);
    await settle();
    assert.deepEqual(fixture.requests, [URI]);
  });

  it('is not asked for by a policy that goes while it is fetched, and what comes then is not kept', async () => {
    const fixture = new Fixture();
    const late = Promise.withResolvers<FetchedKeySet>();
    fixture.answer = () => late.promise;
    await fixture.start(POLICY);
    fixture.apply([remove('Policy', 'shop/a')]);
    assert.equal(fixture.signals[0]?.aborted, true);
    late.resolve(fetched([EC_KEY]));
    await settle();
    assert.equal(fixture.held(), undefined);
    assert.equal(fixture.clock.pendingTimers, 0);
  });
});

describe('a key set is fetched again', () => {
  const cases: [string, number | undefined, number][] = [
    ['after five minutes when the server says nothing', undefined, 5 * MINUTE_MS],
    ['when the server says so', 10 * MINUTE_MS, 10 * MINUTE_MS],
    ['not more often than every minute', 0, MINUTE_MS],
    ['at least every hour', 24 * 60 * MINUTE_MS, 60 * MINUTE_MS],
  ];
  for (const [name, maxAgeMs, afterMs] of cases) {
    it(name, async () => {
      const fixture = new Fixture();
      fixture.answer = async () => fetched([EC_KEY], maxAgeMs);
      await fixture.start(POLICY);
      await fixture.clock.advance(afterMs - 1);
      assert.equal(fixture.requests.length, 1);
      await fixture.clock.advance(1);
      assert.equal(fixture.requests.length, 2);
    });
  }

  it('and a rotation is seen then', async () => {
    const fixture = new Fixture();
    fixture.answer = async () => fetched([OLD_KEY]);
    await fixture.start(POLICY);
    assert.deepEqual(fixture.held()?.keys, [OLD_KEY]);
    fixture.answer = async () => fetched([EC_KEY]);
    await fixture.clock.advance(5 * MINUTE_MS);
    assert.deepEqual(fixture.held()?.keys, [EC_KEY]);
  });

  it('not after it was stopped', async () => {
    const fixture = new Fixture();
    await fixture.start(POLICY);
    fixture.keySets.stop();
    assert.equal(fixture.clock.pendingTimers, 0);
    fixture.apply(set('Policy', policy('shop/b', trusting('https://other.example/'))));
    await fixture.clock.advance(60 * MINUTE_MS);
    assert.equal(fixture.requests.length, 1);
  });
});

describe('a key set that cannot be fetched', () => {
  it('is empty and says why, is tried again less and less often, and is there in the end', async () => {
    const fixture = new Fixture();
    fixture.fail();
    await fixture.start(POLICY);
    assert.deepEqual(fixture.held(), { key: URI, keys: [], problem: 'answers 500' });
    await fixture.clock.advance(2_000 + 4_000 + 8_000);
    assert.equal(fixture.requests.length, 4);
    await fixture.clock.advance(60 * MINUTE_MS);
    const hour = fixture.requests.length;
    await fixture.clock.advance(60 * MINUTE_MS);
    assert.equal(fixture.requests.length - hour, 12);
    fixture.answer = async () => fetched([EC_KEY]);
    await fixture.clock.advance(5 * MINUTE_MS);
    assert.deepEqual(fixture.held(), { key: URI, keys: [EC_KEY] });
  });

  it('keeps the keys it had', async () => {
    const fixture = new Fixture();
    await fixture.start(POLICY);
    fixture.fail();
    await fixture.clock.advance(5 * MINUTE_MS);
    assert.deepEqual(fixture.held(), { key: URI, keys: [EC_KEY], problem: 'answers 500' });
    await fixture.clock.advance(24 * 60 * MINUTE_MS);
    assert.deepEqual(fixture.held()?.keys, [EC_KEY]);
  });

  it('is logged once for each reason, and when it is over, without its query and without its keys', async () => {
    const fixture = new Fixture();
    const uri = `${URI}?tenant=secret`;
    fixture.fail();
    await fixture.start(set('Policy', policy('shop/a', trusting(uri))));
    await fixture.clock.advance(10 * MINUTE_MS);
    fixture.fail(new Error('connect ECONNREFUSED'));
    await fixture.clock.advance(10 * MINUTE_MS);
    fixture.answer = async () => fetched([EC_KEY]);
    await fixture.clock.advance(10 * MINUTE_MS);
    assert.equal(fixture.logged.length, 3);
    assert.match(fixture.logged[0]!, /^warn .*answers 500; no token of it is valid/);
    assert.match(fixture.logged[1]!, /^warn .*ECONNREFUSED/);
    assert.match(fixture.logged[2]!, /^info .*had again/);
    assert.equal(fixture.logged.join().includes('secret'), false);
    assert.equal(fixture.logged.join().includes(EC_KEY.x!), false);
  });

  it('does not keep others waiting, up to as many as are fetched at a time', async () => {
    const fixture = new Fixture();
    fixture.answer = () => new Promise(() => {});
    const uris = Array.from({ length: 40 }, (_, index) => `https://id${index}.example/`);
    await fixture.start(set('Policy', ...uris.map((uri, index) => policy(`shop/p${index}`, trusting(uri)))));
    assert.equal(fixture.requests.length, 32);
    fixture.keySets.stop();
    assert.ok(fixture.signals.every(({ aborted }) => aborted));
  });
});

describe('a namespace that names very many key sets', () => {
  const uris = Array.from({ length: 70 }, (_, index) => `https://id${index}.example/`);
  const names = uris.map((_, index) => `evil/p${String(index).padStart(2, '0')}`);
  const many = () => set('Policy', ...uris.map((uri, index) => policy(names[index]!, trusting(uri))));

  it('has the first of them, and the others say why they are not had', async () => {
    const fixture = new Fixture();
    await fixture.start(many(), POLICY);
    assert.equal(new Set(fixture.requests).size, 65);
    assert.deepEqual(fixture.held()?.keys, [EC_KEY]);
    assert.match(fixture.held(uris[69])!.problem!, /more than 64 key sets/);
    assert.deepEqual(fixture.held(uris[69])!.keys, []);
  });

  it('has another in the place of one that goes', async () => {
    const fixture = new Fixture();
    await fixture.start(many());
    fixture.apply(names.slice(0, 5).map((name) => remove('Policy', name)));
    await settle();
    assert.deepEqual(fixture.held(uris[68]), { key: uris[68], keys: [EC_KEY] });
    assert.match(fixture.held(uris[69])!.problem!, /more than 64 key sets/);
    fixture.apply([remove('Policy', names[69]!)]);
    assert.equal(fixture.held(uris[69]), undefined);
  });

  it('takes nothing from who names the same, nor from the control plane', async () => {
    const fixture = new Fixture();
    const ours = uris.map((uri, index) => policy(`weft-system/p${index}`, trusting(`${uri}ours`)));
    await fixture.start(many(), set('Policy', policy('shop/a', trusting(uris[69])), ...ours));
    assert.deepEqual(fixture.held(uris[69]), { key: uris[69], keys: [EC_KEY] });
    assert.ok(uris.every((uri) => fixture.held(`${uri}ours`)?.keys.length === 1));
  });
});

describe('after a restart', () => {
  it('the keys that proxies were given hold before anything is fetched, and while it cannot be', async () => {
    const fixture = new Fixture();
    fixture.fail();
    fixture.files.set('shop/web', holding([OLD_KEY]));
    fixture.mesh.apply([...POLICY, ...proxies('shop/web')]);
    await fixture.keySets.restore();
    const handedOut = new Map([['shop', [OLD_KEY]]]);
    assert.deepEqual(fixture.held(), { key: URI, keys: [], handedOut });
    assert.deepEqual(fixture.mesh.keysIn('shop', URI), [OLD_KEY]);
    assert.deepEqual(fixture.requests, []);
    fixture.keySets.start();
    await settle();
    assert.deepEqual(fixture.held(), { key: URI, keys: [], handedOut, problem: 'answers 500' });
    assert.match(fixture.logged[0]!, /the last keys stay in force/);
    fixture.answer = async () => fetched([EC_KEY]);
    await fixture.clock.advance(MINUTE_MS);
    assert.deepEqual(fixture.held(), { key: URI, keys: [EC_KEY] });
  });

  it('they are taken from a proxy that has them', async () => {
    const fixture = new Fixture();
    fixture.files.set('shop/a', 'broken');
    fixture.files.set('shop/b', holding([OLD_KEY], 'https://other.example/'));
    fixture.files.set('shop/c', holding([]));
    fixture.files.set('shop/d', holding([OLD_KEY]));
    fixture.mesh.apply([...POLICY, ...proxies('shop/a', 'shop/b', 'shop/c', 'shop/d')]);
    await fixture.keySets.restore();
    assert.deepEqual(fixture.mesh.keysIn('shop', URI), [OLD_KEY]);
  });

  it('those of a namespace, where its owner may have written them, are given to nobody else', async () => {
    const fixture = new Fixture();
    fixture.fail();
    const forged = { ...EC_KEY, kid: 'forged' };
    fixture.files.set('attacker/web', holding([forged]));
    fixture.files.set('shop/web', holding([OLD_KEY]));
    const policies = ['attacker/a', 'other/a', 'shop/a', 'weft-system/a'].map((key) =>
      policy(key, { ...trusting(), ...(key.startsWith('weft') && { target: { kind: 'Mesh' as const } }) }),
    );
    await fixture.start(set('Policy', ...policies), proxies('attacker/web', 'other/web', 'shop/web'));
    const keysOf = (namespace: string) => {
      const compiled = compileProxyConfig(fixture.mesh, fixture.mesh.workload(`${namespace}/web`)!);
      return compiled.config.inbound.issuers?.flatMap(({ keys }) => keys);
    };
    assert.deepEqual(keysOf('attacker'), [forged]);
    assert.deepEqual(keysOf('shop'), [OLD_KEY]);
    assert.deepEqual(keysOf('other'), []);
    fixture.answer = async () => fetched([EC_KEY]);
    await fixture.clock.advance(MINUTE_MS);
    for (const each of ['attacker', 'other', 'shop']) assert.deepEqual(keysOf(each), [EC_KEY]);
  });

  it('they are not taken from proxies of others', async () => {
    const fixture = new Fixture();
    for (const key of ['ops/web', 'weft-system/web']) fixture.files.set(key, holding([OLD_KEY]));
    fixture.mesh.apply([...POLICY, ...proxies('ops/web', 'weft-system/web', 'shop/web')]);
    await fixture.keySets.restore();
    assert.equal(fixture.held(), undefined);
    assert.deepEqual(fixture.reads, ['shop/web']);
  });

  it('only public keys are taken, and few proxies are read', async () => {
    const fixture = new Fixture();
    const names = Array.from({ length: 50 }, (_, index) => `shop/web${index}`);
    fixture.mesh.apply([...POLICY, ...proxies(...names)]);
    await fixture.keySets.restore();
    assert.equal(fixture.reads.length, 4);
    const another = new Fixture();
    another.files.set('shop/web', holding([{ ...OLD_KEY, d: 'AQAB' }]));
    another.mesh.apply([...POLICY, ...proxies('shop/web')]);
    await another.keySets.restore();
    assert.deepEqual(another.mesh.keysIn('shop', URI), [OLD_KEY]);
  });

  it('what cannot be read is logged, and fetched like any other', async () => {
    const fixture = new Fixture();
    fixture.files.set('shop/web', 'unreadable');
    await fixture.start(POLICY, proxies('shop/web'));
    assert.match(fixture.logged[0]!, /^warn .*no answer/);
    assert.deepEqual(fixture.held()?.keys, [EC_KEY]);
  });

  it('the start does not wait forever for what cannot be read', async () => {
    const fixture = new Fixture();
    fixture.files.set('shop/web', 'hanging');
    fixture.mesh.apply([...POLICY, ...proxies('shop/web')]);
    let restored = false;
    const restoring = fixture.keySets.restore().then(() => {
      restored = true;
    });
    await fixture.clock.advance(9_999);
    assert.equal(restored, false);
    await fixture.clock.advance(1);
    await restoring;
    assert.equal(fixture.clock.pendingTimers, 0);
  });
});
