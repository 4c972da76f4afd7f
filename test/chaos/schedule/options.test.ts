import assert from 'node:assert/strict';
import { test } from 'node:test';
import { allKinds } from './actions.ts';
import { type Options, readOptions } from './options.ts';

const read = (...args: string[]) => readOptions(args, () => 77);

test('without options it is ten minutes of a seed by chance', () => {
  assert.deepEqual(read(), { seed: 77, minutes: 10, without: [], list: false, isJson: false });
});

test('options are what they say', () => {
  assert.deepEqual(read('--seed', '0', '--minutes', '2.5', '--list', '-o', 'json'), {
    ...{ seed: 0, minutes: 2.5, without: [], list: true, isJson: true },
  });
  assert.equal((read('--summary', 'a.json') as Options).summary, 'a.json');
  assert.deepEqual((read('--without', 'rollout,kill-app') as Options).without, ['rollout', 'kill-app']);
  assert.equal(read('--help'), 'help');
});

for (const [args, message] of [
  [['--seed', '-1'], /ambiguous|integer from 0/],
  [['--seed=-1'], /an integer from 0 to 4294967295, not -1/],
  [['--seed', '1.5'], /not 1\.5/],
  [['--seed', '4294967296'], /not 4294967296/],
  [['--seed', 'x'], /not NaN/],
  [['--seed', ''], /not NaN/],
  [['--minutes', '1'], /2 to 1440 minutes, not 1/],
  [['--minutes', '1441'], /not 1441/],
  [['--minutes', 'soon'], /not NaN/],
  [['-o', 'yaml'], /-o takes json/],
  [['--summary', ''], /name of a file/],
  [['--without', 'calm'], /takes rollout, .*, not "calm"/],
  [['--without', ''], /not ""/],
  [['--without', 'rollout, scale'], /not " scale"/],
  [['--without', allKinds().join()], /leaves nothing/],
  [['--hours', '1'], /--hours/],
  [['4'], /4/],
] as const) {
  test(`${args.join(' ')} is refused`, () => {
    assert.throws(() => read(...args), message);
  });
}
