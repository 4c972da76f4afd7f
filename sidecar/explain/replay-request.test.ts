import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { CONFIG_MAX_BYTES } from '../../api/names.ts';
import type { ReplayRequest } from '../../api/replay.ts';
import { destination, proxyConfig } from '../testing/fake-state.ts';
import { BadReplay, parseReplayRequest } from './replay-request.ts';

function parse(text: string): ReplayRequest {
  const steps = parseReplayRequest(text, 'api-proxy');
  for (;;) {
    const step = steps.next(false);
    if (step.done === true) return step.value;
  }
}
const type = 'RegularExpression' as const;
const byExpressions = (...values: string[]) => {
  const routes = values.map((value, n) => ({
    name: `r${n}`,
    match: n % 2 === 0 ? [{ path: { type, value } }] : [{ headers: [{ name: 'x', type, value }] }],
  }));
  return JSON.stringify({ destinations: [destination('a/b:1', [], { traffic: { routes } })] });
};

describe('what is asked of a replay', () => {
  const config = proxyConfig('api');
  it('is a configuration of this proxy and destinations', () => {
    const text = JSON.stringify({ config, destinations: [destination('a/b:1', [])], minutes: 0.5 });
    assert.deepEqual(parse(text).config, config);
  });
  it('may have as many expressions as the operator accepts, and what is none', () => {
    const text = byExpressions('a'.repeat(120), 'b'.repeat(120), '(');
    assert.equal(parse(text).destinations?.[0]?.traffic?.routes?.length, 3);
  });

  it('is read in as many steps as there are destinations', () => {
    const destinations = Array.from({ length: 20 }, (_, n) => destination(`a/b:${n + 1}`, []));
    const steps = parseReplayRequest(JSON.stringify({ destinations }), 'api-proxy');
    let count = 0;
    while (steps.next(false).done !== true) count += 1;
    assert.equal(count, 21);
  });

  for (const [what, body, message] of [
    ['no JSON', '{', /must be a JSON object/],
    ['a list', '[]', /must be a JSON object/],
    ['an unknown field', '{"apply":true}', /unknown field apply/],
    ['a configuration that is none', '{"config":{}}', /^config: /],
    [
      'a configuration of another proxy',
      JSON.stringify({ config: { ...config, proxyId: 'x' } }),
      /is for proxy x/,
    ],
    ['destinations that are no list', '{"destinations":{}}', /must be a list/],
    ['a destination that is none', '{"destinations":[1]}', /^destinations\[0\]/],
    ['too many destinations', JSON.stringify({ destinations: Array(4_097).fill(0) }), /at most 4096/],
    ['minutes that are none', '{"minutes":-1}', /minutes must be/],
    [
      'a configuration that no proxy is told',
      JSON.stringify({ config: { ...config, more: 'x'.repeat(CONFIG_MAX_BYTES) } }),
      /^config: \d+ bytes, .* at most 262144/,
    ],
    [
      'an expression that is larger than the operator accepts',
      byExpressions('a', '(a|b|c|d|e|[a-z]{1,50}){1,10}x'),
      /^destinations\[0\]: route r1: a regular expression is larger than 192 steps/,
    ],
    [
      'one that is large only once it is compiled',
      byExpressions('\\pL{70}'),
      /^destinations\[0\]: route r0: a regular expression is larger/,
    ],
    [
      'more expressions than the operator accepts together',
      byExpressions('a'.repeat(120), 'b'.repeat(120), 'c'.repeat(120)),
      /^destinations\[0\]: route r2: .* more than 256 steps together/,
    ],
    ['minutes as text', '{"minutes":"1"}', /minutes must be/],
  ] as const) {
    it(`is not ${what}`, () => {
      assert.throws(
        () => parse(body),
        (error) => error instanceof BadReplay && message.test(error.message),
      );
    });
  }
});
