import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Destination } from '../../api/destination.ts';
import type { Resolution } from '../proxy-state.ts';
import { Destinations } from './destination-table.ts';
import { FakeClock } from './fake-clock.fixture.ts';

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
const WAIT_MS = 1_000;

function destination(key: string, hash = 'h1', policies: Record<string, number> = {}): Destination {
  return {
    version: { hash, policies },
    ...{ key, name: 'payments', namespace: 'shop' },
    endpoints: [{ address: '10.0.0.1', port: 8080 }],
  };
}

function table(options: { entriesMax?: number } = {}) {
  const clock = new FakeClock();
  const sent: string[] = [];
  const link = {
    up: true,
    /** down, and on its way back */
    returns: false,
    isUp: () => link.up,
    canAsk: () => link.up || link.returns,
    subscribe: (key: string) => void sent.push(`subscribe ${key}`),
    unsubscribe: (key: string) => void sent.push(`unsubscribe ${key}`),
  };
  const destinations = new Destinations({ clock, link, waitMs: () => WAIT_MS, ...options });
  destinations.start();
  const changes: [string, string | null | undefined][] = [];
  destinations.onChange((key, value) => changes.push([key, value === null ? null : value?.version.hash]));
  const ask = (key: string): Resolution[] => {
    const answers: Resolution[] = [];
    destinations.resolve(key, (answer) => answers.push(answer));
    return answers;
  };
  return { clock, sent, link, destinations, changes, ask };
}

describe('a destination that is not known', () => {
  it('is asked for once, however many wait, and each is answered once', () => {
    const { destinations, sent, ask } = table();
    const [first, second] = [ask('a'), ask('a')];
    assert.deepEqual(sent, ['subscribe a']);
    assert.deepEqual([first, second], [[], []]);
    const value = destination('a');
    assert.deepEqual(destinations.receive('a', value), { type: 'ack', version: value.version });
    assert.deepEqual([first, second], [[value], [value]]);
  });

  it('may be outside the mesh, which needs no acknowledgement', () => {
    const { destinations, ask } = table();
    const answers = ask('a');
    assert.deepEqual(destinations.receive('a', null), { type: 'none' });
    assert.deepEqual(answers, [null]);
    assert.deepEqual(ask('a'), [null], 'and that is remembered');
  });

  it('is unreachable after its time without an answer; the answer is kept when it comes', () => {
    const { clock, destinations, ask } = table();
    const answers = ask('a');
    clock.advance(999);
    assert.deepEqual(answers, []);
    clock.advance(1);
    assert.deepEqual(answers, ['unreachable']);
    destinations.receive('a', destination('a'));
    assert.deepEqual(answers, ['unreachable'], 'nobody is answered twice');
    assert.deepEqual(ask('a'), [destination('a')]);
  });

  it('is unreachable at once when the stream is down, and asked for when it is up again', () => {
    const { link, sent, destinations, ask } = table();
    link.up = false;
    assert.deepEqual(ask('a'), ['unreachable']);
    assert.deepEqual(sent, []);
    assert.equal(destinations.size, 0);
    link.up = true;
    assert.deepEqual(ask('a'), []);
    assert.deepEqual(sent, ['subscribe a']);
  });

  it('waits for a stream that is on its way back, no longer than for an answer', () => {
    const { clock, link, destinations, ask } = table();
    const early = ask('a');
    Object.assign(link, { up: false, returns: true });
    const late = ask('b');
    assert.deepEqual([...destinations.keys()], ['a', 'b'], 'what a new connection subscribes to');
    destinations.receive('a', destination('a'));
    assert.deepEqual([early, late], [[destination('a')], []]);
    clock.advance(WAIT_MS);
    assert.deepEqual(late, ['unreachable']);
  });

  it('is unreachable at once, although it was asked for, when the stream does not come back', () => {
    const { clock, link, ask } = table();
    ask('a');
    clock.advance(WAIT_MS);
    link.up = false;
    assert.deepEqual(ask('a'), ['unreachable']);
  });

  it('makes at most a thousand wait', () => {
    const { destinations, ask } = table();
    for (let i = 0; i < 1000; i++) ask('a');
    assert.deepEqual(ask('a'), ['unreachable']);
    destinations.receive('a', null);
    assert.deepEqual(ask('a'), [null]);
  });

  it('is not asked for by a name of unreasonable length', () => {
    const { sent, ask } = table();
    assert.deepEqual(ask('x'.repeat(321)), ['unreachable']);
    assert.deepEqual(sent, []);
  });
});

