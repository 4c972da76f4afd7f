import assert from 'node:assert/strict';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { ReflectorHarness } from './testing/reflector-harness.ts';
import { type Answer, events, list, pod, silentLog, status } from './testing/scripted-api.ts';
import { until } from './testing/until.ts';

describe('Reflector', () => {
  let harness: ReflectorHarness;
  beforeEach(async () => {
    harness = await ReflectorHarness.create();
  });
  afterEach(() => harness.stop());

  it('delivers every page of the list before it counts as synced, then watches from its version', async () => {
    harness.api.requests(list('7', [pod('a', '3')], 'more'), list('7', [pod('b', '5')]));
    harness.api.watches(events());
    await harness.start().synced;
    assert.deepEqual([...harness.world.keys()], ['shop/a', 'shop/b']);
    await until('a watch', () => harness.api.watched.length === 1);
    const [first, second] = harness.api.lists;
    assert.equal(first?.query.get('limit'), '500');
    assert.equal(first?.query.get('continue'), null);
    assert.equal(second?.query.get('continue'), 'more');
    assert.equal(harness.api.watched[0]?.query.get('resourceVersion'), '7');
    assert.equal(harness.api.watched[0]?.query.get('allowWatchBookmarks'), 'true');
    assert.equal(harness.api.watched[0]?.query.get('labelSelector'), 'a=b');
  });

  it('follows creations, changes and deletions', async () => {
    harness.api.requests(list('1', [pod('a', '1')]));
    harness.api.watches(
      events(
        { type: 'ADDED', object: pod('b', '2') },
        { type: 'MODIFIED', object: pod('b', '3') },
        { type: 'DELETED', object: pod('a', '4') },
      ),
    );
    harness.start();
    await harness.worldIs({ 'shop/b': '3' });
  });

  it('lists again after 410 in the middle of a watch, and delivers deletions it missed', async () => {
    harness.api.requests(list('1', [pod('a', '1'), pod('b', '1')]), list('9', [pod('b', '8')]));
    harness.api.watches(
      events({ type: 'ERROR', object: { kind: 'Status', code: 410, reason: 'Expired' } }),
      events(),
    );
    harness.start();
    await harness.worldIs({ 'shop/b': '8' });
    await until('the next watch', () => harness.api.watched.length === 2);
    assert.equal(harness.api.watched[1]?.query.get('resourceVersion'), '9');
  });

  it('lists again when the watch is refused with 410', async () => {
    harness.api.requests(list('1', [pod('a', '1')]), list('5', [pod('c', '5')]));
    harness.api.watches(status(410, 'Expired'), events());
    harness.start();
    await harness.worldIs({ 'shop/c': '5' });
  });

  it('starts the list over when a continue token expired', async () => {
    harness.api.requests(
      list('1', [pod('a', '1')], 'old'),
      status(410, 'Expired'),
      list('4', [pod('b', '4')]),
    );
    harness.api.watches(events());
    await harness.start().synced;
    await harness.worldIs({ 'shop/b': '4' });
  });

  it('does not deliver again what a list brings unchanged', async () => {
    harness.api.requests(
      list('1', [pod('a', '1'), pod('b', '1')]),
      list('9', [pod('a', '1'), pod('b', '9')]),
    );
    harness.api.watches(status(410), events());
    harness.start();
    await harness.worldIs({ 'shop/a': '1', 'shop/b': '9' });
    assert.deepEqual(
      harness.delivered.map(({ key, object }) => `${key}@${object?.metadata?.resourceVersion}`),
      ['shop/a@1', 'shop/b@1', 'shop/b@9'],
    );
  });

  it('delivers an object made anew under the same name even with the same version', async () => {
    harness.api.requests(list('1', [pod('a', '1', 'first')]), list('1', [pod('a', '1', 'second')]));
    harness.api.watches(status(410), events());
    harness.start();
    await until('the second', () => harness.delivered.length === 2);
    assert.equal(harness.delivered[1]?.object?.metadata?.uid, 'second');
  });

  it('goes on from the last bookmark after a watch ended', async () => {
    harness.api.requests(list('1', []));
    harness.api.watches(
      closing({ type: 'BOOKMARK', object: { metadata: { resourceVersion: '44' } } }),
      events(),
    );
    harness.start();
    await until('the next watch', () => harness.api.watched.length === 2);
    assert.equal(harness.api.watched[1]?.query.get('resourceVersion'), '44');
    assert.equal(harness.api.lists.length, 1);
    assert.equal(harness.delivered.length, 0);
  });

  it('lists from time to time whatever the watch says', async () => {
    harness.api.requests(list('1', [pod('a', '1')]), list('5', [pod('a', '1'), pod('b', '5')]));
    harness.api.watches((response) => {
      response.writeHead(200);
      response.flushHeaders();
      setTimeout(() => response.end(), 60);
    });
    harness.start({ relistMs: 50 });
    await harness.worldIs({ 'shop/a': '1', 'shop/b': '5' });
  });

  it('asks the server to end a watch before the next list is due', async () => {
    harness.api.requests(list('1', []));
    harness.api.watches(events());
    harness.start({ relistMs: 3_000 });
    await until('a watch', () => harness.api.watched.length === 1);
    assert.equal(harness.api.watched[0]?.query.get('timeoutSeconds'), '3');
  });

  it('waits for a server that refuses lists, and says what is missing', async () => {
    const hints: unknown[] = [];
    const log = { ...silentLog, warn: (data: object) => void hints.push((data as { hint?: string }).hint) };
    harness.api.requests(status(403, 'Forbidden'), status(404), status(503), list('1', [pod('a', '1')]));
    harness.api.watches(events());
    await harness.start({}, log).synced;
    await harness.worldIs({ 'shop/a': '1' });
    assert.match(String(hints[0]), /role/);
    assert.match(String(hints[1]), /CRD/);
    assert.equal(hints[2], undefined);
  });

  it('asks for smaller pages when objects are too large', async () => {
    const big = 'x'.repeat(65 * 1024 * 1024);
    harness.api.requests(list('1', [{ ...pod('a', '1'), big }]), list('1', [pod('a', '1')]));
    harness.api.watches(events());
    await harness.start().synced;
    assert.equal(harness.api.lists[1]?.query.get('limit'), '63');
  });

  it('delivers again with the next list what could not be applied', async () => {
    let broken = true;
    harness.api.requests(list('1', [pod('a', '1')]));
    harness.api.watches(status(410), events());
    harness.start({}, silentLog, (changes) => {
      if (broken) {
        broken = false;
        throw new Error('cannot apply');
      }
      harness.apply(changes);
    });
    await harness.worldIs({ 'shop/a': '1' });
  });

  it('ignores objects without a name', async () => {
    harness.api.requests(list('1', [{ metadata: {} }, pod('a', '1')]));
    harness.api.watches(events({ type: 'ADDED', object: {} }, { type: 'ADDED', object: pod('b', '2') }));
    harness.start();
    await harness.worldIs({ 'shop/a': '1', 'shop/b': '2' });
  });

  it('stops at once, also while it waits, lists or watches', async () => {
    harness.api.requests(() => {});
    const listing = harness.start();
    await until('a list', () => harness.api.lists.length === 1);
    await listing.stop();
    harness.api.requests(status(500, '', { 'retry-after': '60' }));
    const waiting = harness.start();
    await until('a refused list', () => harness.api.lists.length === 2);
    await waiting.stop();
    harness.api.requests(list('1', [])).watches(events());
    const watching = harness.start();
    await until('a watch', () => harness.api.watched.length === 1);
    await watching.stop();
    assert.equal(harness.api.seen.length, 4);
  });
});

function closing(...sent: readonly object[]): Answer {
  return (response) =>
    response.writeHead(200).end(sent.map((event) => `${JSON.stringify(event)}\n`).join(''));
}
