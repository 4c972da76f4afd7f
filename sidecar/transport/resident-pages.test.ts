import assert from 'node:assert/strict';
import { test } from 'node:test';
import { droppable, dropStartupPages } from './resident-pages.ts';

const mapping = (range: string, permissions: string, path: string, anonymousKb: number) =>
  `${range} ${permissions} 00000000 fe:00 42                   ${path}
Size:                 12 kB
Rss:                   8 kB
Anonymous:      ${String(anonymousKb).padStart(6)} kB
VmFlags: rd ex mr mw me
`;

const KEPT: readonly (readonly [why: string, text: string])[] = [
  ['the loader has written to it', mapping('1000-4000', 'r--p', '/usr/bin/node', 4)],
  ['it can be written to', mapping('1000-4000', 'rw-p', '/usr/bin/node', 0)],
  ['it is shared', mapping('1000-4000', 'r--s', '/usr/bin/node', 0)],
  ['it is of no file', mapping('1000-4000', 'r-xp', '', 0)],
  ['it is the kernel’s', mapping('1000-4000', 'r-xp', '[vdso]', 0)],
];

for (const [why, text] of KEPT) {
  test(`a mapping is kept when ${why}`, () => assert.deepEqual(droppable(text), []));
}

test('read-only mappings of files of which nothing was written are dropped', () => {
  const text =
    mapping('400000-403000', 'r-xp', '/usr/bin/node', 0) + mapping('5000-6000', 'r--p', '/lib/a b.so', 0);
  assert.deepEqual(droppable(text), [
    { start: 0x400000, bytes: 0x3000 },
    { start: 0x5000, bytes: 0x1000 },
  ]);
});

test('the process goes on after its own pages are dropped', () => {
  assert.ok(dropStartupPages() > 0);
  assert.equal(JSON.stringify(structuredClone({ a: [1, 2] })), '{"a":[1,2]}');
});