describe('a destination in use', () => {
  it('is answered at once, also with the stream down', () => {
    const { link, destinations, ask } = table();
    ask('a');
    destinations.receive('a', destination('a'));
    link.up = false;
    assert.deepEqual(ask('a'), [destination('a')]);
    assert.deepEqual([...destinations.keys()], ['a'], 'and is subscribed to again');
  });

  it('changes when the control plane says so', () => {
    const { destinations, changes, ask } = table();
    ask('a');
    destinations.receive('a', destination('a', 'h1'));
    destinations.receive('a', destination('a', 'h1'));
    assert.deepEqual(changes, [], 'neither the first answer nor the same again is a change');
    destinations.receive('a', destination('a', 'h2'));
    destinations.receive('a', null);
    assert.deepEqual(changes, [
      ['a', 'h2'],
      ['a', null],
    ]);
  });

  it('is dropped after a day without use, and used longer when used', () => {
    const { clock, sent, destinations, changes, ask } = table();
    for (const key of ['a', 'b']) {
      ask(key);
      destinations.receive(key, destination(key));
    }
    clock.advance(23 * HOUR_MS);
    ask('b');
    clock.advance(2 * HOUR_MS);
    assert.deepEqual([...destinations.keys()], ['b']);
    assert.deepEqual(sent.slice(2), ['unsubscribe a']);
    assert.deepEqual(changes, [['a', undefined]]);
  });

  it('is dropped after ten minutes without use when it is not among the last 64, of those in the mesh or of the others', () => {
    const { clock, destinations, ask } = table();
    for (let i = 0; i < 70; i++) {
      for (const kind of ['in', 'out']) {
        ask(`${kind}${i}`);
        destinations.receive(`${kind}${i}`, kind === 'in' ? destination(`in${i}`) : null);
      }
      clock.advance(1);
    }
    ask('never answered');
    clock.advance(9 * MINUTE_MS);
    assert.equal(destinations.size, 141);
    clock.advance(2 * MINUTE_MS);
    assert.equal(destinations.size, 128);
    assert.deepEqual(
      ['in5', 'in6', 'out5', 'out6', 'never answered'].map((key) => destinations.has(key)),
      [false, true, false, true, false],
    );
  });

  it('is not dropped while the stream is down, since nobody could tell it again', () => {
    const { clock, link, destinations, ask } = table();
    ask('a');
    destinations.receive('a', destination('a'));
    link.up = false;
    clock.advance(25 * HOUR_MS);
    assert.deepEqual(ask('a'), [destination('a')]);
    link.up = true;
    clock.advance(25 * HOUR_MS);
    assert.equal(destinations.size, 0);
  });

  it('is not dropped while something still leads there', () => {
    const { clock, destinations, ask } = table();
    let isOpen = true;
    destinations.keepWhile((key) => key === 'a' && isOpen);
    for (const key of ['a', 'b']) {
      ask(key);
      destinations.receive(key, destination(key));
    }
    clock.advance(25 * HOUR_MS);
    assert.deepEqual([...destinations.keys()], ['a']);
    isOpen = false;
    clock.advance(MINUTE_MS);
    assert.equal(destinations.size, 0);
  });

  it('keeps its version when offered an older, foreign or malformed one, and says why', () => {
    const { destinations, ask } = table();
    ask('a');
    const good = destination('a', 'h2', { p: 2 });
    destinations.receive('a', good);
    const reasonOf = (value: unknown) => {
      const received = destinations.receive('a', value);
      return received.type === 'nack' ? received.reason : received.type;
    };
    assert.match(reasonOf(destination('a', 'h1', { p: 1 })), /policy p is at generation 1, 2/);
    assert.match(reasonOf(destination('b', 'h3')), /names another key/);
    assert.match(reasonOf({ ...destination('a', 'h3'), endpoints: [{ address: 1, port: 0 }] }), /not valid/);
    for (const value of [undefined, 1, 'x', [], {}, { version: 1 }, { version: { hash: 1 } }]) {
      assert.equal(destinations.receive('a', value).type, 'none');
    }
    assert.deepEqual(ask('a'), [good]);
  });
});

