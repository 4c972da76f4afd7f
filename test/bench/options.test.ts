import assert from 'node:assert/strict';
import { test } from 'node:test';
import { HOPS } from './hops/hops.ts';
import { readOptions, usage } from './options.ts';

const NAMES = ['plaintext', 'plaintext-post', 'memory-idle', 'memory-64'];
const read = (...args: string[]) => readOptions(args, NAMES);

test('without options everything is measured with the defaults', () => {
  const { only, candidates, repeats, seconds, json } = read();
  assert.deepEqual({ only, repeats, seconds, json }, { only: [], repeats: 5, seconds: 3, json: undefined });
  assert.deepEqual(candidates, ['nginx', 'haproxy', 'http-proxy', 'weft']);
});

test('a hop is chosen by its name, and a family by how its names begin', () => {
  assert.deepEqual(read('--only', 'plaintext').only, ['plaintext']);
  assert.deepEqual(read('--only', 'memory').only, ['memory-idle', 'memory-64']);
  assert.deepEqual(read('--only', 'memory-64', '--only', 'plaintext').only, ['plaintext', 'memory-64']);
});

test('--quick is overruled by what is said', () => {
  assert.deepEqual([read('--quick').repeats, read('--quick').seconds], [3, 1]);
  assert.equal(read('--quick', '--repeats', '9').repeats, 9);
});

test('flags of the runtime are split at blanks', () => {
  assert.deepEqual(read('--runtime-flags=--a=1  --b').runtimeFlags, ['--a=1', '--b']);
  assert.equal(read().runtimeFlags, undefined);
});

test('what is not known is refused with what there is', () => {
  assert.throws(() => read('--only', 'nonsense'), /no hop nonsense; there are: plaintext, /);
  assert.throws(() => read('--candidates', 'nginx,envoy'), /no candidate envoy; there are: nginx, /);
  assert.throws(() => read('--nonsense'), /--nonsense/);
});

test('numbers that are none are refused', () => {
  for (const bad of ['0', '-1', '1.5', 'x', '', '1001']) {
    assert.throws(() => read(`--repeats=${bad}`), /--repeats wants 1 to 1000/);
  }
});

test('the help names every hop, and no two hops have one name', () => {
  const text = usage(HOPS);
  for (const { name } of HOPS) assert.ok(text.includes(`  ${name} `), name);
  assert.equal(new Set(HOPS.map(({ name }) => name)).size, HOPS.length);
});
