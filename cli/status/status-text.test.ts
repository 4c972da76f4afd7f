import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { condition, policy } from './policy.fixture.ts';
import type { ProxyView } from './proxy-view.ts';
import { statusText } from './status-text.ts';

const NOW_MS = Date.UTC(2026, 0, 1);
const in_ = (minutes: number) => new Date(NOW_MS + minutes * 60_000).toISOString();
const PROXY: ProxyView = {
  ...{ proxy: 'shop/web-1', ready: true, stream: 'up', configuration: '0123456789', behind: [] },
  certificateExpires: in_(23 * 60 + 5),
};

describe('the status of a mesh, for people', () => {
  it('is two tables', () => {
    assert.deepEqual(statusText([PROXY], [policy()], NOW_MS), [
      'PROXY       READY  STREAM  CONFIGURATION     CERTIFICATE',
      'shop/web-1  yes    up      01234567 current  23h5m left',
      '',
      'POLICY         GENERATION  ACCEPTED  RESOLVED  IN FORCE       CONFLICTED',
      'shop/payments  3           True      True      True (2 of 2)  False',
    ]);
  });

  it('says so where there is nothing', () => {
    assert.deepEqual(statusText([], [], NOW_MS), ['no pod with a sidecar', '', 'no policy']);
  });

  const row = (change: Partial<ProxyView>) => statusText([{ ...PROXY, ...change }], [], NOW_MS)[1]!;

  it('tells of a proxy what it lacks', () => {
    assert.match(
      row({ behind: ['shop/payments 2 of 3'] }),
      /01234567 behind .* older than it should be: shop\/payments 2 of 3$/,
    );
    assert.match(row({ ready: false, stream: 'down', problem: 'no stream' }), /no {5}down .* no stream$/);
    assert.match(row({ certificateExpires: in_(0) }), / expired$/);
    assert.match(row({ certificateExpires: in_(59) }), / 59m left$/);
  });

  it('has a question mark for what could not be asked', () => {
    const lines = statusText(
      [{ proxy: 'shop/web-1', ready: true, problem: 'could not be asked: no' }],
      [],
      NOW_MS,
    );
    assert.equal(lines[1], 'shop/web-1  yes    ?       ?              ?            could not be asked: no');
  });

  const remark = (...change: Parameters<typeof policy>) =>
    statusText([], [policy(...change)], NOW_MS).at(-1)!;

  it('tells of a policy what is wrong, the first thing first', () => {
    const refused = [
      condition('InForce', 'False'),
      condition('Accepted', 'False', { reason: 'Invalid', message: 'bad' }),
    ];
    assert.match(remark({ conditions: refused }), / Invalid: bad$/);
    const conflicted = [condition('Conflicted', 'True', { reason: 'Older', message: 'shop/a wins' })];
    assert.match(remark({ conditions: conflicted }), / Older: shop\/a wins$/);
  });

  it('tells that a generation is not seen yet, and says nothing of what is not known', () => {
    assert.match(remark({ observedGeneration: 2 }), /^shop\/payments {2}3 \(not seen yet\)/);
    const unknown = remark({ generation: undefined, conditions: [], proxies: undefined });
    assert.equal(unknown, 'shop/payments  ? (not seen yet)  -         -         -         -');
  });
});
