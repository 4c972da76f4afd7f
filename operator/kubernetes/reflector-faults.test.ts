import assert from 'node:assert/strict';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { ReflectorHarness } from './testing/reflector-harness.ts';
import { type Answer, events, list, pod, status } from './testing/scripted-api.ts';

describe('Reflector, when watching goes wrong', () => {
  let harness: ReflectorHarness;
  beforeEach(async () => {
    harness = await ReflectorHarness.create();
  });
  afterEach(() => harness.stop());

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
      harness.api.requests(list('6', [pod('a', '6')]));
      harness.api.watches(answer, events({ type: 'MODIFIED', object: pod('a', '7') }));
      harness.start();
      await harness.worldIs({ 'shop/a': '7' });
      assert.equal(harness.api.watched[1]?.query.get('resourceVersion'), '6');
      assert.equal(harness.api.lists.length, 1);
    });
  }

  it('keeps what arrived before a line that was cut short', async () => {
    harness.api.requests(list('1', []));
    harness.api.watches(
      (response) =>
        response.writeHead(200).end(`${JSON.stringify({ type: 'ADDED', object: pod('a', '2') })}\n{"ty`),
      events({ type: 'ADDED', object: pod('b', '3') }),
    );
    harness.start();
    await harness.worldIs({ 'shop/a': '2', 'shop/b': '3' });
    assert.equal(harness.api.watched[1]?.query.get('resourceVersion'), '2');
  });

  it('reads events that arrive in pieces, inside of characters too', async () => {
    const object = { ...pod('a', '2'), note: 'grün' };
    const bytes = Buffer.from(`${JSON.stringify({ type: 'ADDED', object })}\n`);
    const cut = bytes.indexOf(0xc3) + 1;
    harness.api.requests(list('1', []));
    harness.api.watches((response) => {
      response.writeHead(200);
      response.write(bytes.subarray(0, cut));
      setTimeout(() => response.write(bytes.subarray(cut)), 20);
    });
    harness.start();
    await harness.worldIs({ 'shop/a': '2' });
    assert.equal((harness.delivered[0]?.object as typeof object | undefined)?.note, 'grün');
  });

  it('lists again when watches keep failing', async () => {
    harness.api.requests(list('1', [pod('a', '1')]), list('8', [pod('b', '8')]));
    harness.api.watches(status(500), status(500), status(500), events());
    harness.start();
    await harness.worldIs({ 'shop/b': '8' });
    assert.equal(harness.api.watched.length >= 3, true);
  });

  it('takes a silent connection for dead', async () => {
    harness.api.requests(list('1', []));
    harness.api.watches(events(), events({ type: 'ADDED', object: pod('a', '2') }));
    harness.start({ silenceMs: 40 });
    await harness.worldIs({ 'shop/a': '2' });
  });

  it('ends a watch itself when the server does not', async () => {
    let sending: NodeJS.Timeout | undefined;
    harness.api.requests(list('1', [pod('a', '1')]), list('5', [pod('b', '5')]));
    harness.api.watches((response) => {
      response.writeHead(200);
      const bookmark = { type: 'BOOKMARK', object: { metadata: { resourceVersion: '2' } } };
      sending = setInterval(() => response.write(`${JSON.stringify(bookmark)}\n`), 5);
      response.on('close', () => clearInterval(sending));
    });
    harness.start({ relistMs: 40, graceMs: 10 });
    await harness.worldIs({ 'shop/b': '5' });
  });

  it('takes a server that never answers a watch for dead', async () => {
    harness.api.requests(list('1', []));
    harness.api.watches(() => {}, events({ type: 'ADDED', object: pod('a', '2') }));
    harness.start({ silenceMs: 40 });
    await harness.worldIs({ 'shop/a': '2' });
  });
});
