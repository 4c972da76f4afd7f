import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { before, it } from 'node:test';
import { BY_SIDECAR, INGRESS_ID, ingressWorkloads, PAST_SIDECAR } from './ingress.fixture.ts';
import { API, INGRESS, OUTSIDE, SHOP, V2 } from './policies.fixture.ts';
import type { PolicyRoom } from './policyroom.ts';
import { type Answer, type Pod, request } from './scenario.ts';

const HOST = 'shop.example.com';
const STRICT = { mtls: { mode: 'Strict' } } as const;
const FROM_INGRESS = [{ serviceAccount: 'ingress', namespace: INGRESS }];

/** What an ingress gets that is called from outside, and calls an app under Strict: nginx, with a sidecar. */
export function ingress(room: () => PolicyRoom): void {
  let outside: Pod;
  let controller: Pod;
  let apis: readonly Pod[];

  before(async () => {
    apis = await Promise.all(['v1', 'v2'].map((version) => room().pod(`app=api,version=${version}`)));
    outside = await room().pod('app=outside', OUTSIDE);
    await room().apply(...ingressWorkloads(apis.map(({ status }) => status.podIP)));
    await room().kubectl('-n', INGRESS, 'rollout', 'status', 'deployment/ingress', '--timeout=180s');
    controller = await room().pod('app=ingress', INGRESS);
  });

  const url = (path: string, port: number) => `http://${controller.status.podIP}:${port}${path}`;
  const asking = (
    host: string,
    path: string,
    args: readonly string[] = [],
    port = BY_SIDECAR,
  ): Promise<Answer> =>
    request(room().cluster, outside, 'GET', url(path, port), ['-H', `host: ${host}`, ...args]);
  const get = (path: string, args?: readonly string[], port?: number) => asking(HOST, path, args, port);
  const headersOf = (answer: Answer): Readonly<Record<string, string>> => {
    assert.equal(answer.status, 200, `${answer.headers['weft-error']} ${answer.error}`);
    return JSON.parse(answer.body).headers;
  };
  const allows = (rule: object) =>
    room().policy('api', {
      target: API,
      inbound: {
        ...STRICT,
        authorization: { rules: [{ name: 'ingress', action: 'Allow', from: FROM_INGRESS, ...rule }] },
      },
    });

  for (const way of ['pods', 'service']) {
    it(`is known by its own identity where it dials the ${way}, and let in by it`, async () => {
      await allows({ to: [{ paths: ['/open/**'] }] });
      assert.equal(headersOf(await get(`/${way}/open/a`))['weft-caller'], INGRESS_ID);
      const denied = await get(`/${way}/other`, [], PAST_SIDECAR);
      assert.deepEqual([denied.status, denied.headers['weft-error']], [403, 'denied']);
      // its own sidecar takes nothing that an app answers for the word of the mesh
      const same = await get(`/${way}/other`);
      assert.deepEqual([same.status, same.headers['weft-error']], [403, undefined]);
    });
  }

  it('is needed by those outside, whom the app does not hear', async () => {
    const { cluster } = room();
    const { podIP } = apis[0]!.status;
    assert.equal((await request(cluster, outside, 'GET', `http://${podIP}:8080/open/a`)).status, 0);
  });

  it('answers health checks from outside, under Strict, on the ports that are open to it and no other', async () => {
    for (const port of [BY_SIDECAR, PAST_SIDECAR])
      assert.equal((await get('/healthz', [], port)).body, 'well');
    assert.equal((await get('/healthz', [], 8082)).status, 0);
  });

  it('does not pass on who a client says it is', async () => {
    await allows({});
    const forged = [
      ...['-H', `weft-caller: spiffe://cluster.local/ns/${SHOP}/sa/web`],
      ...['-H', 'weft-caller-address: 192.0.2.1', '-H', 'x-forwarded-for: 192.0.2.1'],
    ];
    const headers = headersOf(await get('/pods/', forged));
    assert.equal(headers['weft-caller'], INGRESS_ID);
    assert.equal(headers['weft-caller-address'], controller.status.podIP);
    // of this header nothing but its end is the word of the ingress
    assert.match(headers['x-forwarded-for']!, /^192\.0\.2\.1, /);
  });

  it('sees the addresses of its clients past its sidecar, and is told them by it', async () => {
    const past = headersOf(await get('/pods/', [], PAST_SIDECAR));
    const by = headersOf(await get('/pods/'));
    assert.equal(by['x-forwarded-for'], '127.0.0.6');
    assert.equal(by['x-real-ip'], past['x-forwarded-for']);
  });

  it('reaches what it dials, whatever Host the client asks for; rules look at that Host', async () => {
    await allows({ to: [{ hosts: [HOST, 'catalog'] }] });
    for (const way of ['pods', 'service']) {
      for (const host of [HOST, 'catalog']) {
        const answer = await asking(host, `/${way}/`);
        assert.equal(headersOf(answer).host, host);
        assert.equal(JSON.parse(answer.body).app, 'api');
      }
      assert.equal((await asking('elsewhere.example', `/${way}/`)).status, 403);
    }
  });

  it('gets routes and retries where it dials the Service, and neither where it dials pods', async () => {
    const retry = { attempts: 2, conditions: ['GatewayError' as const] };
    const traffic = { routes: [{ name: 'canary', backends: [V2], retry }] };
    await room().policy('api', { target: API, inbound: STRICT, traffic });
    const by = (way: string) => room().answeredBy(outside, url(`/${way}/?n=[1-20]`, BY_SIDECAR));
    assert.deepEqual(Object.keys(await by('pods')).sort(), ['api v1', 'api v2']);
    assert.deepEqual(await by('service'), { 'api v2': 20 });
    assert.equal((await get(`/pods/fail/1/${randomUUID()}`)).status, 503);
    assert.equal((await get(`/service/fail/1/${randomUUID()}`)).status, 200);
  });

  it('tries another pod itself, when it takes what a sidecar says of a pod that has gone for a failure', async () => {
    const statuses = async (path: string) =>
      new Set(
        await room().curl(
          outside,
          '-o',
          '/dev/null',
          '-w',
          '%{http_code}\\n',
          url(`${path}?n=[1-10]`, BY_SIDECAR),
        ),
      );
    assert.deepEqual(await statuses('/half/'), new Set(['502', '200']));
    assert.deepEqual(await statuses('/whole/'), new Set(['200']));
  });
}
