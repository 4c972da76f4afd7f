import assert from 'node:assert/strict';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import http from 'node:http';
import http2 from 'node:http2';
import type { Duplex } from 'node:stream';
import { after, before, describe, it } from 'node:test';
import { type Mesh, startMesh } from '../soak/mesh.ts';
import { HTTP_APPS, type HttpApp } from './http-app.fixture.ts';

/** Bodies that last: each piece has to arrive before the next one is sent, and huge ones must not stay in memory. */

/** GB each way; 10 by hand: it takes minutes. */
const GIGABYTES = Number(process.env.WEFT_STREAM_GB ?? 1);
const PIECE = Buffer.alloc(64 * 1024, 'weft');
const MEBIBYTE = 1024 * 1024;
/** Loose: what a garbage collector leaves lying about. A body that stayed would be 1,000. */
const MAX_GROWTH_MIB = 256;

for (const [version, start] of Object.entries(HTTP_APPS)) {
  describe(`bodies over ${version} through two sidecars`, () => {
    let app: HttpApp;
    let mesh: Mesh;
    before(async () => {
      app = await start();
      mesh = await startMesh(app.port);
    });
    after(async () => {
      await mesh?.stop();
      await app?.stop();
    });

    it('hands on each event of a stream of events before the next one is sent', async () => {
      const exchange = await open(version, mesh.web.outboundPort, 'GET', '/events');
      const events = exchange.body[Symbol.asyncIterator]();
      for (let index = 0; index < 5; index += 1) {
        app.emit(`data: ${index}\n\n`);
        assert.equal(String((await events.next()).value), `data: ${index}\n\n`);
      }
      exchange.close();
    });

    it('hands on the answer to a poll that was kept waiting as soon as it comes', async () => {
      const exchange = await open(version, mesh.web.outboundPort, 'GET', '/events');
      const first = once(exchange.body, 'data');
      await new Promise((resolve) => setTimeout(resolve, 1_500));
      app.emit('news');
      assert.equal(String((await first)[0]), 'news');
      exchange.close();
    });

    it(`streams ${GIGABYTES} GB there and back at once, and keeps none of it`, async (t) => {
      const total = Math.round((GIGABYTES * 1e9) / PIECE.length) * PIECE.length;
      const exchange = await open(version, mesh.web.outboundPort, 'POST', '/echo');
      const memory = watch([mesh.web.pid, mesh.api.pid]);
      const startMs = performance.now();
      const sent = send(exchange.request, total);
      let received = 0;
      for await (const bytes of exchange.body) {
        // once buffers have their size
        if (received < 100 * MEBIBYTE && received + bytes.length >= 100 * MEBIBYTE) memory.begin();
        received += bytes.length;
      }
      await sent;
      const seconds = (performance.now() - startMs) / 1_000;
      const growth = memory.end();
      exchange.close();
      assert.equal(received, total);
      const rates = `${Math.round(total / 1e6 / seconds)} MB/s each way`;
      const sides = growth.map(({ from, most }) => `${from} to ${most} MiB`).join(', ');
      t.diagnostic(`${rates}; RSS of the caller’s and the server’s sidecar: ${sides}`);
      for (const { from, most } of growth) assert.ok(most - from < MAX_GROWTH_MIB, sides);
    });
  });
}

interface Exchange {
  readonly request: NodeJS.WritableStream;
  readonly body: AsyncIterable<Buffer> & NodeJS.ReadableStream;
  close(): void;
}

async function open(version: string, port: number, method: string, path: string): Promise<Exchange> {
  if (version === 'HTTP/1.1') return openHttp1(port, method, path);
  const session = http2.connect(`http://127.0.0.1:${port}`);
  session.on('error', () => {});
  const stream: Duplex = session.request(
    { ':method': method, ':path': path },
    { endStream: method === 'GET' },
  );
  await once(stream, 'response');
  return { request: stream, body: stream as Exchange['body'], close: () => session.destroy() };
}

async function openHttp1(port: number, method: string, path: string): Promise<Exchange> {
  const request = http.request({ host: '127.0.0.1', port, method, path, agent: false });
  if (method === 'GET') request.end();
  else request.flushHeaders();
  const [response] = (await once(request, 'response')) as [http.IncomingMessage];
  response.on('error', () => {});
  return { request, body: response, close: () => request.destroy() };
}

async function send(to: NodeJS.WritableStream, total: number): Promise<void> {
  for (let sent = 0; sent < total; sent += PIECE.length) {
    if (!to.write(PIECE)) await once(to, 'drain');
  }
  to.end();
}

interface Growth {
  readonly from: number;
  readonly most: number;
}

/** Resident memory of processes, MiB. */
function watch(pids: readonly number[]): { begin(): void; end(): Growth[] } {
  const seen = pids.map(() => ({ from: 0, most: 0 }));
  const look = () => {
    for (const [index, pid] of pids.entries())
      seen[index]!.most = Math.max(seen[index]!.most, residentMib(pid));
  };
  const timer = setInterval(look, 100);
  return {
    begin: () => {
      for (const [index, pid] of pids.entries()) seen[index]!.from = residentMib(pid);
    },
    end: () => {
      clearInterval(timer);
      look();
      return seen;
    },
  };
}

function residentMib(pid: number): number {
  return Math.round(
    Number(/^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))![1]) / 1024,
  );
}
