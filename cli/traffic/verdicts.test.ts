import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { AffectedProxy } from '../../api/analysis.ts';
import type { Destination } from '../../api/destination.ts';
import { REPLAY_MAX_BYTES, type ReplayChange, type ReplayResult } from '../../api/replay.ts';
import type { Access, Question, Sidecar } from '../access/access.ts';
import { addUp, verdictsOf } from './verdicts.ts';

const NOW_MS = Date.parse('2026-03-01T12:00:00Z');
const CHANGE: ReplayChange = {
  ...{ kind: 'denied', direction: 'inbound', caller: 'spiffe://td/ns/shop/sa/web', at: '10.0.0.2:80' },
  ...{ method: 'GET', path: '/v1', from: 'allowed', to: 'denied', count: 1 },
};
const result = (more: Partial<ReplayResult> = {}): ReplayResult => ({
  ...{
    proxyId: 'p',
    kept: 10,
    keptSinceMs: NOW_MS - 1_000,
    judged: 5,
    unchanged: 4,
    notJudged: 0,
    notListed: 0,
    notes: [],
  },
  ...{ changes: [CHANGE], ...more },
});
const destination = (key: string, endpoints = 0): Destination => ({
  ...{ version: { hash: 'h', policies: {} }, key, name: 'api', namespace: 'shop' },
  endpoints: Array.from({ length: endpoints }, (_, n) => ({ address: `10.0.0.${n % 256}`, port: 80 })),
});

describe('verdicts of several sidecars', () => {
  it('add up where requests are alike at pods with other addresses, the most frequent first', () => {
    const other = { ...CHANGE, path: '/v2', count: 3 };
    const { judged, unchanged, notListed, changes } = addUp(
      [
        { proxy: 'shop/b', result: result({ notListed: 2 }) },
        {
          proxy: 'shop/a',
          result: result({ changes: [{ ...CHANGE, at: '10.0.0.3:80' }, other], judged: 7 }),
        },
      ],
      15,
      NOW_MS,
    );
    assert.deepEqual([judged, unchanged, notListed], [12, 8, 2]);
    assert.deepEqual(
      changes.map(({ path, count, proxies }) => [path, count, proxies]),
      [
        ['/v2', 3, ['shop/a']],
        ['/v1', 2, ['shop/a', 'shop/b']],
      ],
    );
    assert.ok(changes.every((change) => !('at' in change)));
  });

  it('stay apart where anything else differs', () => {
    const fields = { kind: 'limited', method: 'POST', path: '/x', caller: 'c', from: 'f', to: 't' } as const;
    for (const [field, value] of Object.entries(fields)) {
      const both = [CHANGE, { ...CHANGE, [field]: value }];
      const { changes } = addUp([{ proxy: 'p', result: result({ changes: both }) }], 15, NOW_MS);
      assert.equal(changes.length, 2, field);
    }
  });

  it('say how many requests were left out', () => {
    const both = [result({ notJudged: 2 }), result({ notJudged: 3 })];
    const results = both.map((each, n) => ({ proxy: `p${n}`, result: each }));
    assert.equal(addUp(results, 15, NOW_MS).notJudged, 5);
  });

  it('say a note once, and who has forgotten part of the time', () => {
    const full = { kept: 2_048, keptSinceMs: NOW_MS - 60_000, notes: ['tokens are not kept'] };
    const { notes, shorter } = addUp(
      [
        { proxy: 'shop/full', result: result(full) },
        { proxy: 'shop/old', result: result({ ...full, keptSinceMs: NOW_MS - 16 * 60_000 }) },
        { proxy: 'shop/new', result: result({ ...full, kept: 100 }) },
      ],
      15,
      NOW_MS,
    );
    assert.deepEqual(notes, ['tokens are not kept']);
    assert.deepEqual(shorter, [{ proxy: 'shop/full', since: '2026-03-01T11:59:00Z' }]);
  });

  it('of nobody are none', () => {
    const { judged, changes, shorter } = addUp([], 15, NOW_MS);
    assert.deepEqual([judged, changes, shorter], [0, [], []]);
  });
});

describe('asking the affected sidecars', () => {
  const sidecars = ['a', 'b', 'c'].map((name): Sidecar => ({ namespace: 'shop', name, ready: true }));
  const affected = (name: string, destinations: readonly Destination[]): AffectedProxy => ({
    ...{ namespace: 'shop', name, proxyId: name, destinations },
  });
  const accessTo = (answer: (sidecar: Sidecar, question: Question) => unknown) =>
    ({
      proxies: async () => sidecars,
      ask: async (sidecar: Sidecar, question: Question) => answer(sidecar, question),
    }) as unknown as Access;
  const SETTINGS = { minutes: 15, leftOut: 0 };

  it('asks those, and no others', async () => {
    const asked: string[] = [];
    const access = accessTo(({ name }, { method, path, body }) => {
      asked.push(`${name} ${method} ${path} ${JSON.parse(body!).minutes}`);
      return result();
    });
    const verdicts = await verdictsOf(access, [affected('b', [destination('shop/api:80')])], SETTINGS);
    assert.deepEqual(asked, ['b POST /replay 15']);
    assert.deepEqual([verdicts.asked, verdicts.judged, verdicts.unanswered], [1, 5, []]);
  });

  it('names who does not run, who refuses, and who answers with something else, and goes on', async () => {
    const access = accessTo(({ name }) => {
      if (name === 'a') throw new Error('no pods/exec');
      return name === 'b' ? { judged: 'many' } : result();
    });
    const all = ['a', 'b', 'c', 'gone'].map((name) => affected(name, [destination('shop/api:80')]));
    const { unanswered, judged, asked } = await verdictsOf(access, all, SETTINGS);
    assert.deepEqual([judged, asked], [5, 4]);
    assert.deepEqual(
      unanswered.map(({ proxy, reason }) => `${proxy}: ${reason}`),
      [
        'shop/gone: it does not run',
        'shop/a: no pods/exec',
        'shop/b: the sidecar answered with something else than verdicts',
      ],
    );
  });

  it('asks in several bodies, one after the other, what is too much for one, and adds the answers up', async () => {
    let open = 0;
    let bodies = 0;
    const keys: string[] = [];
    const access = accessTo(async (_, { body }) => {
      open += 1;
      assert.equal(open, 1, 'a sidecar judges one body at a time');
      assert.ok(Buffer.byteLength(body!) <= REPLAY_MAX_BYTES);
      keys.push(...JSON.parse(body!).destinations.map(({ key }: Destination) => key));
      await new Promise((resolve) => setImmediate(resolve));
      open -= 1;
      bodies += 1;
      return result({ notJudged: bodies });
    });
    const many = Array.from({ length: 5 }, (_, n) => destination(`shop/api:${n + 1}`, 12_000));
    const verdicts = await verdictsOf(access, [affected('a', many)], SETTINGS);
    assert.deepEqual(
      keys,
      many.map(({ key }) => key),
    );
    assert.ok(bodies > 1, 'more than one body');
    assert.equal(
      verdicts.notJudged,
      bodies,
      'each leaves out the latest: together those of the one that left out most',
    );
    assert.equal(verdicts.changes[0]?.count, verdicts.judged / 5);
  });

  it('names one whose destination alone is too large', async () => {
    const access = accessTo(() => assert.fail('nobody is to be asked'));
    const huge = destination('shop/api:80', 200_000);
    const { unanswered } = await verdictsOf(access, [affected('a', [huge])], SETTINGS);
    assert.match(unanswered[0]!.reason, /too large/);
  });
});
