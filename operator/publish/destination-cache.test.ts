import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { meshOf, policy, service, set, workload } from '../testing/builders.ts';
import { DestinationCache } from './destination-cache.ts';

const KEY = 'shop/pay:80';
const ports = [{ name: 'http', port: 80, protocol: undefined }];
const view = policy('shop/view', {
  target: { kind: 'Workload', selector: { matchLabels: { app: 'web' } } },
  traffic: { to: [{ service: 'pay' }], protocol: 'HTTP2' },
});
const web = (name: string, app = 'web') => workload(`shop/${name}`, { labels: { app } });

function fixture() {
  const mesh = meshOf(set('Service', service('shop/pay', { ports })), set('Policy', view));
  return { mesh, cache: new DestinationCache(mesh) };
}
const protocolOf = (text: string) => (JSON.parse(text) as { protocol?: string }).protocol;

describe('the cache of destinations', () => {
  it('compiles once for all that see a destination alike', () => {
    const { cache } = fixture();
    assert.equal(cache.get(KEY, web('web-1')), cache.get(KEY, web('web-2')));
  });

  it('gives each consumer its own view', () => {
    const { cache } = fixture();
    assert.equal(protocolOf(cache.get(KEY, web('web-1')).text), 'HTTP2');
    assert.equal(protocolOf(cache.get(KEY, web('batch-1', 'batch')).text), undefined);
    assert.equal(protocolOf(cache.get(KEY, web('web-1')).text), 'HTTP2');
  });

  it('gives a consumer whose labels have changed the view it has now', () => {
    const { cache } = fixture();
    const before = cache.get(KEY, web('pod', 'batch'));
    assert.equal(protocolOf(cache.get(KEY, web('pod', 'web')).text), 'HTTP2');
    assert.equal(cache.get(KEY, web('pod', 'batch')), before);
  });

  it('forgets a host that has changed, and no other', () => {
    const { mesh, cache } = fixture();
    const others = cache.get('shop/other:80', web('a'));
    cache.get(KEY, web('a'));
    const { hosts } = mesh.apply(
      set('Policy', { ...view, generation: 2, spec: { traffic: { protocol: 'TCP' } } }),
    );
    cache.changed(hosts);
    assert.equal(protocolOf(cache.get(KEY, web('a')).text), 'TCP');
    assert.equal(cache.get('shop/other:80', web('a')), others);
  });

  it('says null of what is not in the mesh', () => {
    const { version, text } = fixture().cache.get('192.0.2.1:80', web('a'));
    assert.deepEqual([version, text], [undefined, 'null']);
  });
});
