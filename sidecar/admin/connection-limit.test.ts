import assert from 'node:assert/strict';
import { Socket } from 'node:net';
import { describe, it } from 'node:test';
import { ConnectionLimit } from './connection-limit.ts';

const sockets = (count: number) => Array.from({ length: count }, () => new Socket());
const gone = (list: readonly Socket[]) => list.map(({ destroyed }) => destroyed);

describe('a limit of connections', () => {
  it('drops the oldest for a new one, and not one that is held', () => {
    const limit = new ConnectionLimit(2);
    const all = sockets(4);
    limit.add(all[0]!);
    const release = limit.hold(all[0]!);
    for (const socket of all.slice(1, 3)) limit.add(socket);
    assert.deepEqual(gone(all), [false, true, false, false]);
    release();
    limit.add(all[3]!);
    assert.deepEqual(gone(all), [true, true, false, false]);
    assert.equal(limit.size, 2);
  });

  it('refuses a new one when all are held, until each hold has ended', () => {
    const limit = new ConnectionLimit(1);
    const all = sockets(4);
    limit.add(all[0]!);
    const releases = [limit.hold(all[0]!), limit.hold(all[0]!)];
    limit.add(all[1]!);
    releases[0]!();
    limit.add(all[2]!);
    assert.deepEqual(gone(all), [false, true, true, false]);
    releases[1]!();
    limit.add(all[3]!);
    assert.deepEqual(gone(all), [true, true, true, false]);
  });

  it('forgets those that close by themselves', async () => {
    const limit = new ConnectionLimit(1);
    const [first, second] = sockets(2);
    limit.add(first!);
    first!.destroy();
    await new Promise((resolve) => first!.once('close', resolve));
    assert.equal(limit.size, 0);
    limit.add(second!);
    assert.equal(second!.destroyed, false);
  });
});
