import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { parseAnswer } from './parse-answer.ts';

describe("a sidecar's answer", () => {
  it('is its JSON', () => assert.deepEqual(parseAnswer(200, '[{"a":1}]\n'), [{ a: 1 }]));

  const bad: [what: string, status: number, text: string, words: RegExp][] = [
    ['no JSON', 200, '<html>', /^Error: the sidecar answered with something else than JSON$/],
    ['half of it', 200, '[{"a":', /something else than JSON/],
    ['nothing', 200, '', /something else than JSON/],
    ['404', 404, 'there are …', /^Error: the sidecar is of a version that does not know this question$/],
    ['an error with its reason', 400, '{"error":"no body"}', /^Error: the sidecar answered 400: no body$/],
    [
      'an error whose reason is no text',
      500,
      '{"error":{}}',
      /^Error: the sidecar answered 500: \{"error":\{\}\}$/,
    ],
    ['an error of many words', 500, 'x'.repeat(9_000), /^Error: the sidecar answered 500: x{300}$/],
    ['an error of many words in JSON', 500, `{"error":"${'x'.repeat(9_000)}"}`, /: x{300}$/],
    ['no status', Number.NaN, 'hello', /^Error: what answered there is no sidecar$/],
    ['a status that is none', 7, '', /no sidecar/],
  ];
  for (const [what, status, text, words] of bad) {
    it(`is refused when it is ${what}`, () => assert.throws(() => parseAnswer(status, text), words));
  }
});
