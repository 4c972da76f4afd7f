import assert from 'node:assert/strict';
import { test } from 'node:test';
import { FLAG, FRAME } from '../http2/frames/frame-types.ts';
import { frame, word } from '../http2/frames/frames.fixture.ts';
import type { Peer } from '../http2/peer.fixture.ts';
import { FakeTimers } from '../testing/fake-timers.ts';
import type { Dial } from '../transport/dial.ts';
import {
  dialTo,
  KINDS,
  listen,
  listenHttp2,
  PROBES,
  probed,
  SETTINGS,
  target,
  unhealthy,
} from './http2-probe.fixture.ts';

/** Whatever was asked for: these are no answers. */
const BROKEN: [name: string, answer: (peer: Peer) => void, reason: RegExp][] = [
  [
    'takes no requests',
    (peer) => peer.send(frame(FRAME.rstStream, 0, 1, word(7))),
    /^refused the request unseen$/,
  ],
  [
    'resets the request',
    (peer) => peer.send(frame(FRAME.rstStream, 0, 1, word(2))),
    /^reset the request, error 2$/,
  ],
  [
    'says GOAWAY and did not look at it',
    (peer) => {
      peer.send(frame(FRAME.goaway, 0, 0, Buffer.concat([word(0), word(11)])));
    },
    /^refused the request unseen$/,
  ],
  ['ends the connection', (peer) => void peer.socket.end(), /^the peer ended the connection$/],
  ['cuts the connection', (peer) => void peer.socket.resetAndDestroy(), /^the connection was closed$/],
  [
    'sends interim answers without end',
    (peer) => {
      for (let count = 0; count < 100; count += 1) peer.send(peer.headers(1, [[':status', '102']], false));
    },
    /^too many interim responses/,
  ],
  [
    'never ends a header',
    (peer) => {
      peer.send(frame(FRAME.headers, 0, 1, Buffer.alloc(100)));
      for (let count = 0; count < 100; count += 1)
        peer.send(frame(FRAME.continuation, 0, 1, Buffer.alloc(16_000)));
    },
    /header block too large/,
  ],
  ['pushes', (peer) => peer.send(frame(FRAME.pushPromise, FLAG.endHeaders, 1, word(2))), /push/i],
  [
    'pings without end',
    (peer) => {
      const ping = frame(FRAME.ping, 0, 0, Buffer.alloc(8));
      peer.send(Buffer.concat(Array.from({ length: 5_000 }, () => ping)));
    },
    /too many PINGs/,
  ],
  [
    'sends settings without end',
    (peer) => {
      peer.send(Buffer.concat(Array.from({ length: 5_000 }, () => SETTINGS)));
    },
    /too many SETTINGS/,
  ],
  ['has no status', (peer) => peer.send(peer.headers(1, [['a', 'b']])), /no :status/],
  [
    'sends a frame too large',
    (peer) => peer.send(frame(FRAME.data, 0, 1, Buffer.alloc(20_000))),
    /frame larger than allowed/,
  ],
];
for (const kind of KINDS) {
  for (const [name, answer, reason] of BROKEN) {
    test(`${kind}: a server that ${name} is a failure`, async (t) => {
      const verdict = await probed(await listenHttp2(t, answer), kind, '/');
      assert.deepEqual([verdict.ok, verdict.speaksHttp1], [false, false]);
      assert.match(verdict.reason, reason);
    });
  }

  test(`${kind}: a server that answers bytes of another protocol is a failure`, async (t) => {
    const port = await listen(t, (socket) => void socket.write('SSH-2.0-OpenSSH_9.2\r\n'));
    const { ok, speaksHttp1 } = await probed(port, kind, '/');
    assert.deepEqual([ok, speaksHttp1], [false, false]);
  });

  test(`${kind}: of a server that answers HTTP/1 it says so`, async (t) => {
    const port = await listen(t, (socket) => {
      socket.once('data', () => socket.end('HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n'));
    });
    const verdict = await probed(port, kind, '/');
    assert.deepEqual(verdict, { ok: false, reason: 'answered HTTP/1 to HTTP/2', speaksHttp1: true });
  });

  test(`${kind}: a server that says nothing times out, and the connection is closed`, async (t) => {
    const timers = new FakeTimers();
    const closed = Promise.withResolvers<void>();
    const port = await listenHttp2(t, (peer) => {
      peer.until(() => peer.ended).then(closed.resolve, closed.reject);
      timers.advance(1_000);
    });
    assert.deepEqual(await probed(port, kind, '/', timers), unhealthy('timed out'));
    await closed.promise;
  });

  test(`${kind}: GOAWAY after a request that is looked at is no answer to it`, async (t) => {
    const timers = new FakeTimers();
    const port = await listenHttp2(t, async (peer) => {
      peer.send(frame(FRAME.goaway, 0, 0, Buffer.concat([word(1), word(0)])));
      await peer.sync().catch(() => {});
      timers.advance(1_000);
    });
    assert.deepEqual(await probed(port, kind, '/', timers), unhealthy('timed out'));
  });

  test(`${kind}: a cancelled probe says nothing and leaves no timer, while dialling and after`, async (t) => {
    const timers = new FakeTimers();
    const asked = Promise.withResolvers<void>();
    const gone = Promise.withResolvers<void>();
    const port = await listenHttp2(t, (peer) => {
      asked.resolve();
      peer.until(() => peer.ended).then(gone.resolve, gone.reject);
    });
    const never = () => assert.fail('done was called');
    PROBES[kind](target(dialTo(port, timers), timers), '/', never)();
    const cancel = PROBES[kind](target(dialTo(port, timers), timers), '/', never);
    await asked.promise;
    cancel();
    await gone.promise;
    assert.equal(timers.pending, 0);
  });

  test(`${kind}: nothing is dialled for a host that is not fit for a request`, () => {
    const timers = new FakeTimers();
    const verdicts: unknown[] = [];
    const dial: Dial = () => assert.fail('dialled');
    PROBES[kind](target(dial, timers, 'user@app'), '/', (...verdict) => verdicts.push(verdict));
    assert.deepEqual(verdicts, [[false, 'the path or host is not fit for a request', false]]);
    assert.equal(timers.pending, 0);
  });
}
