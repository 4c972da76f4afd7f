import assert from 'node:assert/strict';
import { test } from 'node:test';
import { FakeTimers } from '../testing/fake-timers.ts';
import { H2_ERROR } from './error-codes.ts';
import { FRAME } from './frames/frame-types.ts';
import { frame, word } from './frames/frames.fixture.ts';
import { GET, Peer, POST } from './peer.fixture.ts';
import { hold } from './requests.fixture.ts';
import { answer, serve } from './server.fixture.ts';

const FLOODS: Record<string, (peer: Peer) => Buffer> = {
  'requests that are reset at once': (peer) => {
    const frames: Buffer[] = [];
    for (let id = 1; id < 2_400; id += 2) {
      frames.push(peer.headers(id, GET), frame(FRAME.rstStream, 0, id, word(H2_ERROR.cancel)));
    }
    return Buffer.concat(frames);
  },
  'requests that make us reset them': (peer) => {
    const frames: Buffer[] = [];
    for (let id = 1; id < 2_400; id += 2)
      frames.push(peer.headers(id, GET), frame(FRAME.windowUpdate, 0, id, word(0)));
    return Buffer.concat(frames);
  },
  'malformed requests': (peer) => {
    const frames: Buffer[] = [];
    for (let id = 1; id < 2_400; id += 2) frames.push(peer.headers(id, [[':method', 'GET']]));
    return Buffer.concat(frames);
  },
  PINGs: () => repeat(frame(FRAME.ping, 0, 0, '0000000000000000'), 1_200),
  SETTINGS: () => repeat(frame(FRAME.settings, 0, 0), 200),
  'empty DATA': (peer) =>
    Buffer.concat([peer.headers(1, POST, false), repeat(frame(FRAME.data, 0, 1), 10_100)]),
  PRIORITY: () => repeat(frame(FRAME.priority, 0, 3, '0000000000'), 10_100),
  'frames of an unknown type': () => repeat(frame(0xfa, 0, 0), 10_100),
  WINDOW_UPDATEs: (peer) =>
    Buffer.concat([peer.headers(1, POST, false), repeat(frame(FRAME.windowUpdate, 0, 1, word(1)), 10_100)]),
};

const repeat = (bytes: Buffer, count: number) => Buffer.concat(new Array<Buffer>(count).fill(bytes));

for (const [what, flood] of Object.entries(FLOODS)) {
  test(`a flood of ${what} ends the connection`, async (t) => {
    const { port } = await serve(t, hold, { timers: new FakeTimers() });
    const peer = await Peer.connect(port);
    peer.send(flood(peer));
    assert.equal((await peer.nextGoaway())[1], H2_ERROR.enhanceYourCalm);
    peer.close();
  });
}

test('many requests that are answered are no flood, and neither are PINGs with traffic', async (t) => {
  const { port } = await serve(t, answer(), { timers: new FakeTimers() });
  const peer = await Peer.connect(port);
  for (let id = 1; id < 4_001; id += 2) {
    peer.send(peer.headers(id, GET), frame(FRAME.ping, 0, 0, '0000000000000000'));
    if (id % 100 === 1) await peer.sync();
  }
  await peer.sync();
  assert.equal(peer.heard.filter(({ type }) => type === FRAME.headers).length, 2_000);
  peer.close();
});
