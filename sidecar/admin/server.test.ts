import assert from 'node:assert/strict';
import { createServer as createHttp, type RequestListener, type ServerResponse } from 'node:http';
import { createServer as createHttps } from 'node:https';
import { type AddressInfo, connect, createServer as createTcp, type Server, type Socket } from 'node:net';
import { describe, it, type TestContext } from 'node:test';
import { createTestAuthority } from '../../test/fixtures/certificate-authority.ts';
import { eventually } from '../control/control.fixture.ts';
import { SILENT } from '../log.ts';
import { parseProbes } from './declared-probes.ts';
import { AdminServer } from './server.ts';

const TOKEN = '0123456789abcdef0123456789abcdef';
const PROBES = `/weft/probe/${TOKEN}/`;

async function listen(t: TestContext, server: Server): Promise<number> {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.after(() => new Promise((resolve) => server.close(resolve)));
  return (server.address() as AddressInfo).port;
}

/** `probes` by `<container>/<kind>`. */
async function admin(t: TestContext, probes: object = {}, reasons: string[] = []) {
  const keyed = Object.fromEntries(Object.entries(probes).map(([key, probe]) => [`${TOKEN}/${key}`, probe]));
  const server = new AdminServer({
    ...{ reasons: () => reasons, metrics: () => 'a 1\n', log: SILENT },
    ...{ probes: parseProbes(JSON.stringify(keyed)), podIp: '127.0.0.1' },
  });
  t.after(() => server.close());
  server.listen({ host: '127.0.0.1', port: 0 });
  await eventually('it is bound', () => server.boundPort !== undefined);
  const get = async (path: string, init: RequestInit = {}) => {
    const answer = await fetch(`http://127.0.0.1:${server.boundPort}${path}`, {
      redirect: 'manual',
      ...init,
    });
    return { status: answer.status, text: await answer.text(), type: answer.headers.get('content-type') };
  };
  return { server, get, reasons };
}

/** An app that answers as told, behind one liveness probe. */
async function probed(t: TestContext, app: RequestListener, httpGet: object = {}, timeoutSeconds = 1) {
  const port = await listen(t, createHttp({ keepAliveTimeout: 1 }, app));
  const { get } = await admin(t, {
    'app/liveness': { httpGet: { path: '/live?deep=1', port, ...httpGet }, timeoutSeconds },
  });
  return {
    port,
    probe: () => get(`${PROBES}app/liveness`, { headers: { 'user-agent': 'kube-probe/1.34' } }),
  };
}

describe('the admin port', () => {
  it('tells health, readiness and metrics', async (t) => {
    const { get, reasons } = await admin(t);
    assert.deepEqual(await get('/healthz'), { status: 200, text: 'ok\n', type: 'text/plain; charset=utf-8' });
    assert.deepEqual(await get('/readyz'), {
      ...{ status: 200, text: '{"ready":true,"reasons":[]}\n', type: 'application/json' },
    });
    assert.deepEqual(await get('/metrics'), {
      ...{ status: 200, text: 'a 1\n', type: 'text/plain; version=0.0.4; charset=utf-8' },
    });
    reasons.push('no configuration');
    const unready = await get('/readyz');
    assert.equal(unready.status, 503);
    assert.deepEqual(JSON.parse(unready.text), { ready: false, reasons: ['no configuration'] });
    assert.equal((await get('/healthz')).status, 200, 'alive all the same');
  });

  it('knows nothing else and changes nothing', async (t) => {
    const { get } = await admin(t);
    for (const path of ['/', '/config', '/drain', '/edges', '/quit', '/weft/probe', '/metrics/']) {
      assert.equal((await get(path)).status, 404, path);
    }
    for (const method of ['POST', 'PUT', 'DELETE']) {
      assert.equal((await get('/healthz', { method })).status, 405, method);
    }
  });

  it('moves to another address, and binds when the address becomes free', async (t) => {
    const blocker = createTcp();
    await new Promise<void>((resolve) => blocker.listen(0, '127.0.0.1', resolve));
    const { port } = blocker.address() as AddressInfo;
    const { server, get } = await admin(t);
    server.listen({ host: '127.0.0.1', port });
    await new Promise((resolve) => setTimeout(resolve, 20));
    assert.equal(server.boundPort, undefined);
    await new Promise((resolve) => blocker.close(resolve));
    await eventually('it is bound', () => server.boundPort === port);
    assert.equal((await get('/healthz')).status, 200);
  });
});

