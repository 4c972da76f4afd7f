import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Access, Sidecar } from './access.ts';
import { askAll, reportUnanswered } from './ask-all.ts';

const sidecars = (count: number): Sidecar[] =>
  Array.from({ length: count }, (_, i) => ({ namespace: 'shop', name: `web-${i}`, ready: true }));

/** Only to be asked. */
function fakeAccess(ask: Access['ask']): Access {
  return { ask } as Access;
}
const question = () => ({ method: 'GET', path: '/config' }) as const;

describe('asking every sidecar', () => {
  it('sorts the answers by name, whoever answers first', async () => {
    const access = fakeAccess(async ({ name }) => {
      if (name === 'web-0') await new Promise((resolve) => setTimeout(resolve, 5));
      return name;
    });
    const { answered } = await askAll(access, sidecars(3), question);
    assert.deepEqual(
      answered.map(({ answer }) => answer),
      ['web-0', 'web-1', 'web-2'],
    );
  });

  it('names who cannot be asked and still has the others answer', async () => {
    const access = fakeAccess(async ({ name }) => {
      if (name !== 'web-1') throw new Error(`no ${name}`);
      return 'fine';
    });
    const { answered, unanswered } = await askAll(access, sidecars(3), question);
    assert.equal(answered.length, 1);
    assert.deepEqual(unanswered, [
      { proxy: 'shop/web-0', reason: 'no web-0' },
      { proxy: 'shop/web-2', reason: 'no web-2' },
    ]);
  });

  it('counts an answer that cannot be read as none', async () => {
    const { answered, unanswered } = await askAll(
      fakeAccess(async () => 7),
      sidecars(1),
      question,
      () => {
        throw new Error('not this');
      },
    );
    assert.deepEqual([answered, unanswered], [[], [{ proxy: 'shop/web-0', reason: 'not this' }]]);
  });

  it('asks at most eight at a time', async () => {
    let now = 0;
    let most = 0;
    const access = fakeAccess(async () => {
      now += 1;
      most = Math.max(most, now);
      await new Promise((resolve) => setImmediate(resolve));
      now -= 1;
    });
    assert.equal((await askAll(access, sidecars(40), question)).answered.length, 40);
    assert.equal(most, 8);
  });

  it('asks nobody of nobody', async () => {
    const never = fakeAccess(() => assert.fail('nobody is there'));
    assert.deepEqual(await askAll(never, [], question), { answered: [], unanswered: [] });
  });
});

describe('who could not be asked', () => {
  it('is told by name up to ten, in one line each that steers no terminal', (t) => {
    const error = t.mock.method(console, 'error', () => {});
    const reason = `\u001b[2J\nweft: all is well ${'x'.repeat(5_000)}`;
    reportUnanswered(Array.from({ length: 12 }, (_, i) => ({ proxy: `shop/web-${i}`, reason })));
    const lines = error.mock.calls.map(({ arguments: [line] }) => String(line));
    assert.equal(lines.length, 11);
    assert.equal(lines[10], 'weft: and 2 more could not be asked');
    assert.match(lines[0]!, /^weft: shop\/web-0 could not be asked: \?\[2J\?weft: all is well x+$/);
    assert.ok(lines.every((line) => line.length < 400));
  });
});
