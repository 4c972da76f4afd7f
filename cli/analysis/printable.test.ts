import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { parse } from 'yaml';
import { printed } from './print.ts';
import { printable } from './printable.ts';

const HOSTILE: readonly [what: string, code: number][] = [
  ['NUL', 0x00],
  ['a bell', 0x07],
  ['a tab', 0x09],
  ['a line break', 0x0a],
  ['a return', 0x0d],
  ['an escape', 0x1b],
  ['a delete', 0x7f],
  ['a C1 control', 0x9b],
  ['a line separator', 0x2028],
  ['a right-to-left override', 0x202e],
  ['half a pair', 0xd83d],
  ['a tag', 0xe0041],
];
const isSteering = (text: string) => /[\p{C}\p{Zl}\p{Zp}]/u.test(text.replaceAll('\n', ''));

describe('what others wrote', () => {
  for (const [what, code] of HOSTILE) {
    it(`is shown with a question mark for ${what}`, () => {
      assert.equal(printable(`a${String.fromCodePoint(code)}b`), 'a?b');
    });
  }

  it('is shown as it is where it can be seen', () => {
    for (const text of ['/v1/x?y=%1b', 'größer → kleiner …', '日本', '🧶'])
      assert.equal(printable(text), text);
  });

  it('steers the terminal in no format, and JSON still means the same', () => {
    const text = fc.string({ unit: 'binary', maxLength: 30 });
    fc.assert(
      fc.property(fc.dictionary(text, text, { noNullPrototype: true }), (value) => {
        const json = printed('json', value, () => []);
        assert.deepEqual(JSON.parse(json), value);
        assert.ok(!isSteering(json));
        assert.ok(!isSteering(printed('yaml', value, () => [])));
        assert.ok(!isSteering(printed('text', value, () => Object.entries(value).flat())));
      }),
    );
  });

  it('has one line for each line', () => {
    assert.equal(
      printed('text', {}, () => ['a\nb', 'c  ']),
      'a?b\nc\n',
    );
    assert.deepEqual(parse(printed('yaml', { a: [1, 2] }, () => [])), { a: [1, 2] });
  });
});
