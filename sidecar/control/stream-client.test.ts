import assert from 'node:assert/strict';
import type { AddressInfo } from 'node:net';
import { before, describe, it, type TestContext } from 'node:test';
import { createServer } from 'node:tls';
import { type OperatorMessage, type SidecarMessage, STREAM_LINE_MAX_BYTES } from '../../api/stream.ts';
import {
  createTestAuthority,
  OPERATOR_ID,
  type TestAuthority,
  WORKLOAD_ID,
} from '../../test/fixtures/certificate-authority.ts';
import { createLog } from '../log.ts';
import { systemClock } from './clock.ts';
import { eventually, proxyConfig } from './control.fixture.ts';
import { TestControlPlane } from './control-plane.fixture.ts';
import type { ControlPlaneTarget } from './dial.ts';
import { StreamClient } from './stream-client.ts';

let authority: TestAuthority;
let client: { certificate: string; privateKey: string };
before(async () => {
  authority = await createTestAuthority();
  client = await authority.issue({ dns: ['p1'] });
});

const HELLO: SidecarMessage = { type: 'hello', proxyId: 'p1', agent: 'test' };

function connect(
  t: TestContext,
  port: number,
  options: { pingIntervalMs?: number; random?: () => number } = {},
) {
  const seen = {
    messages: [] as OperatorMessage[],
    ups: 0,
    downs: 0,
    logs: [] as string[],
    greeting: [HELLO] as SidecarMessage[],
    target: {
      ...{ host: '127.0.0.1', port, spiffeId: OPERATOR_ID, trustBundle: authority.root, client },
    } as ControlPlaneTarget | undefined,
  };
  const stream = new StreamClient({
    handler: {
      target: () => seen.target,
      greeting: () => seen.greeting,
      onMessage: (message) => seen.messages.push(message),
      onUp: () => {
        seen.ups += 1;
      },
      onDown: () => {
        seen.downs += 1;
      },
    },
    clock: systemClock,
    random: options.random ?? (() => 0.01),
    log: createLog({ level: 'debug', write: (line) => seen.logs.push(line) }),
    ...(options.pingIntervalMs && { pingIntervalMs: options.pingIntervalMs }),
  });
  t.after(() => stream.stop());
  stream.start();
  return { stream, seen };
}

/** The reason of the first failure; fails when the stream comes up instead. */
async function refusal(seen: { ups: number; downs: number; logs: string[] }): Promise<string> {
  await eventually('the attempt fails', () => seen.downs > 0);
  assert.equal(seen.ups, 0);
  return (JSON.parse(seen.logs.find((line) => line.includes('the stream is down'))!) as { reason: string })
    .reason;
}

