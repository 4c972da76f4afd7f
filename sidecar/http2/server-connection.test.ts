import assert from 'node:assert/strict';
import { test } from 'node:test';
import { H2_ERROR } from './error-codes.ts';
import { FLAG, FRAME } from './frames/frame-types.ts';
import { frame, word } from './frames/frames.fixture.ts';
import { GET, Peer, POST } from './peer.fixture.ts';
import { hold, KIB, LISTENER, raw } from './requests.fixture.ts';
import { answer, response, serve, whole } from './server.fixture.ts';

test('a request is answered; its last DATA ends the stream', async (t) => {
  const { port } = await serve(t, answer());
  const peer = await Peer.connect(port);
  peer.send(peer.headers(1, GET));
  assert.deepEqual(await peer.nextHead(), { ':status': '200', 'content-length': '5' });
  const { flags, payload } = await peer.next(FRAME.data);
  assert.deepEqual([payload.toString(), flags], ['hello', FLAG.endStream]);
  peer.close();
});

test('an answer without a body ends the stream with its head', async (t) => {
  const { port } = await serve(t, (exchange) => {
    exchange.respond(response(204, { type: 'none', length: 0 }));
    exchange.respondEnd(undefined);
  });
  const peer = await Peer.connect(port);
  peer.send(peer.headers(1, GET));
  const { flags } = await peer.next(FRAME.headers);
  assert.equal(flags, FLAG.endStream | FLAG.endHeaders);
  peer.close();
});

test('body and trailers come as they were sent, interim responses and trailers go', async (t) => {
  const { port } = await serve(t, (exchange) => {
    exchange.interim(response(103));
    whole(exchange, (body, trailers) => {
      exchange.respond(response(200));
      exchange.respondBody(body);
      exchange.respondEnd(trailers);
    });
  });
  const peer = await Peer.connect(port);
  peer.send(peer.headers(1, POST, false), peer.data(1, 'one ', false), peer.data(1, 'two', false));
  peer.send(peer.headers(1, [['x-sum', '7']]));
  assert.deepEqual(await peer.nextHead(), { ':status': '103' });
  assert.deepEqual(await peer.nextHead(), { ':status': '200' });
  assert.deepEqual(await peer.nextHead(), { 'x-sum': '7' });
  assert.equal(peer.body(1).toString(), 'one two');
  peer.close();
});

test('a reset by the client aborts the exchange', async (t) => {
  const { port, exchanges } = await serve(t, hold);
  const peer = await Peer.connect(port);
  peer.send(peer.headers(1, POST, false), frame(FRAME.rstStream, 0, 1, word(H2_ERROR.cancel)));
  await peer.sync();
  assert.ok(exchanges[0]!.aborted);
  exchanges[0]!.respond(response(200));
  exchanges[0]!.respondBody(Buffer.from('late'));
  exchanges[0]!.respondEnd(undefined);
  await peer.sync();
  assert.ok(!peer.heard.some(({ streamId }) => streamId === 1));
  peer.close();
});

test('an exchange that is cut is a reset, after which the connection goes on', async (t) => {
  const { port } = await serve(t, (exchange) => {
    exchange.respond(response(200));
    exchange.respondBody(Buffer.from('half'));
    exchange.abort();
  });
  const peer = await Peer.connect(port);
  peer.send(peer.headers(1, GET), peer.headers(3, GET));
  assert.equal(await peer.nextReset(), H2_ERROR.internal);
  assert.equal(await peer.nextReset(), H2_ERROR.internal);
  peer.close();
});

test('an answer before the end of the request ends both, without an error', async (t) => {
  const { port } = await serve(t, (exchange) => exchange.answer('denied'));
  const peer = await Peer.connect(port);
  peer.send(peer.headers(1, POST, false), peer.data(1, 'some', false));
  assert.equal((await peer.nextHead())[':status'], '403');
  assert.equal(await peer.nextReset(1), H2_ERROR.none);
  peer.send(peer.data(1, 'more'));
  await peer.sync();
  assert.equal(peer.heard.filter(({ type }) => type === FRAME.rstStream).length, 1);
  peer.close();
});

test('a malformed request is a reset, and the table of fields is right after it', async (t) => {
  const { port, refused } = await serve(t, answer());
  const peer = await Peer.connect(port);
  peer.send(peer.headers(1, [...GET, ['x-same', 'value'], ['connection', 'close']]));
  assert.equal(await peer.nextReset(1), H2_ERROR.protocol);
  peer.send(peer.headers(3, [...GET, ['x-same', 'value']]), peer.headers(5, [...GET, ['x-same', 'value']]));
  await peer.nextHead(3);
  await peer.nextHead(5);
  assert.equal(refused.length, 1);
  peer.close();
});

test('a body that is not as long as was said is a reset, and no whole request', async (t) => {
  for (const body of ['1234', '123456']) {
    const { port, exchanges } = await serve(t, answer());
    const peer = await Peer.connect(port);
    peer.send(peer.headers(1, [...POST, ['content-length', '5']], false), peer.data(1, body));
    assert.equal(await peer.nextReset(1), H2_ERROR.protocol);
    assert.ok(exchanges[0]!.aborted);
    peer.close();
  }
});

