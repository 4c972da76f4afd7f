import assert from 'node:assert/strict';
import { beforeEach, describe, it } from 'node:test';
import { FakeClock } from '../kubernetes/testing/fake-clock.ts';
import { SUBSCRIPTIONS_MAX } from '../publish/stream-session.ts';
import { AckReports, KEEP_MS, newer } from './ack-reports.ts';
import { WORKLOADS_MAX } from './replica-table.ts';
import type { ReportMessage } from './report-message.ts';

const CONFIG = { sent: undefined, acked: { hash: 'c', policies: {} }, refused: undefined };
const proxy = (workload: string, rest: object = {}) =>
  ({ type: 'proxy', workload, connection: 1, connected: true, sinceMs: 1, config: CONFIG, ...rest }) as const;
const destination = (key: string, connection = 1) =>
  ({ type: 'destination', workload: 'shop/web', connection, key, held: CONFIG }) as const;

let clock: FakeClock;
let reports: AckReports;
let told: string[];
beforeEach(() => {
  clock = new FakeClock();
  told = [];
  reports = new AckReports(
    clock,
    (workload) => told.push(workload),
    () => told.push('reset'),
  );
});

/** A replica that connects and says all it has. */
function connect(name: string, ...messages: ReportMessage[]) {
  const speaker = {};
  const table = reports.open(name, speaker)!;
  const take = (...more: ReportMessage[]) => {
    for (const message of more) table.take(message);
  };
  take(...messages);
  return { speaker, take, replay: () => take({ type: 'replayed' }) };
}
const keysOf = (workload = 'shop/web') => [...(reports.get(workload)?.destinations.keys() ?? [])];

describe('what other replicas report', () => {
  it('counts once it was replayed to the end', () => {
    const b = connect('b', proxy('shop/web'));
    assert.equal(reports.get('shop/web'), undefined);
    assert.equal(reports.hasReplayed('b'), false);
    b.replay();
    assert.equal(reports.get('shop/web')?.connected, true);
    assert.equal(reports.hasReplayed('b'), true);
    assert.deepEqual(told, []);
  });

  it('is told on as it changes', () => {
    const b = connect('b', proxy('shop/web'));
    b.replay();
    b.take(destination('shop/pay:80'), { type: 'gone', workload: 'shop/other' });
    assert.deepEqual(told, ['shop/web']);
    assert.deepEqual(keysOf(), ['shop/pay:80']);
    b.take({ type: 'destination', workload: 'shop/web', connection: 1, key: 'shop/pay:80' });
    assert.deepEqual(keysOf(), []);
    b.take({ type: 'gone', workload: 'shop/web' });
    assert.equal(reports.get('shop/web'), undefined);
  });

  it('stands while the replica connects anew, and then is what it says now', async () => {
    const before = connect('b', proxy('shop/web'), proxy('shop/pay'));
    before.replay();
    reports.close('b', before.speaker);
    await clock.advance(KEEP_MS - 1);
    const after = connect('b', proxy('shop/web', { connected: false }));
    await clock.advance(KEEP_MS);
    assert.equal(reports.get('shop/web')?.connected, true);
    assert.equal(reports.get('shop/pay')?.connected, true);
    after.replay();
    assert.equal(reports.get('shop/web')?.connected, false);
    assert.equal(reports.get('shop/pay'), undefined);
  });

  it('goes when the replica does not come back', async () => {
    const b = connect('b', proxy('shop/web'));
    b.replay();
    reports.close('b', b.speaker);
    await clock.advance(KEEP_MS - 1);
    assert.equal(reports.hasReplayed('b'), true);
    await clock.advance(1);
    assert.equal(reports.get('shop/web'), undefined);
    assert.equal(reports.hasReplayed('b'), false);
    assert.deepEqual(told, ['reset']);
  });

  it('is not ended by an old connection of a replica that has a new one', async () => {
    const old = connect('b', proxy('shop/web'));
    const young = connect('b', proxy('shop/web'));
    young.replay();
    assert.equal(reports.speaks('b', old.speaker), false);
    assert.equal(reports.speaks('b', young.speaker), true);
    reports.close('b', old.speaker);
    await clock.advance(KEEP_MS);
    assert.equal(reports.get('shop/web')?.connected, true);
  });

  it('forgets the destinations of a former connection of the sidecar, in whatever order it is told', () => {
    const b = connect('b', proxy('shop/web'), destination('a/a:1'));
    b.replay();
    b.take(destination('b/b:1', 2), proxy('shop/web', { connection: 2 }));
    assert.deepEqual(keysOf(), ['b/b:1']);
  });

  it('is refused beyond what a replica can have', () => {
    const b = connect('b', proxy('shop/web'));
    for (let port = 0; port < SUBSCRIPTIONS_MAX; port++) b.take(destination(`a/b:${port}`));
    assert.throws(() => b.take(destination('one/more:1')), /too many destinations/);
    const c = connect('c');
    for (let pod = 0; pod < WORKLOADS_MAX; pod++) c.take(proxy(`shop/${pod}`));
    assert.throws(() => c.take(proxy('shop/more')), /too many workloads/);
  });

  it('is refused from more replicas than anybody runs', () => {
    for (let index = 0; index < 16; index++) connect(`replica-${index}`);
    assert.equal(reports.open('one-more', {}), undefined);
    assert.notEqual(reports.open('replica-0', {}), undefined);
  });
});

describe('of what two replicas say of one sidecar', () => {
  const at = (connected: boolean, sinceMs: number) => ({
    ...{ connected, sinceMs, config: CONFIG, destinations: new Map() },
  });
  it('the one that serves it is right', () => {
    const [serving, past] = [at(true, 1), at(false, 2)];
    assert.equal(newer(serving, past), serving);
    assert.equal(newer(past, serving), serving);
  });
  it('the later one is right when both say they serve it, or neither does', () => {
    for (const connected of [true, false]) {
      const [early, late] = [at(connected, 1), at(connected, 2)];
      assert.equal(newer(early, late), late);
      assert.equal(newer(late, early), late);
    }
  });
  it('the only one is right', () => {
    const only = at(false, 1);
    assert.equal(newer(undefined, only), only);
    assert.equal(newer(only, undefined), only);
    assert.equal(newer(undefined, undefined), undefined);
  });
});
