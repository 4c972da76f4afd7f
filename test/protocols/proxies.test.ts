import assert from 'node:assert/strict';
import { after, describe, it } from 'node:test';
import { runOk } from '../cluster/command.ts';
import { withoutGo } from '../conformance/go-binary.ts';
import { goPeer, startGoServer } from './go-peer.ts';
import { HTTP_APPS } from './http-app.fixture.ts';
import { type ProxyPeer, type Speaks, startHaproxy, startNginx } from './proxies.fixture.ts';
import { without } from './tools.ts';
import { type Undeclared, undeclared } from './undeclared.fixture.ts';

/**
 * nginx and HAProxy on either side of two sidecars, and Go's server; Go's client asks. `before`: the client asks the
 * proxy, which asks the mesh. `behind`: the client asks the mesh, which asks the proxy.
 */
type Place = 'before' | 'behind';
interface Peer {
  readonly name: string;
  readonly skip: string | false;
  readonly start: (to: number) => Promise<ProxyPeer>;
  /** by the client, and by the peer of what it asks */
  readonly asked: Speaks;
  readonly asks: Speaks;
  readonly places: readonly Place[];
}

const VERSION = { h1: 'HTTP/1.1', h2: 'HTTP/2' } as const;
const noNginx = await without('nginx');
const noHaproxy = await without('haproxy');
const noGo = withoutGo() ?? false;

const haproxy = (asked: Speaks, asks: Speaks): Peer => ({
  ...{ name: 'HAProxy', skip: noHaproxy, asked, asks, places: ['before', 'behind'] },
  start: (to) => startHaproxy(to, asked, asks),
});
const PEERS: readonly Peer[] = [
  {
    ...{ name: 'nginx', skip: noNginx, asked: 'h1', asks: 'h1', places: ['before', 'behind'] },
    start: (to) => startNginx(to),
  },
  {
    ...{ name: 'nginx', skip: noNginx, asked: 'h2', asks: 'h1', places: ['before', 'behind'] },
    start: (to) => startNginx(to, ' http2'),
  },
  haproxy('h1', 'h1'),
  haproxy('h2', 'h2'),
  haproxy('h1', 'h2'),
  haproxy('h2', 'h1'),
];

async function askGo(speaks: Speaks, port: number, skips: readonly string[] = []): Promise<void> {
  const said = (await runOk(await goPeer(), ['client', VERSION[speaks], String(port), ...skips]))
    .trim()
    .split('\n');
  const steps = ['GET', 'POST', 'trailers', 'streamed', '100 requests'];
  assert.deepEqual(
    said,
    steps.filter((step) => !skips.includes(step)),
  );
}

describe('proxies and servers of others', { skip: noGo }, () => {
  const running: (() => Promise<void>)[] = [];
  const started = async <Part extends { stop(): Promise<void> }>(starting: Promise<Part>): Promise<Part> => {
    const part = await starting;
    running.push(() => part.stop());
    return part;
  };
  after(async () => {
    for (const stop of running.reverse()) await stop();
  });

  for (const { name, skip, start, asked, asks, places } of PEERS) {
    // nginx 1.22 takes no trailers from whom it asks
    const skips = name === 'nginx' ? ['trailers'] : [];
    for (const place of places) {
      it(`${name} ${place} the mesh, asked by ${VERSION[asked]}, asking by ${VERSION[asks]}`, {
        skip,
      }, async () => {
        const app = await started(HTTP_APPS[VERSION[asks]]());
        let mesh: Undeclared;
        let proxy: ProxyPeer;
        if (place === 'before') {
          mesh = await started(undeclared(app.port));
          proxy = await started(start(mesh.port));
          await askGo(asked, proxy.port, skips);
        } else {
          proxy = await started(start(app.port));
          mesh = await started(undeclared(proxy.port));
          await askGo(asked, mesh.port, skips);
        }
        assert.ok(mesh.opened().byClients > 0);
      });
    }
  }

  // with windows of 64 KiB for responses it does, in every such run; see docs/reference/protocols.md
  it('HAProxy behind the mesh does not stop when many clients keep both directions busy', {
    skip: noHaproxy,
  }, async () => {
    const app = await started(HTTP_APPS['HTTP/2']());
    const proxy = await started(startHaproxy(app.port, 'h2', 'h2'));
    const mesh = await started(undeclared(proxy.port));
    for (let round = 0; round < 4; round += 1) {
      await Promise.all(Array.from({ length: 8 }, () => askGo('h2', mesh.port)));
    }
  });

  for (const speaks of ['h1', 'h2'] as const) {
    it(`Go’s server behind the mesh, asked by ${VERSION[speaks]}`, async () => {
      const app = await started(startGoServer());
      const mesh = await started(undeclared(app.port));
      await askGo(speaks, mesh.port);
      assert.equal(mesh.opened().byClients, 1);
    });
  }
});
