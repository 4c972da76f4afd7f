import assert from 'node:assert/strict';
import { once } from 'node:events';
import http from 'node:http';
import http2 from 'node:http2';
import { test } from 'node:test';
import { start, toClose } from './testing/harness.ts';
import { ok, record, serveHttp, type TestServer } from './testing/wire.ts';

/** Callers outside the mesh hold connections, and nobody but the connection tells them to look for another pod. */
async function terminating() {
  let relay: TestServer | undefined;
  const via = async (inboundPort: () => number) => {
    relay = await record(inboundPort);
    toClose.push(relay.close);
    return relay.port;
  };
  const pair = await start(await serveHttp(() => ok('ok')), { via });
  const agent = new http.Agent({ keepAlive: true, maxSockets: 1 });
  toClose.push(async () => agent.destroy());
  const ask = async (port: number) => {
    const request = http.get({ port, host: '127.0.0.1', agent, headers: { host: 'api' } });
    const [response] = (await once(request, 'response')) as [http.IncomingMessage];
    response.resume();
    await once(response, 'end');
    return [response.statusCode, response.headers.connection ?? 'keep-alive'];
  };
  return { pair, ask, connectionsOfMesh: () => relay!.accepted.length };
}

test('a caller outside the mesh is answered, and asked to close, from when the pod is told to end', async () => {
  const { pair, ask } = await terminating();
  assert.deepEqual(await ask(pair.inboundPort), [200, 'keep-alive']);
  pair.api.path.terminate();
  for (let count = 0; count < 2; count += 1) {
    assert.deepEqual(await ask(pair.inboundPort), [200, 'close']);
  }
});

test('a caller outside the mesh hears GOAWAY behind its next request from when the pod is told to end', async () => {
  const { pair } = await terminating();
  const session = http2.connect(`http://127.0.0.1:${pair.inboundPort}`);
  toClose.push(async () => session.destroy());
  const ask = async () => {
    const stream = session.request({ ':path': '/', ':authority': 'api' });
    const [headers] = await once(stream, 'response');
    stream.resume();
    await once(stream, 'end');
    return headers[':status'];
  };
  assert.equal(await ask(), 200);
  const goaway = once(session, 'goaway');
  pair.api.path.terminate();
  assert.equal(await ask(), 200);
  await goaway;
});

test('the connections of callers in the mesh, which are told by the control plane, are kept', async () => {
  const { pair, ask, connectionsOfMesh } = await terminating();
  assert.deepEqual(await ask(pair.port), [200, 'keep-alive']);
  pair.api.path.terminate();
  for (let count = 0; count < 3; count += 1) assert.deepEqual(await ask(pair.port), [200, 'keep-alive']);
  assert.equal(connectionsOfMesh(), 1);
});
