import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import type { Version } from '../../api/version.ts';
import {
  acknowledge,
  compareMounted,
  compareStreamed,
  EMPTY_HISTORY,
  fingerprint,
  type History,
  olderThanHeld,
  parseHistory,
  serializeHistory,
} from './version.ts';

const v = (hash: string, policies: Record<string, number> = {}): Version => ({ hash, policies });
const after = (...versions: Version[]): History => versions.reduce(acknowledge, EMPTY_HISTORY);

describe('which configuration may replace which', () => {
  const table: [
    name: string,
    acknowledged: Version[],
    offered: Version,
    streamed: string,
    mounted: string,
  ][] = [
    ['anything replaces nothing', [], v('a', { x: 3 }), 'newer', 'newer'],
    ['the same is the same', [v('a', { x: 3 })], v('a', { x: 3 }), 'same', 'same'],
    ['a higher generation is newer', [v('a', { x: 3 })], v('b', { x: 4 }), 'newer', 'newer'],
    ['a lower generation is older', [v('a', { x: 3 })], v('b', { x: 2 }), 'older', 'older'],
    ['one lower outweighs one higher', [v('a', { x: 3, y: 1 })], v('b', { x: 2, y: 9 }), 'older', 'older'],
    [
      'the same bytes of a newer generation are newer',
      [v('a', { x: 3 })],
      v('a', { x: 4 }),
      'newer',
      'newer',
    ],
    ['a new policy is newer', [v('a', { x: 3 })], v('b', { x: 3, y: 1 }), 'newer', 'newer'],
    ['a deleted policy is newer', [v('a', { x: 3, y: 1 })], v('b', { x: 3 }), 'newer', 'newer'],
    ['other content of the same policies is newer', [v('a', { x: 3 })], v('b', { x: 3 }), 'newer', 'newer'],
    [
      'a deleted policy does not come back at a lower generation',
      [v('a', { x: 3 }), v('b')],
      v('c', { x: 2 }),
      'older',
      'older',
    ],
    [
      'only the stream brings a policy back at the generation it left with',
      [v('a', { x: 3 }), v('b')],
      v('c', { x: 3 }),
      'newer',
      'older',
    ],
    [
      'a policy that comes back beside a newer one is newer',
      [v('a', { x: 3, y: 1 }), v('b', { y: 1 })],
      v('c', { x: 3, y: 2 }),
      'newer',
      'newer',
    ],
    ['the mount shows what was replaced', [v('a'), v('b')], v('a'), 'newer', 'older'],
    ['a policy of generation 0 is new', [v('a')], v('b', { x: 0 }), 'newer', 'newer'],
    [
      'names of built-in properties are names like others',
      [v('a', JSON.parse('{"__proto__": 3}'))],
      v('b', JSON.parse('{"__proto__": 2}')),
      'older',
      'older',
    ],
  ];
  for (const [name, acknowledged, offered, streamed, mounted] of table) {
    it(name, () => {
      const history = after(...acknowledged);
      assert.equal(compareStreamed(history, offered).order, streamed, 'from the stream');
      assert.equal(compareMounted(history, offered).order, mounted, 'from the mount');
    });
  }

  it('says which policy is older', () => {
    assert.deepEqual(compareStreamed(after(v('a', { x: 3 })), v('b', { x: 2 })), {
      order: 'older',
      reason: 'policy x is at generation 2, 3 has been acknowledged',
    });
  });

  it('forgets that a version was replaced when the stream brings it back', () => {
    assert.equal(compareMounted(after(v('a'), v('b'), v('a')), v('b')).order, 'older');
    assert.equal(compareMounted(after(v('a'), v('b'), v('a')), v('a')).order, 'same');
  });

  it('compares two versions of one destination by their generations', () => {
    assert.match(olderThanHeld(v('a', { x: 2 }), v('b', { x: 1 })) ?? '', /generation 1/);
    assert.equal(olderThanHeld(v('a', { x: 2 }), v('b', { x: 2 })), undefined);
    assert.equal(olderThanHeld(v('a', { x: 2 }), v('b')), undefined);
  });
});

const uid = fc.constantFrom('a', 'b', 'c', 'd', '__proto__');
const version = fc.record({
  hash: fc.constantFrom('1', '2', '3', '4'),
  policies: fc
    .array(fc.tuple(uid, fc.nat(6)), { maxLength: 5 })
    .map((entries): Record<string, number> => Object.fromEntries(entries)),
});
const offers = fc.array(fc.tuple(fc.boolean(), version), { maxLength: 40 });

/** The history after taking what may be taken, and every version that was taken. */
function run(sequence: [boolean, Version][]) {
  let history: History = EMPTY_HISTORY;
  const taken: Version[] = [];
  for (const [fromMount, offered] of sequence) {
    const order = (fromMount ? compareMounted : compareStreamed)(history, offered).order;
    if (order !== 'newer') continue;
    history = acknowledge(history, offered);
    taken.push(offered);
  }
  return { history, taken };
}

describe('for any sequence of offers', () => {
  it('the generation of a policy never goes back, not even over a deletion', () => {
    fc.assert(
      fc.property(offers, (sequence) => {
        const highest = new Map<string, number>();
        for (const { policies } of run(sequence).taken) {
          for (const [name, generation] of Object.entries(policies)) {
            assert.ok(generation >= (highest.get(name) ?? 0), `${name} went back to ${generation}`);
            highest.set(name, generation);
          }
        }
      }),
    );
  });

  it('what was taken last is the same as itself', () => {
    fc.assert(
      fc.property(offers, version, (sequence, last) => {
        const history = acknowledge(run(sequence).history, last);
        assert.equal(compareStreamed(history, last).order, 'same');
        assert.equal(compareMounted(history, last).order, 'same');
      }),
    );
  });

  it('whatever the mount may bring the stream may bring too', () => {
    fc.assert(
      fc.property(offers, version, (sequence, offered) => {
        const { history } = run(sequence);
        if (compareMounted(history, offered).order !== 'newer') return;
        assert.equal(compareStreamed(history, offered).order, 'newer');
      }),
    );
  });

  it('a history survives being written and read', () => {
    fc.assert(
      fc.property(offers, (sequence) => {
        const { history } = run(sequence);
        assert.deepEqual(parseHistory(JSON.parse(JSON.stringify(serializeHistory(history)))), history);
      }),
    );
  });

  it('a history stays bounded', () => {
    let history: History = EMPTY_HISTORY;
    for (let i = 0; i < 3000; i++) history = acknowledge(history, v(`h${i}`, { [`u${i}`]: 1 }));
    assert.equal(history.tombstones.size, 1024);
    assert.equal(history.replaced.length, 64);
    assert.ok(history.tombstones.has('u2998'), 'the newest are kept');
    assert.ok(history.replaced.includes(fingerprint(v('h2998', { u2998: 1 }))));
  });
});

describe('a stored history', () => {
  const bad: [string, unknown][] = [
    ['null', null],
    ['no lists', {}],
    ['entries that are no pairs', { policies: [['a']], tombstones: [], replaced: [] }],
    ['generations that are no integers', { policies: [['a', 'b']], tombstones: [], replaced: [] }],
    ['fingerprints that are no strings', { policies: [], tombstones: [], replaced: [1] }],
    ['a current that is no string', { policies: [], tombstones: [], replaced: [], current: 1 }],
  ];
  for (const [name, value] of bad) {
    it(`with ${name} is refused`, () => assert.throws(() => parseHistory(value)));
  }
});
