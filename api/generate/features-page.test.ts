import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { FEATURE_TESTS, shownLeaves } from './features/all.ts';
import { featuresPage, leaves } from './features-page.ts';

const root = join(import.meta.dirname, '../..');
const TITLE = /\b(?:test|it)\(\s*(?:'((?:[^'\\]|\\.)*)'|`((?:[^`\\]|\\.)*)`)/g;

/** Of every test in a file, with `…` for what a template fills in, without the version of HTTP it is for. */
function titlesIn(file: string): Set<string> {
  const source = readFileSync(join(root, file), 'utf8');
  const titles = [...source.matchAll(TITLE)].map(([, plain, template]) => plain ?? template ?? '');
  return new Set(
    titles.map((title) => title.replace(/^\$\{version\}: /, '').replaceAll(/\$\{[^}]*\}/g, '…')),
  );
}

describe('the feature table', () => {
  test('has a test for every leaf of the schema', () => {
    const shown = shownLeaves();
    assert.deepEqual(
      leaves().flatMap(({ leafPath = '' }) => (shown.has(leafPath) ? [] : [leafPath])),
      [],
    );
  });

  test('has no test for what is no leaf of the schema', () => {
    const known = new Set(leaves().map(({ leafPath }) => leafPath));
    assert.deepEqual(
      [...shownLeaves().keys()].filter((leaf) => !known.has(leaf)),
      [],
    );
  });

  for (const { file, tests } of FEATURE_TESTS) {
    test(`names tests that are there, in ${file}`, () => {
      const titles = titlesIn(file);
      assert.deepEqual(
        Object.keys(tests).filter((title) => !titles.has(title)),
        [],
      );
    });
  }

  test('shows on the wire what sidecars do', () => {
    for (const { file, by } of FEATURE_TESTS) {
      assert.match(file, by === 'operator' ? /^operator\// : /^sidecar\/data-path\./, file);
    }
  });

  test('has a row for every leaf, with its meaning, its enforcer and a link', () => {
    const rows = featuresPage()
      .split('\n')
      .filter((line) => line.startsWith('| `spec.'));
    assert.equal(rows.length, leaves().length);
    for (const line of rows) {
      assert.match(
        line,
        /^\| `spec\.[^`]+` \| [^|]+ \| [a-z’ ,]+ \| \[[^\]]+\]\(\.\.\/\.\.\/[^)]+\.test\.ts\)/,
      );
    }
  });
});