test('a target without a normal form is answered with 400, too many fields with 431; the connection goes on', async (t) => {
  const { port } = await serve(t, answer(), { limits: { maxHeaderBytes: 4 * KIB } });
  const peer = await Peer.connect(port);
  peer.send(peer.headers(1, [...GET.slice(0, 3), [':path', '/%zz']]));
  assert.equal((await peer.nextHead())[':status'], '400');
  peer.send(peer.headers(3, [...GET, ['x-a', 'y'.repeat(5_000)]]));
  assert.equal((await peer.nextHead())[':status'], '431');
  peer.send(peer.headers(5, GET));
  assert.equal((await peer.nextHead())[':status'], '200');
  peer.close();
});

test('a HEAD that cannot be read is told so without a body', async (t) => {
  const { port } = await serve(t, answer(), { limits: { maxHeaderBytes: 4 * KIB } });
  const peer = await Peer.connect(port);
  const head = [[':method', 'HEAD'], ...GET.slice(1)] as [string, string][];
  assert.equal(GET[0]![0], ':method');
  peer.send(peer.headers(1, [...head.slice(0, 3), [':path', '/%zz']]));
  peer.send(peer.headers(3, [...head, ['x-a', 'y'.repeat(5_000)]]));
  for (const status of ['400', '431']) {
    const { ':status': said, 'content-length': length } = await peer.nextHead();
    assert.deepEqual([said, Number(length) > 0], [status, true]);
  }
  peer.send(peer.headers(5, GET));
  await peer.nextHead(5);
  await peer.next(FRAME.data, 5);
  assert.deepEqual([peer.body(1).length, peer.body(3).length, peer.body(5).length], [0, 0, 5]);
  peer.close();
});

test('a call of gRPC that cannot be read is told so in trailers only, wherever its Content-Type stands', async (t) => {
  const { port } = await serve(t, answer(), { limits: { maxHeaderBytes: 4 * KIB } });
  const peer = await Peer.connect(port);
  const type = ['content-type', 'application/grpc+proto'] as const;
  const large = ['x-a', 'y'.repeat(5_000)] as const;
  peer.send(peer.headers(1, [...POST.slice(0, 3), [':path', '/%zz'], [...type]]));
  let { ':status': status, 'grpc-status': grpcStatus } = await peer.nextHead();
  assert.deepEqual([status, grpcStatus], ['200', '3']);
  for (const [id, fields] of [
    [3, [type, large]],
    [5, [large, type]],
  ] as const) {
    peer.send(
      peer.headers(id, [...POST, ...fields.map(([name, value]) => [name, value] as [string, string])]),
    );
    ({ ':status': status, 'grpc-status': grpcStatus } = await peer.nextHead());
    assert.deepEqual([status, grpcStatus], ['200', '8']);
  }
  peer.send(peer.headers(7, GET));
  assert.equal((await peer.nextHead())[':status'], '200');
  peer.close();
});

test('more streams than there may be are refused, and may be sent again', async (t) => {
  const { port, exchanges } = await serve(t, hold, { http2: { maxConcurrentStreams: 2 } });
  const peer = await Peer.connect(port);
  peer.send(peer.headers(1, GET), peer.headers(3, GET), peer.headers(5, GET));
  assert.equal(await peer.nextReset(), H2_ERROR.refusedStream);
  exchanges[0]!.answer('denied');
  peer.send(peer.headers(7, GET));
  await peer.sync();
  assert.equal(exchanges.length, 3);
  peer.close();
});

test('what is no preface of HTTP/2 is refused', async (t) => {
  const { port, refused } = await serve(t, answer());
  const peer = await raw(port);
  peer.send(Buffer.from('GET / HTTP/1.1\r\n\r\n'));
  assert.deepEqual(await peer.nextGoaway(), [0, H2_ERROR.protocol]);
  await peer.until(() => peer.ended);
  assert.equal(refused.length, 1);
});

test('an extended CONNECT becomes a tunnel of its stream, both ways and with both ends', async (t) => {
  const { port, connections } = await serve(t, (exchange) => {
    assert.equal(exchange.head.upgrade, 'websocket');
    exchange.receive(LISTENER);
    const { channel } = exchange.openTunnel(response(101, { type: 'none', length: 0 }));
    channel.owner = {
      onData: (bytes) => void channel.write(`>${bytes.toString()}`),
      onEnd: () => channel.end(),
      onDrain: () => {},
      onClose: () => exchange.finish(),
    };
    channel.resume();
  });
  const peer = await Peer.connect(port);
  peer.send(peer.headers(1, [[':method', 'CONNECT'], [':protocol', 'websocket'], ...GET.slice(1)], false));
  assert.equal((await peer.nextHead())[':status'], '200');
  peer.send(peer.data(1, 'one', false));
  assert.equal((await peer.next(FRAME.data)).payload.toString(), '>one');
  assert.equal(connections[0]!.tunnels.size, 1);
  peer.send(peer.data(1, 'two'));
  await peer.sync();
  assert.equal(peer.body(1).toString(), '>one>two');
  assert.equal(peer.heard.filter(({ type }) => type === FRAME.data).at(-1)!.flags, FLAG.endStream);
  assert.equal(connections[0]!.tunnels.size, 0);
  peer.close();
});