describe('the table', () => {
  it('holds a bounded number and drops the least recently used', () => {
    const { clock, destinations, sent, ask } = table({ entriesMax: 100 });
    for (let i = 0; i < 100; i++) {
      ask(`k${i}`);
      destinations.receive(`k${i}`, null);
      clock.advance(1);
    }
    ask('k0');
    ask('new');
    assert.equal(destinations.size, 100);
    assert.ok(sent.includes('unsubscribe k1'));
    assert.deepEqual(ask('k0'), [null]);
  });

  it('drops nothing that is known for what nobody is there to tell', () => {
    const { link, destinations, ask } = table({ entriesMax: 2 });
    for (const key of ['a', 'b']) destinations.receive(key, null);
    Object.assign(link, { up: false, returns: true });
    assert.deepEqual(ask('c'), ['unreachable']);
    assert.deepEqual([...destinations.keys()], ['a', 'b']);
  });

  it('takes what it did not ask for, subscribes to it, and stays bounded', () => {
    const { destinations, sent, ask } = table({ entriesMax: 100 });
    destinations.receive('sibling', destination('sibling'));
    assert.deepEqual(sent, ['subscribe sibling']);
    assert.deepEqual(ask('sibling'), [destination('sibling')]);
    for (let i = 0; i < 500; i++) destinations.receive(`k${i}`, null);
    assert.ok(destinations.size <= 100);
  });

  it('ignores keys that are none', () => {
    const { destinations } = table();
    for (const key of ['', 'x'.repeat(321), 1, undefined]) destinations.receive(key as string, null);
    assert.equal(destinations.size, 0);
  });

  it('is restored from what was known, the most recently used first, without what is not valid', () => {
    const { clock, destinations, ask } = table();
    for (const key of ['a', 'b', 'c']) {
      ask(key);
      destinations.receive(key, key === 'b' ? null : destination(key));
      clock.advance(1);
    }
    ask('a');
    const known = JSON.parse(JSON.stringify(destinations.known()));
    assert.deepEqual(
      known.map(({ key }: { key: string }) => key),
      ['a', 'c', 'b'],
    );
    const restored = table();
    restored.link.up = false;
    restored.destinations.restore([...known, { key: 'x', destination: {} }, { key: 'y', destination: 1 }]);
    assert.deepEqual(restored.ask('a'), [destination('a')]);
    assert.deepEqual(restored.ask('b'), [null]);
    assert.deepEqual(restored.ask('x'), ['unreachable']);
  });

  it('answers who already waits for what is restored, and keeps what it was told since', () => {
    const { destinations, ask } = table();
    const waiting = ask('a');
    destinations.receive('b', destination('b', 'new'));
    destinations.restore([
      { key: 'a', destination: destination('a') },
      { key: 'b', destination: destination('b', 'old') },
    ]);
    assert.deepEqual(waiting, [destination('a')]);
    assert.deepEqual(ask('b'), [destination('b', 'new')]);
  });

  it('drops nothing that is known for what a Secret says', () => {
    const { link, destinations, ask } = table({ entriesMax: 2 });
    for (const key of ['a', 'b']) destinations.receive(key, destination(key));
    link.up = false;
    destinations.restore([{ key: 'c', destination: destination('c') }]);
    assert.deepEqual([...destinations.keys()], ['a', 'b']);
    assert.deepEqual(ask('c'), ['unreachable']);
  });

  it('drops of what was restored what was used least recently', () => {
    const { destinations } = table({ entriesMax: 3 });
    destinations.restore(['a', 'b', 'c'].map((key) => ({ key, destination: null })));
    destinations.receive('d', null);
    assert.deepEqual([...destinations.keys()], ['a', 'b', 'd']);
  });

  it('leaves no timer and nobody waiting when stopped', () => {
    const { clock, destinations, ask } = table();
    const answers = ask('a');
    destinations.stop();
    assert.deepEqual(answers, ['unreachable']);
    assert.equal(clock.pending, 0);
  });
});
