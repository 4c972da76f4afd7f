import assert from 'node:assert/strict';
import { beforeEach, describe, it } from 'node:test';
import { AckTable } from './acks.ts';
import { parseSidecarMessage } from './messages.ts';

const version = (hash: string, policies: Record<string, number> = {}) => ({ hash, policies });
let told: string[];
let acks: AckTable;
beforeEach(() => {
  told = [];
  acks = new AckTable(
    () => 1,
    (workload, destination) => told.push(`${workload} ${destination ?? ''}`.trim()),
  );
  acks.connected('a/web', version('c', { p: 1 }));
});
const destination = () => acks.get('a/web')!.destinations.get('a/pay:80');

describe('what a sidecar holds', () => {
  it('is told on, with the destination it is about', () => {
    acks.sent('a/web', 'a/pay:80', version('d'));
    acks.disconnected('a/web');
    acks.forget('a/web');
    assert.deepEqual(told, ['a/web', 'a/web a/pay:80', 'a/web', 'a/web']);
    assert.equal(acks.get('a/web'), undefined);
  });

  it('is of one connection: the next has another number, and no destinations', () => {
    acks.sent('a/web', 'a/pay:80', version('d'));
    const { connection } = acks.get('a/web')!;
    acks.connected('a/web', undefined);
    assert.notEqual(acks.get('a/web')!.connection, connection);
    assert.equal(destination(), undefined);
  });

  it('costs no memory for policies it makes up', () => {
    acks.sent('a/web', 'a/pay:80', version('d', { p: 2 }));
    acks.acked('a/web', 'a/pay:80', version('d', { p: 2, made: 1, up: 1 }));
    assert.deepEqual(destination()?.acked, version('d', { p: 2 }));
    acks.nacked('a/web', 'a/pay:80', version('d', { made: 1, p: 2 }), 'no');
    assert.deepEqual(destination()?.refused?.version, version('d', { p: 2 }));
    acks.sent('a/web', 'a/pay:80', undefined);
    acks.acked('a/web', 'a/pay:80', version('d', { made: 1 }));
    assert.deepEqual(destination()?.acked, version('d'));
    acks.sent('a/web', undefined, version('c', { p: 1 }));
    acks.acked('a/web', undefined, version('c', { p: 1, made: 1 }));
    assert.deepEqual(acks.get('a/web')?.config.acked, version('c', { p: 1 }));
  });

  it('is what it says before anything was sent', () => {
    assert.deepEqual(acks.get('a/web')?.config.acked, version('c', { p: 1 }));
  });

  it('is nothing of a workload that is not connected', () => {
    acks.acked('a/other', undefined, version('c'));
    assert.equal(acks.get('a/other'), undefined);
    assert.deepEqual(told, ['a/web']);
  });

  it('has no policy with a name longer than any uid', () => {
    const ack = (uid: string) => JSON.stringify({ type: 'ack', version: version('h', { [uid]: 1 }) });
    assert.equal(parseSidecarMessage(ack('u'.repeat(128)))?.type, 'ack');
    assert.throws(() => parseSidecarMessage(ack('u'.repeat(129))), { name: 'BadMessageError' });
  });
});
