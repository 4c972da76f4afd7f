import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { VerdictChange, Verdicts } from './verdicts.ts';
import { notAskedText, verdictsText } from './verdicts-text.ts';

const CHANGE: VerdictChange = {
  ...{ kind: 'denied', direction: 'inbound', caller: 'spiffe://td/ns/shop/sa/web', method: 'POST' },
  ...{ path: '/v1/{id}', from: 'allowed: no rule denies it', to: 'denied by rule r of shop/p', count: 12 },
  proxies: ['shop/pay-1', 'shop/pay-2'],
};
const NONE: Verdicts = {
  ...{
    minutes: 15,
    judged: 40,
    unchanged: 40,
    changes: [],
    notJudged: 0,
    notListed: 0,
    notes: [],
    shorter: [],
  },
  ...{ asked: 2, unanswered: [], leftOut: 0 },
};
const textOf = (more: Partial<Verdicts>) => verdictsText({ ...NONE, ...more }).join('\n');

describe('verdicts for people', () => {
  it('say how many requests change, of what kind, and from what to what', () => {
    const rerouted: VerdictChange = {
      ...CHANGE,
      ...{ kind: 'rerouted', direction: 'outbound', count: 1, proxies: ['shop/web'] },
    };
    assert.equal(
      textOf({ unchanged: 27, changes: [CHANGE, rerouted] }),
      `
recorded traffic: 40 requests of the last 15 min at 2 proxies, 27 with the same verdict
  12 would be denied
    12  POST /v1/{id} from spiffe://td/ns/shop/sa/web at shop/pay-1, shop/pay-2
        allowed: no rule denies it → denied by rule r of shop/p
  1 would go elsewhere
    1  POST /v1/{id} from spiffe://td/ns/shop/sa/web sent by shop/web
       allowed: no rule denies it → denied by rule r of shop/p`,
    );
  });

  for (const [what, verdicts, line] of [
    ['nothing changes', {}, '40 requests of the last 15 min at 2 proxies, all with the same verdict'],
    [
      'everything changes',
      { unchanged: 0 },
      '40 requests of the last 15 min at 2 proxies, none with the same',
    ],
    ['one request', { judged: 1, unchanged: 1 }, '1 request of the last 15 min'],
    [
      'nothing is recorded',
      { judged: 0 },
      'no request of the last 15 min at 2 proxies is of what would change',
    ],
    [
      'none could be judged in time',
      { judged: 0, notJudged: 7 },
      'no request of the last 15 min at 2 proxies was',
    ],
    ['one is silent', { unanswered: [{ proxy: 'a/b', reason: 'no' }] }, 'at 1 of 2 proxies'],
    [
      'all are silent',
      { unanswered: ['a/b', 'a/c'].map((proxy) => ({ proxy, reason: 'no' })) },
      'no proxy of 2 could be asked',
    ],
  ] as const) {
    it(`say so when ${what}`, () => assert.ok(textOf(verdicts).includes(line), textOf(verdicts)));
  }

  it('say what limits them', () => {
    const text = textOf({
      notListed: 3,
      notJudged: 12,
      notes: ['tokens are not kept'],
      shorter: [{ proxy: 'shop/pay-1', since: '2026-03-01T11:59:00Z' }],
      unanswered: [{ proxy: 'shop/pay-2', reason: 'not permitted\n\u001b[2J' }],
      leftOut: 7,
    });
    for (const line of [
      '  and 3 more requests whose verdict changes, too different to list',
      '  note: 7 more proxies would be told something else, too many to be asked',
      '  note: 12 more requests not judged: it would have taken a sidecar too long',
      '  note: tokens are not kept',
      '  note: shop/pay-1 has had so many requests that it knows only those since 2026-03-01T11:59:00Z',
      '  note: shop/pay-2 could not be asked: not permitted??[2J',
    ]) {
      assert.ok(text.split('\n').includes(line), `${line}\nin\n${text}`);
    }
  });

  it('list so many of a kind, and so many proxies, and count the others', () => {
    const changes = Array.from({ length: 25 }, (_, n) => ({ ...CHANGE, path: `/v${n}x` }));
    const unanswered = Array.from({ length: 14 }, (_, n) => ({ proxy: `shop/p${n}`, reason: 'no' }));
    const lines = textOf({ changes, unanswered, asked: 99 }).split('\n');
    assert.equal(lines.filter((line) => line.includes('POST /v')).length, 20);
    assert.ok(lines.includes('    and 5 more kinds: -o json lists them'));
    assert.ok(lines.includes('  note: and 4 more: -o json lists them'));
    assert.match(lines.join('\n'), /300 would be denied/);
  });

  it('let nothing that a client sent steer the terminal', () => {
    const text = textOf({ changes: [{ ...CHANGE, path: '/\u001b[31m', caller: 'a\nb' }] });
    assert.match(text, /POST \/\?\[31m from a\?b at/);
  });

  it('say why nothing is known', () => {
    assert.deepEqual(notAskedText('no mesh of x runs here'), [
      '',
      'recorded traffic: could not be asked about: no mesh of x runs here',
    ]);
  });
});
