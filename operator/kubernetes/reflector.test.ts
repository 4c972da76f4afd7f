import assert from 'node:assert/strict';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { systemClock } from './clock.ts';
import { ListWatch } from './list-watch.ts';
import type { Log } from './log.ts';
import type { KubernetesObject } from './objects.ts';
import { type ObjectChange, Reflector, type ReflectorTimings } from './reflector.ts';
import { type Answer, events, list, pod, ScriptedApi, silentLog, status } from './testing/scripted-api.ts';
import { until } from './testing/until.ts';

const TIMINGS: ReflectorTimings = {
  backoff: { baseMs: 1, maxMs: 5 },
  relistMs: 60_000,
  watchMs: 60_000,
  silenceMs: 60_000,
  graceMs: 60_000,
};

describe('Reflector', () => {
  let api: ScriptedApi;
  let reflectors: Reflector<KubernetesObject>[];
  let world: Map<string, string | undefined>;
  let delivered: ObjectChange<KubernetesObject>[];

  beforeEach(async () => {
    api = await ScriptedApi.start();
    reflectors = [];
    world = new Map();
    delivered = [];
  });
  afterEach(async () => {
    await Promise.all(reflectors.map((reflector) => reflector.stop()));
    await api.stop();
  });

  function start(timings: Partial<ReflectorTimings> = {}, log: Log = silentLog, deliver = apply) {
    const reflector = new Reflector<KubernetesObject>({
      name: 'pods',
      source: new ListWatch(api.client, { path: '/api/v1/pods', labelSelector: 'a=b' }, systemClock),
      deliver,
      log,
      clock: systemClock,
      random: () => 0.5,
      timings: { ...TIMINGS, ...timings },
    });
    reflectors.push(reflector);
    reflector.start();
    return reflector;
  }
  function apply(changes: readonly ObjectChange<KubernetesObject>[]) {
    delivered.push(...changes);
    for (const { key, object } of changes) {
      if (object === undefined) world.delete(key);
      else world.set(key, object.metadata?.resourceVersion);
    }
  }
  const worldIs = (wanted: Record<string, string>) =>
    until(JSON.stringify(wanted), () => {
      const entries = Object.entries(wanted);
      return world.size === entries.length && entries.every(([key, value]) => world.get(key) === value);
    });

  it('delivers every page of the list before it counts as synced, then watches from its version', async () => {
    api.requests(list('7', [pod('a', '3')], 'more'), list('7', [pod('b', '5')]));
    api.watches(events());
    await start().synced;
    assert.deepEqual([...world.keys()], ['shop/a', 'shop/b']);
    await until('a watch', () => api.watched.length === 1);
    const [first, second] = api.lists;
    assert.equal(first?.query.get('limit'), '500');
    assert.equal(first?.query.get('continue'), null);
    assert.equal(second?.query.get('continue'), 'more');
    assert.equal(api.watched[0]?.query.get('resourceVersion'), '7');
    assert.equal(api.watched[0]?.query.get('allowWatchBookmarks'), 'true');
    assert.equal(api.watched[0]?.query.get('labelSelector'), 'a=b');
  });

  it('follows creations, changes and deletions', async () => {
    api.requests(list('1', [pod('a', '1')]));
    api.watches(
      events(
        { type: 'ADDED', object: pod('b', '2') },
        { type: 'MODIFIED', object: pod('b', '3') },
        { type: 'DELETED', object: pod('a', '4') },
      ),
    );
    start();
    await worldIs({ 'shop/b': '3' });
  });

  it('lists again after 410 in the middle of a watch, and delivers deletions it missed', async () => {
    api.requests(list('1', [pod('a', '1'), pod('b', '1')]), list('9', [pod('b', '8')]));
    api.watches(
      events({ type: 'ERROR', object: { kind: 'Status', code: 410, reason: 'Expired' } }),
      events(),
    );
    start();
    await worldIs({ 'shop/b': '8' });
    await until('the next watch', () => api.watched.length === 2);
    assert.equal(api.watched[1]?.query.get('resourceVersion'), '9');
  });

  it('lists again when the watch is refused with 410', async () => {
    api.requests(list('1', [pod('a', '1')]), list('5', [pod('c', '5')]));
    api.watches(status(410, 'Expired'), events());
    start();
    await worldIs({ 'shop/c': '5' });
  });

  it('starts the list over when a continue token expired', async () => {
    api.requests(list('1', [pod('a', '1')], 'old'), status(410, 'Expired'), list('4', [pod('b', '4')]));
    api.watches(events());
    await start().synced;
    await worldIs({ 'shop/b': '4' });
  });

  it('does not deliver again what a list brings unchanged', async () => {
    api.requests(list('1', [pod('a', '1'), pod('b', '1')]), list('9', [pod('a', '1'), pod('b', '9')]));
    api.watches(status(410), events());
    start();
    await worldIs({ 'shop/a': '1', 'shop/b': '9' });
    assert.deepEqual(
      delivered.map(({ key, object }) => `${key}@${object?.metadata?.resourceVersion}`),
      ['shop/a@1', 'shop/b@1', 'shop/b@9'],
    );
  });

  it('delivers an object made anew under the same name even with the same version', async () => {
    api.requests(list('1', [pod('a', '1', 'first')]), list('1', [pod('a', '1', 'second')]));
    api.watches(status(410), events());
    start();
    await until('the second', () => delivered.length === 2);
    assert.equal(delivered[1]?.object?.metadata?.uid, 'second');
  });

  it('goes on from the last bookmark after a watch ended', async () => {
    api.requests(list('1', []));
    api.watches(closing({ type: 'BOOKMARK', object: { metadata: { resourceVersion: '44' } } }), events());
    start();
    await until('the next watch', () => api.watched.length === 2);
    assert.equal(api.watched[1]?.query.get('resourceVersion'), '44');
    assert.equal(api.lists.length, 1);
    assert.equal(delivered.length, 0);
  });

  for (const [fault, answer] of Object.entries<Answer>({
    'a line cut short': (response) => response.writeHead(200).end('{"type":"ADDED","object":{"meta'),
    'a line that is no JSON': (response) => response.writeHead(200).end('<html>\n'),
    'an event of unknown type': (response) => response.writeHead(200).end('{"type":"WHAT","object":{}}\n'),
    'a reset connection': (response) => response.socket?.destroy(),
    'a reset after the headers': (response) => {
      response.writeHead(200);
      response.flushHeaders();
      setImmediate(() => response.socket?.resetAndDestroy());
    },
    'a server error': status(500, 'InternalError'),
    'an overloaded server': status(429, 'TooManyRequests', { 'retry-after': '0' }),
    'an error event that is not 410': (response) =>
      response.writeHead(200).end('{"type":"ERROR","object":{"code":500}}\n'),
    'a watch that ends at once': (response) => response.writeHead(200).end(),
  })) {
    it(`watches again from where it was after ${fault}`, async () => {
      api.requests(list('6', [pod('a', '6')]));
      api.watches(answer, events({ type: 'MODIFIED', object: pod('a', '7') }));
      start();
      await worldIs({ 'shop/a': '7' });
      assert.equal(api.watched[1]?.query.get('resourceVersion'), '6');
      assert.equal(api.lists.length, 1);
    });
  }

  it('keeps what arrived before a line that was cut short', async () => {
    api.requests(list('1', []));
    api.watches(
      (response) =>
        response.writeHead(200).end(`${JSON.stringify({ type: 'ADDED', object: pod('a', '2') })}\n{"ty`),
      events({ type: 'ADDED', object: pod('b', '3') }),
    );
    start();
    await worldIs({ 'shop/a': '2', 'shop/b': '3' });
    assert.equal(api.watched[1]?.query.get('resourceVersion'), '2');
  });

  it('reads events that arrive in pieces, inside of characters too', async () => {
    const object = { ...pod('a', '2'), note: 'grün' };
    const bytes = Buffer.from(`${JSON.stringify({ type: 'ADDED', object })}\n`);
    const cut = bytes.indexOf(0xc3) + 1;
    api.requests(list('1', []));
    api.watches((response) => {
      response.writeHead(200);
      response.write(bytes.subarray(0, cut));
      setTimeout(() => response.write(bytes.subarray(cut)), 20);
    });
    start();
    await worldIs({ 'shop/a': '2' });
    assert.equal((delivered[0]?.object as typeof object | undefined)?.note, 'grün');
  });

  it('lists again when watches keep failing', async () => {
    api.requests(list('1', [pod('a', '1')]), list('8', [pod('b', '8')]));
    api.watches(status(500), status(500), status(500), events());
    start();
    await worldIs({ 'shop/b': '8' });
    assert.equal(api.watched.length >= 3, true);
  });

  it('takes a silent connection for dead', async () => {
    api.requests(list('1', []));
    api.watches(events(), events({ type: 'ADDED', object: pod('a', '2') }));
    start({ silenceMs: 40 });
    await worldIs({ 'shop/a': '2' });
  });

  it('ends a watch itself when the server does not', async () => {
    let sending: NodeJS.Timeout | undefined;
    api.requests(list('1', [pod('a', '1')]), list('5', [pod('b', '5')]));
    api.watches((response) => {
      response.writeHead(200);
      const bookmark = { type: 'BOOKMARK', object: { metadata: { resourceVersion: '2' } } };
      sending = setInterval(() => response.write(`${JSON.stringify(bookmark)}\n`), 5);
      response.on('close', () => clearInterval(sending));
    });
    start({ relistMs: 40, graceMs: 10 });
    await worldIs({ 'shop/b': '5' });
  });

  it('takes a server that never answers a watch for dead', async () => {
    api.requests(list('1', []));
    api.watches(() => {}, events({ type: 'ADDED', object: pod('a', '2') }));
    start({ silenceMs: 40 });
    await worldIs({ 'shop/a': '2' });
  });

  it('lists from time to time whatever the watch says', async () => {
    api.requests(list('1', [pod('a', '1')]), list('5', [pod('a', '1'), pod('b', '5')]));
    api.watches((response) => {
      response.writeHead(200);
      response.flushHeaders();
      setTimeout(() => response.end(), 60);
    });
    start({ relistMs: 50 });
    await worldIs({ 'shop/a': '1', 'shop/b': '5' });
  });

  it('asks the server to end a watch before the next list is due', async () => {
    api.requests(list('1', []));
    api.watches(events());
    start({ relistMs: 3_000 });
    await until('a watch', () => api.watched.length === 1);
    assert.equal(api.watched[0]?.query.get('timeoutSeconds'), '3');
  });

  it('waits for a server that refuses lists, and says what is missing', async () => {
    const hints: unknown[] = [];
    const log = { ...silentLog, warn: (data: object) => void hints.push((data as { hint?: string }).hint) };
    api.requests(status(403, 'Forbidden'), status(404), status(503), list('1', [pod('a', '1')]));
    api.watches(events());
    await start({}, log).synced;
    await worldIs({ 'shop/a': '1' });
    assert.match(String(hints[0]), /role/);
    assert.match(String(hints[1]), /CRD/);
    assert.equal(hints[2], undefined);
  });

  it('asks for smaller pages when objects are too large', async () => {
    const big = 'x'.repeat(65 * 1024 * 1024);
    api.requests(list('1', [{ ...pod('a', '1'), big }]), list('1', [pod('a', '1')]));
    api.watches(events());
    await start().synced;
    assert.equal(api.lists[1]?.query.get('limit'), '63');
  });

  it('delivers again with the next list what could not be applied', async () => {
    let broken = true;
    api.requests(list('1', [pod('a', '1')]));
    api.watches(status(410), events());
    start({}, silentLog, (changes) => {
      if (broken) {
        broken = false;
        throw new Error('cannot apply');
      }
      apply(changes);
    });
    await worldIs({ 'shop/a': '1' });
  });

  it('ignores objects without a name', async () => {
    api.requests(list('1', [{ metadata: {} }, pod('a', '1')]));
    api.watches(events({ type: 'ADDED', object: {} }, { type: 'ADDED', object: pod('b', '2') }));
    start();
    await worldIs({ 'shop/a': '1', 'shop/b': '2' });
  });

  it('stops at once, also while it waits, lists or watches', async () => {
    api.requests(() => {});
    const listing = start();
    await until('a list', () => api.lists.length === 1);
    await listing.stop();
    api.requests(status(500, '', { 'retry-after': '60' }));
    const waiting = start();
    await until('a refused list', () => api.lists.length === 2);
    await waiting.stop();
    api.requests(list('1', [])).watches(events());
    const watching = start();
    await until('a watch', () => api.watched.length === 1);
    await watching.stop();
    assert.equal(api.seen.length, 4);
  });
});

function closing(...sent: readonly object[]): Answer {
  return (response) =>
    response.writeHead(200).end(sent.map((event) => `${JSON.stringify(event)}\n`).join(''));
}
