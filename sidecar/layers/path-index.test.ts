import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { PathIndex } from './path-index.ts';

interface Pattern {
  readonly kind: 'exact' | 'prefix';
  readonly text: string;
}

function indexOf(patterns: readonly Pattern[]): PathIndex<Pattern> {
  const index = new PathIndex<Pattern>();
  for (const pattern of patterns) {
    if (pattern.kind === 'exact') index.addExact(pattern.text, pattern);
    else index.addPrefix(pattern.text, pattern);
  }
  return index;
}

function lookup<T>(index: PathIndex<T>, path: string): readonly T[] {
  return index.found.slice(0, index.lookup(path)).flat();
}

const exact = (text: string): Pattern => ({ kind: 'exact', text });
const prefix = (text: string): Pattern => ({ kind: 'prefix', text });

test('a prefix is for whole segments', () => {
  const index = indexOf([prefix('/v2')]);
  for (const path of ['/v2', '/v2/', '/v2/x']) assert.equal(index.lookup(path), 1, path);
  for (const path of ['/', '/v', '/v2x', '/v20/x', '/V2', '/x/v2']) assert.equal(index.lookup(path), 0, path);
});

test('an exact path is for itself only', () => {
  const index = indexOf([exact('/v2')]);
  assert.equal(index.lookup('/v2'), 1);
  for (const path of ['/', '/v', '/v2/', '/v2/x', '/v2x']) assert.equal(index.lookup(path), 0, path);
});

test('what is less specific is found first', () => {
  const index = indexOf([exact('/a/b'), prefix('/a/b'), prefix('/a'), prefix('')]);
  assert.deepEqual(lookup(index, '/a/b'), [prefix(''), prefix('/a'), prefix('/a/b'), exact('/a/b')]);
});

test('what an earlier lookup found does not count for the next', () => {
  const index = indexOf([prefix(''), prefix('/a'), exact('/a/b')]);
  assert.equal(index.lookup('/a/b'), 3);
  assert.deepEqual(lookup(index, '/c'), [prefix('')]);
});

test('items of one path stay in the order in which they were added', () => {
  const index = new PathIndex<number>();
  for (const item of [3, 1, 2]) index.addPrefix('/a', item);
  assert.deepEqual(lookup(index, '/a/x'), [3, 1, 2]);
});

test('an empty index finds nothing', () => {
  for (const path of ['', '/', '/a']) assert.equal(new PathIndex<number>().lookup(path), 0);
});

const path = fc
  .array(fc.constantFrom('a', 'b', 'ab', 'abc', '', 'é', '%C3'), { maxLength: 5 })
  .map((segments) => segments.map((segment) => `/${segment}`).join(''));
const pattern = fc.record({ kind: fc.constantFrom('exact', 'prefix'), text: path });

test('the index finds what comparing with every pattern finds', () => {
  fc.assert(
    fc.property(fc.array(pattern, { maxLength: 30 }), fc.array(path, { minLength: 1 }), (patterns, paths) => {
      const index = indexOf(patterns);
      for (const asked of paths) {
        const expected = patterns.filter((each) => holdsFor(each, asked));
        assert.deepEqual(sorted(lookup(index, asked)), sorted(expected), asked);
      }
    }),
    { numRuns: 3_000 },
  );
});

function holdsFor({ kind, text }: Pattern, asked: string): boolean {
  return asked === text || (kind === 'prefix' && asked.startsWith(`${text}/`));
}

function sorted(patterns: readonly Pattern[]): readonly string[] {
  return patterns.map(({ kind, text }) => `${kind} ${text}`).sort();
}
