import assert from 'node:assert/strict';
import { createServer, type RequestListener, type Server } from 'node:http';
import { type AddressInfo, createServer as createTcp } from 'node:net';
import { describe, it, type TestContext } from 'node:test';
import { PROBE_PATH_PREFIX, SCRAPE_KEY } from '../../api/probes.ts';
import { eventually } from '../control/control.fixture.ts';
import { SILENT } from '../log.ts';
import { parseProbes } from './declared-probes.ts';
import { relayScrape } from './scrape-relay.ts';
import { AdminServer } from './server.ts';

const TOKEN = '0123456789abcdef0123456789abcdef';

async function listen(t: TestContext, server: Pick<Server, 'listen' | 'address' | 'close'>): Promise<number> {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.after(() => server.close());
  return (server.address() as AddressInfo).port;
}

/** The page of an app, scraped through the admin port. */
async function scraped(t: TestContext, action: object, timeoutSeconds = 2) {
  const probes = parseProbes(JSON.stringify({ [`${TOKEN}/${SCRAPE_KEY}`]: { ...action, timeoutSeconds } }));
  const server = new AdminServer({
    ...{ reasons: () => [], metrics: () => 'own 1\n', log: SILENT, probes, podIp: '127.0.0.1' },
  });
  t.after(() => server.close());
  server.listen({ host: '127.0.0.1', port: 0 });
  await eventually('it is bound', () => server.boundPort !== undefined);
  return (init?: RequestInit) =>
    fetch(`http://127.0.0.1:${server.boundPort}${PROBE_PATH_PREFIX}${TOKEN}/${SCRAPE_KEY}`, init);
}

async function ofApp(t: TestContext, app: RequestListener, timeoutSeconds?: number) {
  const port = await listen(t, createServer({ keepAliveTimeout: 1 }, app));
  return scraped(t, { httpGet: { path: '/metrics?all=1', port } }, timeoutSeconds);
}

describe('a declared scrape', () => {
  it('hands the page of the app on, as Prometheus and the app agree, from the exempted address', async (t) => {
    const seen: unknown[] = [];
    const scrape = await ofApp(t, (request, response) => {
      const { accept, authorization, 'x-prometheus-scrape-timeout-seconds': seconds } = request.headers;
      seen.push([request.url, request.socket.remoteAddress, accept, seconds, authorization]);
      response.writeHead(200, { 'content-type': 'text/plain; version=0.0.4', 'set-cookie': 'a=b' });
      response.end('app_total 5\n');
    });
    const headers = {
      accept: 'text/plain',
      authorization: 'Bearer secret',
      'x-prometheus-scrape-timeout-seconds': '9',
    };
    const answer = await scrape({ headers });
    assert.equal(await answer.text(), 'app_total 5\n');
    assert.equal(answer.headers.get('content-type'), 'text/plain; version=0.0.4');
    assert.equal(answer.headers.get('set-cookie'), null);
    assert.deepEqual(seen, [['/metrics?all=1', '127.0.0.6', 'text/plain', '9', undefined]]);
  });

  it('has the status of the app, and an error where there is no app', async (t) => {
    const scrape = await ofApp(t, (_request, response) => response.writeHead(404).end('no metrics'));
    assert.equal((await scrape()).status, 404);
    const nobody = await (await scraped(t, { httpGet: { port: 1 } }))();
    assert.equal(nobody.status, 503);
    assert.match(await nobody.text(), /^the app has no metrics to show: /);
  });

  it('waits no longer than it was told', async (t) => {
    const scrape = await ofApp(t, () => {}, 1);
    assert.equal((await scrape()).status, 503);
  });

  it('is cut off where the app ends in the middle, lest half a page look whole', async (t) => {
    const scrape = await ofApp(t, (_request, response) => {
      response.write('app_total 5\n');
      setTimeout(() => response.destroy(), 20);
    });
    await assert.rejects(async () => (await scrape()).text());
  });

  it('is cut off where it never ends', async (t) => {
    const port = await listen(
      t,
      createServer((_request, response) => response.end(Buffer.alloc(200_000))),
    );
    const probe = { type: 'http', scheme: 'http', path: '/', port, headers: [], timeoutMs: 2_000 } as const;
    const relay = createServer((request, response) => {
      relayScrape(probe, '127.0.0.1', request, response, 100_000).catch(assert.ifError);
    });
    const at = await listen(t, relay);
    await assert.rejects(async () => (await fetch(`http://127.0.0.1:${at}/`)).text());
  });

  it('runs a few times at once and no more', async (t) => {
    const waiting: (() => void)[] = [];
    const scrape = await ofApp(t, (_request, response) => waiting.push(() => response.end('late')));
    const first = Array.from({ length: 4 }, () => scrape());
    await eventually('all ask', () => waiting.length === 4);
    assert.equal((await scrape()).status, 503);
    for (const answer of waiting) answer();
    for (const answer of await Promise.all(first)) assert.equal(await answer.text(), 'late');
  });

  it('is nothing that asks by TCP', async (t) => {
    const port = await listen(t, createTcp() as unknown as Server);
    assert.equal((await (await scraped(t, { tcpSocket: { port } }))()).status, 404);
  });
});