describe('a declared probe', () => {
  it('asks the app what was declared, from the exempted address, and relays its status', async (t) => {
    const seen: unknown[] = [];
    let status = 204;
    const app: RequestListener = (request, response) => {
      const { host, 'x-a': custom, 'user-agent': agent, 'content-length': length } = request.headers;
      seen.push([request.url, request.socket.remoteAddress, host, custom, agent, length]);
      response.writeHead(status).end();
    };
    const httpHeaders = [
      { name: 'Host', value: 'app.example' },
      { name: 'X-A', value: 'b' },
      { name: 'Content-Length', value: '5' },
    ];
    const { probe } = await probed(t, app, { httpHeaders });
    for (status of [200, 204, 404, 500, 503]) assert.equal((await probe()).status, status);
    assert.deepEqual(seen[0], [
      '/live?deep=1',
      '127.0.0.6',
      'app.example',
      'b',
      'kube-probe/1.34',
      undefined,
    ]);
  });

  it('tells the status and not what the app says', async (t) => {
    const { probe } = await probed(t, (_request, response) => response.end('secret'));
    assert.equal((await probe()).text, 'the app answered 200\n');
  });

  it('fails when the app is not there, is late, or does not speak HTTP', async (t) => {
    const { get } = await admin(t, { 'app/liveness': { httpGet: { port: 1 } } });
    assert.equal((await get(`${PROBES}app/liveness`)).status, 503);
    const late = await probed(t, (request) =>
      request.socket.setTimeout(3_000, () => request.socket.destroy()),
    );
    assert.deepEqual((await late.probe()).text, 'no answer within 1000 ms\n');
    const port = await listen(
      t,
      createTcp((socket) =>
        socket
          .on('error', () => {})
          .resume()
          .end('SSH-2.0\r\n'),
      ),
    );
    const other = await admin(t, { 'app/liveness': { httpGet: { port } } });
    assert.equal((await other.get(`${PROBES}app/liveness`)).status, 503);
  });

  it('lets go of the app when the kubelet has given up, and bounds how many run', async (t) => {
    let open = 0;
    const port = await listen(
      t,
      createTcp((socket) => {
        open += 1;
        socket.on('error', () => {}).resume();
        socket.on('close', () => {
          open -= 1;
        });
      }),
    );
    const { server, get } = await admin(t, {
      'app/liveness': { httpGet: { port }, timeoutSeconds: 30 },
      'app/readiness': { tcpSocket: { port } },
    });
    const url = `http://127.0.0.1:${server.boundPort}${PROBES}app/liveness`;
    const impatient = new AbortController();
    const given = Array.from({ length: 4 }, () => fetch(url, { signal: impatient.signal }).catch(() => {}));
    await eventually('all run', () => open === 4);
    assert.deepEqual((await get(`${PROBES}app/liveness`)).text, 'too many of this probe at the same time\n');
    assert.equal((await get(`${PROBES}app/readiness`)).status, 200, 'another has its own share');
    impatient.abort();
    await Promise.all(given);
    await eventually('all are gone', () => open === 0);
  });

  it('follows redirects within the app, and takes one to elsewhere for success', async (t) => {
    const paths: (string | undefined)[] = [];
    let location = '/next?y=1';
    const { probe, port } = await probed(t, (request, response) => {
      paths.push(request.url);
      if (request.url === '/next?y=1') response.writeHead(418).end();
      else response.writeHead(302, { location }).end();
    });
    assert.equal((await probe()).status, 418);
    assert.deepEqual(paths, ['/live?deep=1', '/next?y=1']);
    for (const elsewhere of ['http://example.invalid/', `http://127.0.0.1:${port + 1}/`, 'http://[']) {
      location = elsewhere;
      paths.length = 0;
      assert.deepEqual(await probe(), {
        ...{ status: 200, text: 'the app redirects to another place\n', type: 'text/plain; charset=utf-8' },
      });
      assert.equal(paths.length, 1);
    }
    location = '/again';
    paths.length = 0;
    assert.equal((await probe()).status, 200);
    assert.equal(paths.length, 11, 'ten redirects at most');
  });

  it('does not verify the certificate of an HTTPS app', async (t) => {
    const { certificate, privateKey } = await (await createTestAuthority('unknown')).issue();
    const server = createHttps({ cert: certificate, key: privateKey }, (_request, response) =>
      response.end(),
    );
    const port = await listen(t, server);
    const { get } = await admin(t, { 'app/readiness': { httpGet: { port, scheme: 'HTTPS' } } });
    assert.equal((await get(`${PROBES}app/readiness`)).status, 200);
  });

  it('of a TCP port succeeds when it can be connected', async (t) => {
    const sources: (string | undefined)[] = [];
    const server = createTcp((socket) => {
      sources.push(socket.remoteAddress);
      socket.on('error', () => {}).resume();
    });
    const port = await listen(t, server);
    const { get } = await admin(t, {
      'app/startup': { tcpSocket: { port } },
      'app/liveness': { tcpSocket: { port: 1 } },
    });
    assert.equal((await get(`${PROBES}app/startup`)).status, 200);
    assert.deepEqual(sources, ['127.0.0.6']);
    assert.equal((await get(`${PROBES}app/liveness`)).status, 503);
  });

  it('is the only thing that is dialled', async (t) => {
    const { get } = await admin(t, { 'app/liveness': { tcpSocket: { port: 1 } } });
    for (const path of [
      'app/readiness',
      'other/liveness',
      'app/liveness/',
      'app%2Fliveness',
      'constructor',
      '',
    ]) {
      assert.equal((await get(`${PROBES}${path}`)).status, 404, path);
    }
  });

  it('does not run for who does not know the token', async (t) => {
    let asked = 0;
    const port = await listen(
      t,
      createHttp((_request, response) => {
        asked += 1;
        response.end();
      }),
    );
    const { get } = await admin(t, {
      'app/preStop': { httpGet: { port } },
      'app/postStart': { httpGet: { port } },
    });
    const wrong = `${TOKEN.slice(0, -1)}0`;
    for (const kind of ['preStop', 'postStart']) {
      for (const path of [
        ...[`app/${kind}`, `/app/${kind}`, `${wrong}/app/${kind}`, `${TOKEN}0/app/${kind}`],
        ...[`${TOKEN.toUpperCase()}/app/${kind}`, `${TOKEN}%2Fapp/${kind}`, `*/app/${kind}`],
        `?/${TOKEN}/app/${kind}`,
      ]) {
        const answer = await get(`/weft/probe/${path}`);
        assert.deepEqual([answer.status, answer.text], [404, 'no such probe is declared\n'], path);
      }
    }
    assert.equal(asked, 0);
    assert.equal((await get(`${PROBES}app/preStop`)).status, 200);
    assert.equal(asked, 1);
  });
});

