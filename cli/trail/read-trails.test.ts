import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { readTrails } from './read-trails.ts';
import { inbound } from './record.fixture.ts';

const { record } = inbound();

describe("a sidecar's answer about kept requests", () => {
  it('is taken with a path and without one', () => {
    const records = [record, { ...record, path: undefined }];
    assert.deepEqual(readTrails(records), records);
    assert.deepEqual(readTrails([]), []);
  });

  const bad: [what: string, answer: unknown][] = [
    ['null', null],
    ['an object', { records: [] }],
    ['a list of null', [null]],
    ['a record without fields', [{}]],
    ['a record one of whose texts is a number', [{ ...record, caller: 7 }]],
    ['a record one of whose numbers is a text', [{ ...record, endedMs: 'x' }]],
    ['a path that is none', [{ ...record, path: {} }]],
    ['another direction', [{ ...record, direction: 'sideways' }]],
    ['a time that is none', [{ ...record, endedMs: 1e300 }]],
    ['more records than one sidecar keeps', Array.from({ length: 10_001 }, () => record)],
  ];
  for (const [what, answer] of bad) {
    it(`is refused when it is ${what}`, () => {
      assert.throws(
        () => readTrails(answer),
        /^Error: the sidecar answered with something else than kept requests$/,
      );
    });
  }
});
