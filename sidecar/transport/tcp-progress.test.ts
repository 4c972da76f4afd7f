import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { serve } from '../testing/wire.ts';
import { type DialResult, dialPlain } from './dial.ts';
import type { StreamHandle } from './runtime.ts';
import { loadTcpProgress, readTcpInfo } from './tcp-progress.ts';
import { TimerWheel } from './timers.ts';

describe('what the kernel says of a connection', () => {
  it('is read from struct tcp_info', () => {
    const info = Buffer.alloc(160);
    assert.deepEqual(readTcpInfo(info), { isOwed: false, unanswered: 0, silentMs: 0 });
    info.writeUInt8(4, 2);
    info.writeUInt32LE(7_000, 56);
    info.writeUInt32LE(1, 24);
    assert.deepEqual(readTcpInfo(info), { isOwed: true, unanswered: 4, silentMs: 7_000 });
    info.writeUInt32LE(0, 24);
    info.writeUInt8(6, 3);
    info.writeUInt32LE(9, 144);
    assert.deepEqual(readTcpInfo(info), { isOwed: true, unanswered: 6, silentMs: 7_000 });
  });

  it('is that all is acknowledged, or that a peer does not read and is there', async (t) => {
    const server = await serve((socket) => void socket.pause());
    t.after(() => server.close());
    const progress = loadTcpProgress();
    let handle: StreamHandle | undefined;
    const to = { host: '127.0.0.1', port: server.port, timeoutMs: 5_000, timers: new TimerWheel() };
    const onConnected = (connected: StreamHandle) => {
      handle = connected;
    };
    const result = await new Promise<DialResult>((resolve) => dialPlain({ ...to, onConnected })(resolve));
    assert.ok(result.ok && handle !== undefined);
    t.after(() => result.channel.destroy());
    assert.deepEqual(progress(handle.fd)?.isOwed, false);
    // more than both sides have room for
    for (let piece = 0; piece < 400; piece += 1) result.channel.write(Buffer.alloc(65_536));
    await new Promise((resolve) => setTimeout(resolve, 50));
    const stuck = progress(handle.fd);
    assert.equal(stuck?.isOwed, true);
    assert.ok(stuck.unanswered < 4, `${stuck.unanswered} unanswered`);
  });

  it('is nothing of what is no connection', () => assert.equal(loadTcpProgress()(-1), undefined));
});
