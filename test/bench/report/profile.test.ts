import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type CpuProfile, profileText, selfTimes, sharesByPlace, sourcesOf } from './profile.ts';

const frame = (id: number, functionName: string, url = '', lineNumber = 0) => ({
  id,
  callFrame: { functionName, url, lineNumber },
});
const PROFILE: CpuProfile = {
  nodes: [
    frame(1, '(root)'),
    frame(2, '(idle)'),
    frame(3, 'parse', 'file:///b.mjs', 4),
    frame(4, 'parse', 'file:///b.mjs', 4),
    frame(5, 'writev'),
    frame(6, 'push', 'node:internal/streams/readable'),
  ],
  samples: [2, 3, 4, 5, 6, 3],
  timeDeltas: [0, 1000, 100, 200, 600, 100],
};
const placeOf = (url: string, line: number) => (url.startsWith('file:') ? `a.ts:${line}` : url);

test('a sample counts until the next, and frames of one function are added up', () => {
  const times = selfTimes(PROFILE, placeOf);
  assert.deepEqual(
    times.map(({ name, selfUs }) => [name, selfUs]),
    [
      ['writev', 600],
      ['parse', 300],
      ['push', 100],
    ],
  );
});

test('shares are of the time that was not idle', () => {
  const times = selfTimes(PROFILE, placeOf);
  assert.equal(times[0]!.share, 0.6);
  assert.ok(Math.abs(times.reduce((sum, { share }) => sum + share, 0) - 1) < 1e-9);
});

test('a profile without samples has no functions', () => {
  assert.deepEqual(selfTimes({ nodes: PROFILE.nodes, samples: [], timeDeltas: [] }, placeOf), []);
});

test('lines of a bundle are found in the module that starts before them', () => {
  const sourceOf = sourcesOf(
    'banner\n// sidecar/a.ts\nfunction a() {}\n// not a path\n// api/b.ts\nvar b;\n',
  );
  assert.deepEqual([0, 2, 3, 5].map(sourceOf), ['', 'sidecar/a.ts', 'sidecar/a.ts', 'api/b.ts']);
});

test('shares are added up by directory, by module of the runtime, and for what is native', () => {
  const time = (name: string, place: string, share: number) => ({ name, place, share, selfUs: share });
  const shares = sharesByPlace([
    time('a', 'sidecar/http1/x.ts', 0.2),
    time('b', 'sidecar/http1/y.ts', 0.25),
    time('writev', '', 0.3),
    time('open', '', 0.15),
    time('(garbage collector)', '', 0.1),
  ]);
  assert.deepEqual(
    shares.map(({ place, share }) => [place, Number(share.toFixed(2))]),
    [
      ['sidecar/http1', 0.45],
      ['(native functions)', 0.45],
      ['(garbage collector)', 0.1],
    ],
  );
});

test('the text has the first functions only', () => {
  const text = profileText(selfTimes(PROFILE, placeOf), 1);
  assert.match(text, /^ {3}60\.0 % {2}writev$/m);
  assert.doesNotMatch(text, /parse/);
});
