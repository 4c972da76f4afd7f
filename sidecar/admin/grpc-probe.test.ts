import assert from 'node:assert/strict';
import { createServer, type ServerHttp2Stream } from 'node:http2';
import { type AddressInfo, createServer as createTcp, type Server } from 'node:net';
import { describe, it, type TestContext } from 'node:test';
import { relayProbe } from './probe-relay.ts';

type Headers = Readonly<Record<string, unknown>>;
type App = (stream: ServerHttp2Stream, headers: Headers, body: Buffer) => void;

async function listen(t: TestContext, server: Server): Promise<number> {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.after(() => server.close());
  return (server.address() as AddressInfo).port;
}

/** A gRPC server, as far as one unary call goes. */
function grpcApp(t: TestContext, app: App): Promise<number> {
  const server = createServer();
  server.on('stream', async (stream, headers) => {
    stream.on('error', () => {});
    const chunks: Buffer[] = [];
    for await (const chunk of stream) chunks.push(chunk);
    app(stream, headers, Buffer.concat(chunks));
  });
  return listen(t, server);
}

const RESPONSE = { ':status': 200, 'content-type': 'application/grpc' };
function answer(stream: ServerHttp2Stream, message: readonly number[], grpcStatus = '0'): void {
  stream.respond(RESPONSE, { waitForTrailers: true });
  stream.on('wantTrailers', () => stream.sendTrailers({ 'grpc-status': grpcStatus }));
  stream.end(Buffer.from([0, 0, 0, 0, message.length, ...message]));
}

const ask = (port: number, service = '', timeoutMs = 2_000) =>
  relayProbe(
    { type: 'grpc', port, service, timeoutMs },
    '127.0.0.1',
    'kube-probe/1.34',
    new AbortController().signal,
  );

describe('a declared gRPC probe', () => {
  it('asks the health service of the app, from the exempted address', async (t) => {
    const seen: unknown[] = [];
    const port = await grpcApp(t, (stream, headers, body) => {
      const { ':path': path, 'content-type': type, te, 'user-agent': agent } = headers;
      seen.push([path, type, te, agent, stream.session?.socket.remoteAddress, [...body]]);
      answer(stream, [8, 1]);
    });
    assert.deepEqual(await ask(port), { status: 200, detail: 'the app answered SERVING' });
    await ask(port, 'a.B');
    const head = ['/grpc.health.v1.Health/Check', 'application/grpc', 'trailers', 'kube-probe/1.34'];
    assert.deepEqual(seen, [
      [...head, '127.0.0.6', [0, 0, 0, 0, 0]],
      [...head, '127.0.0.6', [0, 0, 0, 0, 5, 0x0a, 3, 97, 46, 66]],
    ]);
  });

  it('writes the length of a long service as protocol buffers do', async (t) => {
    let asked: Uint8Array = new Uint8Array();
    const port = await grpcApp(t, (stream, _headers, body) => {
      asked = body;
      answer(stream, [8, 1]);
    });
    await ask(port, 's'.repeat(300));
    assert.deepEqual([...asked.subarray(0, 8)], [0, 0, 0, 1, 47, 0x0a, 0xac, 0x02]);
    assert.equal(asked.length, 308);
  });

  for (const [what, message, detail] of [
    ['not serving', [8, 2], 'the app answered NOT_SERVING'],
    ['unknown', [], 'the app answered UNKNOWN'],
    ['of a service nobody knows', [8, 3], 'the app answered SERVICE_UNKNOWN'],
    ['in a state that does not exist', [8, 9], 'the app answered status 9'],
    ['another message', [0x12, 1, 1], 'the app answered no HealthCheckResponse'],
  ] as const) {
    it(`fails when the answer is ${what}`, async (t) => {
      const port = await grpcApp(t, (stream) => answer(stream, message));
      assert.deepEqual(await ask(port), { status: 503, detail });
    });
  }

  const failing: readonly [string, App, RegExp][] = [
    ['has no health service', (stream) => answer(stream, [], '12'), /grpc-status 12/],
    [
      'says so at once',
      (stream) => stream.respond({ ...RESPONSE, 'grpc-status': '12' }, { endStream: true }),
      /grpc-status 12/,
    ],
    ['speaks no gRPC', (stream) => stream.respond({ ':status': 404 }, { endStream: true }), /404.*no gRPC/],
    [
      'answers endlessly',
      (stream) => {
        stream.respond(RESPONSE);
        stream.end(Buffer.alloc(100_000));
      },
      /more than a health check may/,
    ],
    ['resets the stream', (stream) => stream.close(2), /INTERNAL_ERROR|2/],
  ];
  for (const [what, app, detail] of failing) {
    it(`fails when the app ${what}`, async (t) => {
      const result = await ask(await grpcApp(t, app));
      assert.equal(result.status, 503);
      assert.match(result.detail, detail);
    });
  }

  it('fails when nobody listens, and when the app speaks no HTTP/2', async (t) => {
    assert.equal((await ask(1)).status, 503);
    const port = await listen(
      t,
      createTcp((socket) => socket.on('error', () => {}).end('SSH-2.0\r\n')),
    );
    assert.equal((await ask(port)).status, 503);
  });

  it('waits no longer than it was told', async (t) => {
    const port = await grpcApp(t, () => {});
    assert.deepEqual(await ask(port, '', 100), { status: 503, detail: 'no answer within 100 ms' });
  });
});
