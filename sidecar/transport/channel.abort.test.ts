import assert from 'node:assert/strict';
import net from 'node:net';
import { test } from 'node:test';
import { serveChannels } from '../testing/channels.ts';
import type { Channel } from './channel.ts';

type Step = 'write' | 'end' | 'destroySoon' | 'abort' | 'destroy';
const ENDINGS: readonly (readonly Step[])[] = [
  ['abort'],
  ['end', 'abort'],
  ['write', 'end', 'abort'],
  ['write', 'destroySoon', 'abort'],
  ['abort', 'destroy'],
  ['end', 'abort', 'abort'],
];
const ROUNDS = 20;

function take(channel: Channel, step: Step): void {
  if (step === 'write') channel.write('x');
  else channel[step]();
}

/** Resolves when the server has let go of the connection, however that looks here. */
function dial(port: number): Promise<void> {
  const socket = net.connect({ port, host: '127.0.0.1' });
  socket.on('error', () => {});
  socket.resume();
  return new Promise((resolve) => socket.on('close', () => resolve()));
}

for (const steps of ENDINGS) {
  test(`after ${steps.join(', ')} in one turn a channel is closed, once, on both sides`, async () => {
    let closed = 0;
    const all = Promise.withResolvers<void>();
    const server = await serveChannels((channel) => {
      channel.onClosed(() => {
        closed += 1;
        if (closed === ROUNDS) all.resolve();
      });
      for (const step of steps) take(channel, step);
    });
    await Promise.all(Array.from({ length: ROUNDS }, () => dial(server.port)));
    await all.promise;
    assert.equal(closed, ROUNDS);
    await server.close();
  });
}
