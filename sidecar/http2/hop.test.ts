import assert from 'node:assert/strict';
import http2 from 'node:http2';
import { test } from 'node:test';
import fc from 'fast-check';
import { serveRequests } from '../testing/http-server.ts';
import { startHop } from './hop.fixture.ts';
import { type Answer, client, echo, read } from './http2-peers.fixture.ts';

const NAME = fc.constantFrom('x-a', 'x-b', 'accept', 'user-agent', 'x-a-longer-name-than-most');

const TEXT = fc.stringMatching(/^[!-~]([ -~]{0,60}[!-~])?$/);

const MESSAGE = fc.record({
  fields: fc.dictionary(NAME, TEXT),
  body: fc.oneof(
    fc.uint8Array({ maxLength: 200 }),
    fc.integer({ min: 10_000, max: 200_000 }).map((size) => Buffer.alloc(size, 'z')),
  ),
  trailers: fc.dictionary(fc.constantFrom('x-t', 'grpc-status'), TEXT),
});

test('whatever nghttp2 sends through comes back the same', async (t) => {
  const { session } = await client(t, echo);
  await fc.assert(
    fc.asyncProperty(fc.array(MESSAGE, { minLength: 1, maxLength: 6 }), async (messages) => {
      const answers = await Promise.all(
        messages.map(({ fields, body, trailers }) => {
          const stream = session.request(
            { ':method': 'POST', ':path': '/x', ...fields },
            { waitForTrailers: true },
          );
          stream.on('wantTrailers', () => stream.sendTrailers(trailers));
          stream.end(body);
          return read(stream);
        }),
      );
      answers.forEach(({ headers, trailers, body }, index) => {
        const sent = messages[index]!;
        for (const [name, value] of Object.entries(sent.fields)) assert.equal(headers[name], value);
        for (const [name, value] of Object.entries(sent.trailers)) assert.equal(trailers[name], value);
        assert.deepEqual(Object.keys(trailers).sort(), Object.keys(sent.trailers).sort());
        assert.ok(body.equals(sent.body));
      });
    }),
    { numRuns: 30 },
  );
});

test('many requests at once are kept apart, over as few connections as the server allows', async (t) => {
  const { hop, session } = await client(t, (stream, headers) => {
    stream.respond({ ':status': 200 });
    setImmediate(() => stream.end(headers[':path']));
  });
  const answers = await Promise.all(
    Array.from({ length: 300 }, (_, index) => read(session.request({ ':path': `/${index}` }).end())),
  );
  answers.forEach(({ body }, index) => {
    assert.equal(body.toString(), `/${index}`);
  });
  assert.ok(hop.upstreams.length >= 2);
});

test('a head of many kilobytes passes, in as many frames as it needs', async (t) => {
  const big = Object.fromEntries(Array.from({ length: 12 }, (_, index) => [`x-${index}`, 'v'.repeat(4_000)]));
  const { session } = await client(
    t,
    echo,
    {},
    { maxHeaderListPairs: 200, settings: { maxHeaderListSize: 1 << 20 } },
  );
  const { headers } = await read(session.request({ ':path': '/', ...big }));
  assert.equal(headers['x-11'], big['x-11']);
});

test('interim responses pass, those after them too', async (t) => {
  const { session } = await client(t, (stream) => {
    stream.additionalHeaders({ ':status': 103, link: '</a.css>' });
    stream.respond({ ':status': 200 });
    stream.end('done');
  });
  const stream = session.request({ ':path': '/' });
  const interim = new Promise<http2.IncomingHttpHeaders>((resolve) => stream.once('headers', resolve));
  const answer = await read(stream);
  assert.equal((await interim).link, '</a.css>');
  assert.equal(answer.body.toString(), 'done');
});

test('a client that gives up gives up at the server too', async (t) => {
  let gone: (code: number) => void = () => {};
  const code = new Promise<number>((resolve) => {
    gone = resolve;
  });
  const { session } = await client(t, (stream) => {
    stream.respond({ ':status': 200 });
    stream.write('first');
    stream.on('close', () => gone(stream.rstCode));
  });
  const stream = session.request({ ':path': '/' });
  stream.on('error', () => {});
  stream.on('data', () => stream.close(http2.constants.NGHTTP2_CANCEL));
  assert.equal(await code, http2.constants.NGHTTP2_CANCEL);
});

test('a response that is cut at the server is cut at the client, and not a whole one', async (t) => {
  const { session, hop } = await client(t, (stream) => {
    stream.respond({ ':status': 200 });
    stream.write('half', () => stream.destroy(new Error('cut')));
  });
  await assert.rejects(read(session.request({ ':path': '/' })));
  assert.equal(hop.failed.length, 1);
  const next = session.request({ ':path': '/' });
  next.on('error', () => {});
  await new Promise((resolve) => next.once('response', resolve));
});

test('an extended CONNECT passes as a tunnel, both ways', async (t) => {
  const { session } = await client(
    t,
    (stream, headers) => {
      assert.equal(headers[':protocol'], 'websocket');
      stream.respond({ ':status': 200 });
      stream.pipe(stream);
    },
    {},
    { settings: { enableConnectProtocol: true } },
  );
  await new Promise((resolve) => session.once('remoteSettings', resolve));
  const stream = session.request({ ':method': 'CONNECT', ':protocol': 'websocket', ':path': '/chat' });
  const answer = read(stream);
  stream.write('one ');
  setTimeout(() => stream.end('two'), 20);
  const { headers, body } = await answer;
  assert.equal(headers[':status'], 200);
  assert.equal(body.toString(), 'one two');
});

test('a tunnel that is cut on one side is cut on the other', async (t) => {
  const { session } = await client(
    t,
    (stream) => {
      stream.respond({ ':status': 200 });
      stream.write('half', () => stream.destroy(new Error('cut')));
    },
    {},
    { settings: { enableConnectProtocol: true } },
  );
  await new Promise((resolve) => session.once('remoteSettings', resolve));
  const stream = session.request({ ':method': 'CONNECT', ':protocol': 'websocket', ':path': '/chat' });
  await assert.rejects(read(stream));
});

test('a server that goes away gracefully loses no request', async (t) => {
  const sessions = new Set<http2.Http2Session>();
  const { session } = await client(t, (stream) => {
    sessions.add(stream.session!);
    stream.respond({ ':status': 200 });
    setTimeout(() => stream.end('ok'), 10);
  });
  const answers: Promise<Answer>[] = [];
  for (let index = 0; index < 60; index += 1) {
    answers.push(read(session.request({ ':path': `/${index}` })));
    if (index % 20 === 10) for (const one of sessions) one.close();
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
  for (const { body } of await Promise.all(answers)) assert.equal(body.toString(), 'ok');
  assert.ok(sessions.size >= 2);
});

test('an endpoint that is not HTTP/2 fails the request and does not answer it', async (t) => {
  const server = await serveRequests((request) => request.answer(200, ''));
  t.after(() => server.close());
  const hop = await startHop(t, server.port);
  const session = http2.connect(`http://127.0.0.1:${hop.port}`);
  t.after(() => session.destroy());
  const { headers } = await read(session.request({ ':path': '/' }));
  assert.equal(headers[':status'], 502);
});