describe('the stream', () => {
  it('says hello, shows its identity, and passes on what it is told', async (t) => {
    const plane = await TestControlPlane.start(t, authority);
    const { seen } = connect(t, plane.port);
    await eventually('it is up', () => seen.ups === 1);
    const [hello] = await plane.last.receives('hello');
    assert.deepEqual(hello, HELLO);
    assert.equal(plane.last.headers[':method'], 'POST');
    assert.equal(plane.last.headers[':path'], '/v1/stream');
    assert.ok(plane.last.peerNames.includes(`URI:${WORKLOAD_ID}`), plane.last.peerNames);
    plane.last.send({ type: 'ping' }, { type: 'config', config: proxyConfig() });
    plane.last.sendRaw('{"type":"of another version"}\nnull\n1\n');
    plane.last.send({ type: 'destination', key: 'a', destination: null });
    await eventually('both arrive', () => seen.messages.length === 2);
    assert.deepEqual(
      seen.messages.map(({ type }) => type),
      ['config', 'destination'],
    );
  });

  it('connects again and repeats its greeting when the connection breaks', async (t) => {
    const plane = await TestControlPlane.start(t, authority);
    const { seen } = connect(t, plane.port);
    await eventually('it is up', () => seen.ups === 1);
    seen.greeting = [HELLO, { type: 'subscribe', key: 'a' }, { type: 'subscribe', key: 'b' }];
    plane.breakConnections();
    await eventually('it is up again', () => seen.ups === 2);
    assert.equal(seen.downs, 1);
    const subscribed = await plane.last.receives('subscribe', 2);
    assert.deepEqual(
      subscribed.map(({ key }) => key),
      ['a', 'b'],
    );
  });

  it('finds a control plane that comes back on the same port', async (t) => {
    const first = await TestControlPlane.start(t, authority);
    const { port } = first;
    const { seen } = connect(t, port);
    await eventually('it is up', () => seen.ups === 1);
    await first.stop();
    await eventually('it has tried in vain', () => seen.downs >= 3);
    await TestControlPlane.start(t, authority, { port });
    await eventually('it is up again', () => seen.ups === 2);
  });

  it('draws how long it waits before each attempt', async (t) => {
    let draws = 0;
    const random = () => {
      draws += 1;
      return 0;
    };
    const { seen } = connect(t, 1, { random });
    await eventually('it tries again and again', () => seen.downs >= 5);
    assert.ok(draws >= 5);
  });

  it('does nothing until it knows where, and then connects', async (t) => {
    const plane = await TestControlPlane.start(t, authority);
    const { stream, seen } = connect(t, plane.port);
    stream.stop();
    const { target } = seen;
    seen.target = undefined;
    stream.start();
    assert.equal(plane.connections.length, 0);
    seen.target = target;
    stream.start();
    await eventually('it is up', () => seen.ups === 1);
  });

  it('refuses a server that is another workload', async (t) => {
    const plane = await TestControlPlane.start(t, authority, { spiffeId: WORKLOAD_ID });
    assert.match(await refusal(connect(t, plane.port).seen), /says .*sa\/web, not .*weft-operator/);
    assert.equal(plane.connections.length, 0, 'nothing was sent');
  });

  it('refuses a server with two identities, or none', async (t) => {
    for (const uris of [[OPERATOR_ID, WORKLOAD_ID], []]) {
      const plane = await TestControlPlane.start(t, authority, { uris });
      assert.match(await refusal(connect(t, plane.port).seen), /exactly one SPIFFE ID/);
    }
  });

  it('refuses a server of another root, and an expired one', async (t) => {
    const stranger = await TestControlPlane.start(t, await createTestAuthority('stranger'));
    assert.match(await refusal(connect(t, stranger.port).seen), /issuer certificate|self.signed|verify/i);
    const past = { notBefore: new Date(Date.now() - 7200_000), notAfter: new Date(Date.now() - 3600_000) };
    const expired = await TestControlPlane.start(t, authority, past);
    assert.match(await refusal(connect(t, expired.port).seen), /expired/);
  });

  it('refuses a server that does not speak HTTP/2', async (t) => {
    const { certificate, privateKey } = await authority.issue({ spiffeId: OPERATOR_ID });
    for (const alpn of [{}, { ALPNProtocols: ['http/1.1'] }]) {
      const server = createServer({ cert: certificate, key: privateKey, ...alpn }, (socket) =>
        socket.resume(),
      );
      server.on('tlsClientError', () => {});
      await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
      const { stream, seen } = connect(t, (server.address() as AddressInfo).port);
      assert.match(await refusal(seen), /does not speak HTTP\/2|no application protocol/i);
      stream.stop();
      await new Promise((resolve) => server.close(resolve));
    }
  });

  it('takes any answer but 200 for a failure', async (t) => {
    const plane = await TestControlPlane.start(t, authority);
    plane.status = 403;
    assert.match(await refusal(connect(t, plane.port).seen), /answered 403/);
  });

  it('ends a connection that sends something other than JSON, and does not log it', async (t) => {
    const plane = await TestControlPlane.start(t, authority);
    const { seen } = connect(t, plane.port);
    await eventually('it is up', () => seen.ups === 1);
    plane.last.sendRaw('-----BEGIN PRIVATE KEY-----\n');
    await eventually('it is up again', () => seen.ups === 2);
    const logs = seen.logs.join('');
    assert.match(logs, /not valid JSON \(27 characters\)/);
    assert.doesNotMatch(logs, /PRIVATE KEY/);
  });

  it('ends a connection that sends an endless line', async (t) => {
    const plane = await TestControlPlane.start(t, authority);
    const { seen } = connect(t, plane.port);
    await eventually('it is up', () => seen.ups === 1);
    plane.last.sendRaw('x'.repeat(STREAM_LINE_MAX_BYTES + 1));
    await eventually('it is up again', () => seen.ups === 2);
    assert.match(seen.logs.join(''), /longer than 4194304 bytes/);
  });

  it('pings when it has nothing to say, and gives up on a silent control plane', async (t) => {
    const plane = await TestControlPlane.start(t, authority);
    const { seen } = connect(t, plane.port, { pingIntervalMs: 20 });
    await eventually('it is up', () => seen.ups === 1);
    const [first] = plane.connections;
    await first!.receives('ping');
    await eventually('it has given up', () => seen.downs >= 1);
    assert.match(seen.logs.join(''), /the control plane is silent/);
  });

  it('keeps a connection on which it hears pings', async (t) => {
    const plane = await TestControlPlane.start(t, authority);
    const { stream, seen } = connect(t, plane.port, { pingIntervalMs: 60 });
    await eventually('it is up', () => seen.ups === 1);
    const timer = setInterval(() => plane.last.send({ type: 'ping' }), 20);
    t.after(() => clearInterval(timer));
    await plane.last.receives('ping', 5);
    assert.equal(seen.downs, 0);
    assert.ok(stream.isUp);
  });

  it('logs why the control plane ends it', async (t) => {
    const plane = await TestControlPlane.start(t, authority);
    plane.onStream = (connection) => {
      connection.send({ type: 'error', code: 'gone', message: 'the pod is gone' });
      connection.stream.end();
    };
    const { seen } = connect(t, plane.port);
    await eventually('it has ended', () => seen.downs >= 1);
    assert.match(seen.logs.join(''), /"code":"gone","reason":"the pod is gone"/);
  });

  it('stays down after stop, and says nothing more', async (t) => {
    const plane = await TestControlPlane.start(t, authority);
    const { stream, seen } = connect(t, plane.port);
    await eventually('it is up', () => seen.ups === 1);
    stream.stop();
    stream.send({ type: 'ping' });
    stream.restart();
    await new Promise((resolve) => setTimeout(resolve, 50));
    assert.equal(plane.connections.length, 1);
    assert.equal(stream.isUp, false);
  });
});