describe('many connections to the admin port', () => {
  const idle = (port: number) =>
    new Promise<Socket>((resolve, reject) => {
      const socket = connect({ port, host: '127.0.0.1' }, () => resolve(socket));
      socket.once('error', reject).on('error', () => {});
    });

  it('do not keep the kubelet out: the oldest idle ones go', async (t) => {
    const { server, get } = await admin(t);
    const sockets: Socket[] = [];
    t.after(() => {
      for (const socket of sockets) socket.destroy();
    });
    for (let count = 0; count < 600; count++) sockets.push(await idle(server.boundPort!));
    assert.equal((await get('/healthz')).status, 200);
    for (const socket of sockets) socket.resume();
    const isGone = (socket: Socket) => socket.destroyed || socket.readableEnded;
    await eventually('the first are gone', () => sockets.slice(0, 88).every(isGone));
    assert.ok(
      sockets.slice(100).every((socket) => !isGone(socket)),
      'the newer ones stay',
    );
  });

  it('do not end a probe that runs', async (t) => {
    const waiting: ServerResponse[] = [];
    const port = await listen(
      t,
      createHttp((_request, response) => void waiting.push(response)),
    );
    const { server, get } = await admin(t, { 'app/preStop': { httpGet: { port }, timeoutSeconds: 30 } });
    const hook = get(`${PROBES}app/preStop`);
    await eventually('the hook runs', () => waiting.length === 1);
    const sockets: Socket[] = [];
    t.after(() => {
      for (const socket of sockets) socket.destroy();
    });
    for (let count = 0; count < 600; count++) sockets.push(await idle(server.boundPort!));
    waiting[0]!.end();
    assert.equal((await hook).status, 200);
  });
});
