import assert from 'node:assert/strict';
import { it } from 'node:test';
import type { MeshPolicySpec } from '../../api/mesh-policy.ts';
import { ISSUER, TestKey } from '../../sidecar/testing/tokens.ts';
import { API, GRANT, OTHER, V1, V2 } from './policies.fixture.ts';
import { meshPolicy, type PolicyRoom } from './policyroom.ts';
import { type Answer, waitUntil } from './scenario.ts';

const appOf = ({ body }: Answer): string => JSON.parse(body).app;

/** A route that leads somewhere, and all of whose parts say which it is. */
const state = (name: string, backend: { readonly service: string }) => {
  const set = [{ name: 'x-state', value: name }];
  return { name, backends: [backend], headers: { request: { set }, response: { set } } };
};

/** Tests of what the owner of a policy is told about it, and what becomes of requests while it changes. */
export function ownersView(room: () => PolicyRoom): void {
  it('counts the proxies it is about, and those it is in force on', async () => {
    const traffic = { routes: [{ name: 'rest' }] };
    await room().policy('api', { target: API, traffic });
    const { proxies, conditions } = await room().status('api');
    assert.deepEqual(proxies, { targeted: 2, inForce: 2, lagging: 0, refused: 0 }, 'web and catalog');
    const states = Object.fromEntries(conditions.map(({ type, status }) => [type, status]));
    assert.deepEqual(states, {
      Accepted: 'True',
      ResolvedRefs: 'True',
      InForce: 'True',
      Conflicted: 'False',
    });
    await room().policy('api', { target: API, traffic, inbound: { mtls: { mode: 'Strict' } } });
    const all = { targeted: 4, inForce: 4, lagging: 0, refused: 0 };
    assert.deepEqual((await room().status('api')).proxies, all, 'and both versions of api');
  });

  it('goes to another namespace with its consent only', async () => {
    const backends = [{ service: 'ledger', namespace: OTHER }];
    await room().policy(
      'api',
      { target: API, traffic: { routes: [{ name: 'away', backends }] } },
      'Accepted',
    );
    await room().waitFor('api', 'ResolvedRefs=False');
    const { reason, message } = await room().condition('api', 'ResolvedRefs');
    assert.equal(reason, 'RefNotPermitted');
    assert.match(message, /ReferenceGrant/);
    assert.equal((await room().get('/')).headers['weft-error'], 'no-endpoints');
    await room().apply(GRANT);
    await room().waitFor('api', 'ResolvedRefs');
    await room().waitFor('api', 'InForce');
    assert.equal(JSON.parse((await room().get('/')).body).app, 'ledger');
    await room().kubectl('-n', OTHER, 'delete', 'referencegrant', GRANT.metadata.name);
    await room().waitFor('api', 'ResolvedRefs=False');
    await room().waitFor('api', 'InForce');
    assert.equal((await room().get('/')).status, 503);
  });

  it('says which Service there is none of', async () => {
    const routes = [{ name: 'lost', backends: [{ service: 'nowhere' }] }];
    await room().policy('api', { target: API, traffic: { routes } }, 'ResolvedRefs=False');
    const { reason, message } = await room().condition('api', 'ResolvedRefs');
    assert.equal(reason, 'BackendNotFound');
    assert.match(message, /nowhere/);
  });

  it('tells the younger of two that say different things who overrules it, until the older one goes', async () => {
    await room().deletePolicy('api');
    const aborted = (status: number): MeshPolicySpec => ({
      target: API,
      traffic: { routes: [{ name: 'aborted', fault: { abort: { percent: 100, status } } }] },
    });
    await room().policy('a-older', aborted(418));
    await room().policy('b-younger', aborted(451), 'Conflicted');
    const { reason, message } = await room().condition('b-younger', 'Conflicted');
    assert.equal(reason, 'OverruledByOlder');
    assert.match(message, /a-older/);
    assert.equal((await room().get('/')).status, 418);
    await room().deletePolicy('a-older');
    await room().waitFor('b-younger', 'Conflicted=False');
    await room().waitFor('b-younger', 'InForce');
    assert.equal((await room().get('/')).status, 451);
    await room().deletePolicy('b-younger');
  });

  it('tells in Events what became of it', async () => {
    const issuers = (inline: string): MeshPolicySpec => ({
      target: API,
      inbound: { jwt: { issuers: [{ name: 'id', issuer: ISSUER, jwks: { type: 'Inline', inline } }] } },
    });
    await room().policy('told', issuers('no keys'), 'Accepted=False');
    await room().policy('told', issuers(JSON.stringify({ keys: [(await TestKey.create()).publicKey] })));
    for (const [name, ...wanted] of [
      ['told', /^Normal Accepted .*generation 2 was accepted/, /^Warning Invalid .*jwks/],
      ['b-younger', /^Normal NoConflicts /, /^Warning OverruledByOlder .*a-older/],
      ['api', /^Warning BackendNotFound .*nowhere/],
    ] as const) {
      const happened = async () => {
        const events = await room().events(name);
        return wanted.every((each) => events.some((event) => each.test(event)));
      };
      await waitUntil(`the events of ${name}`, happened, 10_000);
    }
  });

  it('lets requests in flight end as they began when it is deleted, and puts things back', async () => {
    const { catalog } = room();
    await room().policy('api', {
      target: API,
      inbound: { authorization: { rules: [{ name: 'no', action: 'Deny', to: [{ paths: ['/no'] }] }] } },
      traffic: { routes: [state('swapped', { service: 'catalog' })] },
    });
    const inFlight = room().get('/slow/2500');
    const began = async () => (await room().curl(catalog, 'http://127.0.0.1:8080/seen/slow/2500'))[0] === '1';
    await waitUntil('the request to have begun', began, 5_000);
    await room().deletePolicy('api');
    await waitUntil('the route to be gone', async () => appOf(await room().get('/')) === 'api', 10_000);
    const { status, headers, body } = await inFlight;
    assert.deepEqual([status, headers['x-state'], JSON.parse(body).app], [200, 'swapped', 'catalog']);
    const now = await room().get('/no');
    assert.deepEqual([now.status, now.headers['x-state']], [200, undefined]);
  });

  it('is wholly what it was or wholly what it is, for each request, while it flaps', async () => {
    const states = [state('v1', V1), state('v2', V2)];
    const apply = (turn: number) =>
      room().apply(meshPolicy('api', { target: API, traffic: { routes: [states[turn % 2]!] } }));
    await apply(0);
    await room().waitFor('api', 'InForce');
    let isOver = false;
    const load = room()
      .curl(
        room().web,
        '--rate',
        '100/s',
        '-w',
        ' %{http_code} %header{x-state}\\n',
        'http://api/flap?n=[1-300]',
      )
      .finally(() => {
        isOver = true;
      });
    let turn = 0;
    while (!isOver) await apply(++turn);
    const seen = new Set<string>();
    for (const line of await load) {
      const [body, code, said] = line.split(' ');
      const { version, headers } = JSON.parse(body!);
      seen.add([version, headers['x-state'], said, code].join(' '));
    }
    assert.ok(turn > 4, `${turn} changes`);
    assert.deepEqual([...seen].sort(), ['v1 v1 v1 200', 'v2 v2 v2 200']);
    await room().waitFor('api', 'InForce');
    assert.equal((await room().get('/')).headers['x-state'], states[turn % 2]!.name);
  });
}
