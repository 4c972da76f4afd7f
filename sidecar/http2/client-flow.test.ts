import assert from 'node:assert/strict';
import { test } from 'node:test';
import { connected, OK, Receiver, request } from './client.fixture.ts';
import { H2_ERROR } from './error-codes.ts';
import { FRAME, readUint32 } from './frames/frame-types.ts';
import { frame, word } from './frames/frames.fixture.ts';
import type { Peer } from './peer.fixture.ts';

const PIECE = Buffer.alloc(16_384);
const PIECES = 15;
/** more than the window of a connection */
const RESPONSES = 6;

/** What a server may send in all that its client has told of so far, beyond what it takes for granted. */
function widened({ heard }: Peer): number {
  const updates = heard.filter(({ type, streamId }) => type === FRAME.windowUpdate && streamId === 0);
  return updates.reduce((sum, { payload }) => sum + readUint32(payload, 0), 0);
}

const ENDS: Record<string, (peer: Peer, id: number) => Buffer[]> = {
  ends: (peer, id) => [peer.data(id, '')],
  'ends and is reset': (peer, id) => [peer.data(id, ''), frame(FRAME.rstStream, 0, id, word(H2_ERROR.none))],
};

for (const [how, end] of Object.entries(ENDS)) {
  test(`a response that ${how} while it is held, and is not wanted then, gives its window back`, async (t) => {
    const { client, peer } = await connected(t);
    const before = widened(peer);
    for (let count = 0; count < RESPONSES; count += 1) {
      const receiver = new Receiver();
      const stream = client.open();
      stream.begin(request(), '', receiver);
      stream.pause();
      const pieces = Array.from({ length: PIECES }, () => peer.data(stream.id, PIECE, false));
      peer.send(peer.headers(stream.id, [OK], false), ...pieces, ...end(peer, stream.id));
      await peer.sync();
      assert.deepEqual(receiver.calls, []);
      stream.destroy();
      stream.destroy();
    }
    await peer.sync();
    assert.equal(widened(peer) - before, RESPONSES * PIECES * PIECE.length);
    assert.equal(client.load, 0);
  });
}
