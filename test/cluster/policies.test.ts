import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { after, before, describe, it } from 'node:test';
import type { MeshPolicySpec } from '../../api/mesh-policy.ts';
import { ISSUER, TestKey } from '../../sidecar/testing/tokens.ts';
import { skipWithoutCluster } from './cluster.ts';
import { ingress } from './ingress.ts';
import { ownersView } from './owners-view.ts';
import { API, OUTSIDE, OUTSIDE_PORT, SHOP, V1, V2 } from './policies.fixture.ts';
import { PolicyRoom } from './policyroom.ts';
import { type Pod, request, waitUntil } from './scenario.ts';

type Route = NonNullable<NonNullable<MeshPolicySpec['traffic']>['routes']>[number];
type Inbound = NonNullable<MeshPolicySpec['inbound']>;

/**
 * What a policy says is what is seen on the wire: nothing but `kubectl apply` changes between one answer and the next.
 * Most tests change one policy, `api`, as its owner would, so that each begins where the one before left it.
 */
describe('MeshPolicy on a cluster', { skip: await skipWithoutCluster() }, () => {
  let room: PolicyRoom;
  let web: Pod;
  let catalog: Pod;

  before(async () => {
    room = await PolicyRoom.open();
    ({ web, catalog } = room);
  });
  after(() => room?.close());

  const get = (path: string, args?: string[], from?: Pod) => room.get(path, args, from);
  const routed = (...routes: Route[]) => room.policy('api', { target: API, traffic: { routes } });
  const guarded = (inbound: Inbound) => room.policy('api', { target: API, inbound });
  const answeredBy = (count: number, path: string, ...args: string[]) =>
    room.answeredBy(web, `http://api${path}?n=[1-${count}]`, ...args);

  it('sends a tenth of the requests to the second version when the weights say so', async () => {
    const [v1, v2] = [
      { ...V1, weight: 90 },
      { ...V2, weight: 10 },
    ];
    await routed({ name: 'canary', backends: [v1, v2] });
    const counts = await answeredBy(400, '/canary');
    assert.equal(counts['api v1']! + counts['api v2']!, 400);
    // five standard deviations of 400 draws at 10 %
    assert.ok(counts['api v2']! >= 10 && counts['api v2']! <= 70, JSON.stringify(counts));
  });

  it('sends who has a header to the second version, and everybody else to the first', async () => {
    const match = [{ headers: [{ name: 'x-beta', value: 'yes' }] }];
    await routed({ name: 'beta', match, backends: [V2] }, { name: 'rest', backends: [V1] });
    assert.deepEqual(await answeredBy(10, '/'), { 'api v1': 10 });
    assert.deepEqual(await answeredBy(10, '/', '-H', 'x-beta: yes'), { 'api v2': 10 });
  });

  it('swaps a Service for another, of which its callers see nothing', async () => {
    await routed({ name: 'swapped', backends: [{ service: 'catalog' }], rewrite: { host: 'catalog' } });
    const answer = await get('/swapped');
    assert.equal(answer.status, 200);
    const { app, headers } = JSON.parse(answer.body);
    assert.deepEqual([app, headers.host], ['catalog', 'catalog']);
  });

  it('copies requests to another Service, and answers with the own one', async () => {
    await routed({ name: 'mirrored', mirror: { service: 'catalog' } });
    const counts = await answeredBy(10, '/mirrored');
    assert.equal((counts['api v1'] ?? 0) + (counts['api v2'] ?? 0), 10);
    const copies = async () => (await room.curl(catalog, 'http://127.0.0.1:8080/seen/mirrored'))[0];
    await waitUntil('the copies to come', async () => (await copies()) === '10', 5_000);
  });

  it('tries again what failed', async () => {
    assert.equal((await get(`/fail/1/${randomUUID()}`)).status, 503);
    const retry = { attempts: 2, conditions: ['GatewayError' as const] };
    await routed({ name: 'retried', retry });
    // each of two pods fails once, so the third attempt is the last that is needed
    assert.equal((await get(`/fail/1/${randomUUID()}`)).status, 200);
    assert.equal((await get(`/fail/9/${randomUUID()}`)).status, 503);
  });

  it('gives up an app that takes too long', async () => {
    await routed({ name: 'timed', timeout: { request: '300ms' } });
    const late = await get('/slow/5000');
    assert.deepEqual([late.status, late.headers['weft-error']], [504, 'timeout']);
    assert.equal((await get('/slow/1')).status, 200);
  });

  it('injects faults where it says', async () => {
    const on = (value: string) => [{ path: { type: 'Exact' as const, value } }];
    await routed(
      { name: 'aborted', match: on('/aborted'), fault: { abort: { percent: 100, status: 418 } } },
      { name: 'late', match: on('/late'), fault: { delay: { percent: 100, duration: '700ms' } } },
      { name: 'rest' },
    );
    const aborted = await get('/aborted');
    assert.deepEqual([aborted.status, aborted.headers['weft-error']], [418, 'fault']);
    const [took] = await room.curl(web, '-o', '/dev/null', '-w', '%{time_total}', 'http://api/late');
    assert.ok(Number(took) >= 0.69, took);
    assert.equal((await get('/')).status, 200);
  });

  it('limits a caller, who is told when to come again, and nobody else', async () => {
    await guarded({
      rateLimit: [{ name: 'few', requests: 2, per: '1h', key: { type: 'Source' } }],
    });
    const said = '%{http_code} %header{weft-error} %header{retry-after}\\n';
    const answers = await room.curl(web, '-o', '/dev/null', '-w', said, 'http://api/?n=[1-20]');
    const refused = answers.filter((line) => line.startsWith('429'));
    // two for each of two pods
    assert.ok(refused.length >= 16 && refused.length <= 18, answers.join('; '));
    assert.equal(answers.length - refused.length, answers.filter((line) => line.startsWith('200')).length);
    for (const line of refused) {
      const [, code, afterSeconds] = line.split(' ');
      assert.equal(code, 'rate-limited');
      assert.ok(Number(afterSeconds) > 60 && Number(afterSeconds) <= 3600, line);
    }
    assert.equal((await get('/', [], catalog)).status, 200);
  });

  it('lets in by caller, method and path', async () => {
    const to = [{ methods: ['GET'], paths: ['/v1/**'] }];
    await guarded({
      mtls: { mode: 'Strict' },
      authorization: { rules: [{ name: 'reads', action: 'Allow', from: [{ serviceAccount: 'web' }], to }] },
    });
    assert.equal((await get('/v1/a')).status, 200);
    for (const denied of [
      await get('/v1/a', [], catalog),
      await request(room.cluster, web, 'DELETE', 'http://api/v1/a'),
      await get('/v2/a'),
    ]) {
      assert.deepEqual([denied.status, denied.headers['weft-error']], [403, 'denied']);
    }
  });

  it('asks for a token of the issuer it names, with the claims it names', async () => {
    const [key, stranger] = [await TestKey.create(), await TestKey.create()];
    const inline = JSON.stringify({ keys: [key.publicKey] });
    const when = { jwt: { issuer: ISSUER, claims: { role: ['admin'] } } };
    await guarded({
      jwt: { issuers: [{ name: 'id', issuer: ISSUER, jwks: { type: 'Inline', inline } }] },
      authorization: { rules: [{ name: 'admins', action: 'Allow', when }] },
    });
    const statusWith = async (token: string) =>
      (await get('/', ['-H', `authorization: Bearer ${token}`])).status;
    assert.equal((await get('/')).status, 403);
    assert.equal(await statusWith(await stranger.sign({ role: 'admin' })), 401);
    assert.equal(await statusWith(await key.sign({ role: 'admin', exp: 1 })), 401);
    assert.equal(await statusWith(await key.sign({ role: 'guest' })), 403);
    assert.equal(await statusWith(await key.sign({ role: 'admin' })), 200);
  });

  it('writes a line for each request in both logs, under one x-request-id', async () => {
    await room.policy('log', { telemetry: { accessLog: { mode: 'All' } } });
    await room.deletePolicy('api');
    await waitUntil('the api to be open', async () => (await get('/')).status === 200, 10_000);
    const { body } = await get('/logged', ['-H', 'authorization: Bearer secret-of-somebody']);
    const { headers, version } = JSON.parse(body);
    const id = headers['x-request-id'];
    assert.match(id, /^\w{6,}-\w+$/);
    for (const [of, direction] of [
      [web, 'outbound'],
      [await room.pod(`app=api,version=${version}`), 'inbound'],
    ] as const) {
      const line = await room.logLine(of, id);
      const { log, method, path, status, service = '' } = line;
      assert.deepEqual(
        [log, method, path, status, line.direction],
        ['access', 'GET', '/logged', 200, direction],
      );
      if (direction === 'outbound') assert.match(String(service), /api/);
      else assert.equal(line.caller, `spiffe://cluster.local/ns/${SHOP}/sa/web`);
      assert.doesNotMatch(JSON.stringify(line), /secret-of-somebody/);
    }
  });

  it('lets nothing out of the mesh but what is listed, by Host and by server name', async () => {
    const { podIP } = (await room.pod('app=outside', OUTSIDE)).status;
    const [apiServer, apiPort] = await room.apiServer();
    const says = async (url: string, address: string) => {
      const { hostname, port } = new URL(url);
      const via = ['-k', '--resolve', `${hostname}:${port}:${address}`];
      const said = ['-o', '/dev/null', '-w', '%{http_code} %header{weft-error}'];
      return (await room.curl(web, ...via, ...said, url))[0]!;
    };
    const http = (host: string) => says(`http://${host}:${OUTSIDE_PORT}/`, podIP);
    const tls = (host: string) => says(`https://${host}:${apiPort}/version`, apiServer);
    assert.equal(await http('other.example'), '200');
    assert.match(await tls('other.example'), /^[1-5]/, 'some answer');
    await room.policy('egress', {
      target: { kind: 'Workload', selector: { matchLabels: { app: 'web' } } },
      egress: { mode: 'AllowListed', hosts: [{ host: '*.partner.example', ports: [OUTSIDE_PORT, apiPort] }] },
    });
    assert.equal(await http('api.partner.example'), '200');
    assert.equal(await http('other.example'), '403 denied');
    assert.match(await tls('api.partner.example'), /^[1-5]/, 'some answer');
    assert.equal(await tls('other.example'), '000');
    assert.equal((await get('/')).status, 200, 'the mesh is no egress');
    await room.deletePolicy('egress');
    await waitUntil('all to be let out', async () => (await http('other.example')) === '200', 10_000);
  });

  describe('as its owner sees it', () => ownersView(() => room));
  // last: its controller is one more caller of the api
  describe('behind an ingress', () => ingress(() => room));
});
