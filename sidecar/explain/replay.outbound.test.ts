import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Destination } from '../../api/destination.ts';
import type { DestinationRoute } from '../../api/destination-traffic.ts';
import { destination, proxyConfig } from '../testing/fake-state.ts';
import { changesOf, outboundRecord, run } from './replay.fixture.ts';

describe('a replay of requests that went out', () => {
  const api = (routes?: DestinationRoute[], more: Partial<Destination> = {}) =>
    destination('shop/api:80', [{ address: '10.0.0.3', port: 80 }], {
      name: 'api',
      ...(routes && { traffic: { routes } }),
      ...more,
    });
  const canary = (match?: DestinationRoute['match']): DestinationRoute => ({
    ...{ name: 'canary', policy: 'shop/t', ...(match && { match }) },
    backends: [
      { backend: 0, weight: 1 },
      { backend: -1, weight: 3 },
    ],
  });
  const backends = [{ name: 'shop/api:80{v=2}', service: 'api', namespace: 'shop', endpoints: [] }];
  const withCanary = (match?: DestinationRoute['match']) => api([canary(match)], { backends });
  const judge = (candidate: Destination, record = outboundRecord(), known = [api()]) =>
    changesOf({ destinations: [candidate] }, [record], { destinations: known });

  it('says where they would go', () => {
    assert.deepEqual(judge(withCanary()), [
      '1 rerouted: shop/api → route canary of shop/t: 25% shop/api:80{v=2} (no endpoint), 75% shop/api',
    ]);
  });

  it('knows a Service by its key when its address was dialled, and a pod for what it is', () => {
    const known = api(undefined, { key: '10.9.0.1:80' });
    assert.equal(judge(withCanary(), outboundRecord({ at: '10.9.0.1:80' }), [known]).length, 1);
    const pod = api(undefined, { key: '10.0.0.3:80' });
    assert.equal(judge(withCanary(), outboundRecord({ at: '10.0.0.3:80' }), [pod]).length, 0);
  });

  it('does not care what a route is called that leads to where they went', () => {
    const named = (name: string, more: Partial<DestinationRoute> = {}) =>
      api([{ name, policy: 'shop/t', timeout: { requestMs: 9 }, ...more }]);
    assert.deepEqual(judge(named('all')), []);
    assert.deepEqual(judge(named('all'), outboundRecord({ route: 'old' }), [named('old')]), []);
    assert.match(judge(named('all', { redirect: { status: 302 } }))[0]!, /1 rerouted: .*redirect 302/);
    assert.match(
      judge(named('all'), outboundRecord({ route: 'gone' }), [named('old')])[0]!,
      /1 rerouted: route gone/,
    );
  });

  it('says that no route would take them', () => {
    assert.match(
      judge(withCanary([{ path: { type: 'Exact', value: '/v2' } }]))[0]!,
      /1 denied: .* → no route takes it/,
    );
  });

  it('does not know of a route that asks for headers or a query', () => {
    const asking = withCanary([{ headers: [{ name: 'x-a', type: 'Present' }] }]);
    assert.match(judge(asking)[0]!, /1 unknown: .* → perhaps route canary .*not kept/);
    const certain = [{ methods: ['POST'], queryParams: [{ name: 'a', type: 'Present' as const }] }];
    assert.match(judge(withCanary(certain))[0]!, /no route takes it/);
  });

  it('knows the route that was taken where the order of routes stays as it is', () => {
    const match = [{ headers: [{ name: 'x-a', type: 'Present' as const }] }];
    const known = api([{ name: 'canary', policy: 'shop/t', match }]);
    const taken = outboundRecord({ route: 'canary' });
    assert.match(
      judge(withCanary(match), taken, [known])[0]!,
      /^1 rerouted: route canary of shop\/t: shop\/api →/,
    );
    assert.deepEqual(judge(known, taken, [known]), []);
  });

  it('says what may leave the mesh no more, and what may again', () => {
    const egress = {
      mode: 'AllowListed' as const,
      policy: 'shop/e',
      hosts: [{ host: '*.example.com', tls: 'Passthrough' as const }],
    };
    const config = proxyConfig('api', { egress });
    const out = (host: string, verdict: string) =>
      outboundRecord({ at: '93.184.216.34:80', rule: 'egress', host, verdict });
    assert.deepEqual(
      changesOf({ config }, [out('a.example.com', 'allowed'), out('other.org:80', 'denied')]),
      [],
    );
    assert.match(
      changesOf({ config }, [out('other.org', 'allowed')])[0]!,
      /1 denied: .* → denied by egress of shop\/e|rule egress of shop\/e/,
    );
    assert.match(changesOf({ config: proxyConfig('api') }, [out('other.org', 'denied')])[0]!, /1 allowed/);
  });

  it('leaves out what goes elsewhere', () => {
    assert.equal(run({ destinations: [withCanary()] }, [outboundRecord({ at: 'shop/other:80' })]).judged, 0);
  });
});
