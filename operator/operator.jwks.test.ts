import assert from 'node:assert/strict';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import type { ProxyConfig } from '../api/proxy-config.ts';
import { systemClock } from './clock.ts';
import { createKeySetFetcher } from './keysets/fetch-key-set.ts';
import { Operator } from './operator.ts';
import { createFilesPlatform } from './platforms/files.ts';
import { answerJson, type JwksServer, serveJwks } from './testing/jwks-server.ts';
import { EC_KEY } from './testing/keys.ts';
import { TestSidecar } from './testing/test-sidecar.ts';

const DOCUMENTS = (uri: string) => `apiVersion: weft.dev/v1alpha1
kind: Workload
metadata: {name: web, namespace: shop}
spec:
  serviceAccount: web
  service: web
  ports: [{name: http, port: 18180, appPort: 18181}]
  admin: {port: 18182}
---
apiVersion: weft.dev/v1alpha1
kind: MeshPolicy
metadata: {name: tokens, namespace: shop}
spec:
  inbound:
    jwt: {issuers: [{name: id, issuer: "https://id.example", jwks: {type: URI, uri: "${uri}"}}]}
`;

/** The operator on a folder, which may reach loopback where it otherwise may not. */
async function setUp(t: TestContext, server: JwksServer) {
  const base = await mkdtemp(join(tmpdir(), 'weft-jwks-'));
  const [folder, stateFolder] = [await mkdtemp(join(base, 'documents-')), join(base, 'state')];
  await writeFile(join(folder, 'shop.yaml'), DOCUMENTS(server.uri));
  const stops: (() => Promise<void>)[] = [];
  t.after(async () => {
    for (const stop of stops) await stop();
    await rm(base, { recursive: true, force: true });
  });
  const log = { debug() {}, info() {}, warn() {}, error() {} };
  const start = async () => {
    const operator = await Operator.start({
      platform: createFilesPlatform({ folder, stateFolder, clock: systemClock, log }),
      ...{ trustDomain: 'cluster.local', controlPlaneNamespace: 'weft-system', clock: systemClock, log },
      fetchKeySet: createKeySetFetcher({
        refuses: (address) => (address === '127.0.0.1' ? undefined : 'not for tests'),
        resolve: async () => [{ address: '127.0.0.1', family: 4 }],
        extraRoots: server.root,
        clock: systemClock,
      }),
      listen: { host: '127.0.0.1', port: 0 },
      random: Math.random,
    });
    let stopped: Promise<void> | undefined;
    const stop = () => {
      stopped ??= operator.stop();
      return stopped;
    };
    stops.push(stop);
    return { operator, stop };
  };
  const read = (...parts: string[]) => readFile(join(stateFolder, ...parts), 'utf8');
  return { start, read };
}

async function eventually<T>(get: () => Promise<T>, holds: (value: T) => boolean): Promise<T> {
  let last: unknown;
  for (let attempt = 0; attempt < 500; attempt += 1) {
    try {
      const value = await get();
      if (holds(value)) return value;
      last = value;
    } catch (error) {
      last = error;
    }
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  throw new Error(`never: ${JSON.stringify(last)}`);
}

const keysIn = (config: ProxyConfig) => config.inbound.issuers?.flatMap(({ keys }) => keys);

describe('keys that a policy names by URI', () => {
  it('reach the proxy, and stay with it when the operator restarts while they cannot be had', async (t) => {
    let isUp = true;
    const server = await serveJwks(t, (request, response) => {
      if (isUp) answerJson({ keys: [EC_KEY] })(request, response);
      else request.socket.destroy();
    });
    const { start, read } = await setUp(t, server);
    const config = async () => JSON.parse(await read('proxies', 'shop-web', 'config.json')) as ProxyConfig;
    const first = await start();
    const written = await eventually(config, (now) => keysIn(now)?.length === 1);
    assert.deepEqual(keysIn(written), [EC_KEY]);
    assert.equal(written.inbound.issuers?.[0]?.jwksUri, server.uri);
    await first.stop();

    isUp = false;
    const before = server.connections();
    const { operator } = await start();
    const leaf = {
      certificate: await read('proxies', 'shop-web', 'tls.crt'),
      privateKey: await read('proxies', 'shop-web', 'tls.key'),
    };
    const port = Number(operator.streamAddress.split(':').at(-1));
    const sidecar = new TestSidecar({ port }, operator.authority.trustBundle, leaf);
    t.after(() => sidecar.close());
    sidecar.hello('shop-web');
    const { config: told } = (await sidecar.get('config')) as unknown as { config: ProxyConfig };
    assert.deepEqual(keysIn(told), [EC_KEY]);
    type Status = { conditions: { type: string; status: string; message: string }[] };
    const status = async () => JSON.parse(await read('status', 'shop', 'tokens.json')) as Status;
    const resolved = (now: Status) => now.conditions.find(({ type }) => type === 'ResolvedRefs');
    const said = await eventually(status, (now) => resolved(now)?.status === 'False');
    assert.match(resolved(said)!.message, /could not be fetched/);
    assert.ok(server.connections() > before);
    assert.deepEqual(keysIn(await config()), [EC_KEY]);
  });
});
