import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import type { Traffic } from '../../../api/mesh-policy.ts';
import { Mesh } from '../../mesh/mesh.ts';
import { DESTINATION_KEYS, objects } from '../../testing/arbitrary-mesh.ts';
import { meshOf, policy, SETTINGS, service, set, workload } from '../../testing/builders.ts';
import { canonicalJson } from '../canonical-json.ts';
import { compileDestination } from '../destination.ts';
import { viewOf } from './view.ts';

const PORTS = [{ name: 'http', port: 80, protocol: undefined }];
const SERVICES = set(
  'Service',
  service('shop/pay', { ports: PORTS }),
  service('shop/next', { ports: PORTS }),
);
const WEB = workload('shop/web');
const BATCH = workload('shop/batch');
const WEB_ONLY = { kind: 'Workload', selector: { matchLabels: { app: 'web' } } } as const;

function view(consumer: typeof WEB, ...policies: Parameters<typeof set>[1][]): string {
  return viewOf(meshOf(SERVICES, set('Policy', ...policies)), 'shop/pay:80', consumer);
}
function webSays(traffic: Omit<Traffic, 'to'>, to: string, key = 'shop/view') {
  return policy(key, { target: WEB_ONLY, traffic: { to: [{ service: to }], ...traffic } });
}
const idle = { timeout: { idle: '1s' } };
const leading = policy('shop/pay', {
  target: { kind: 'Service', name: 'pay' },
  traffic: { routes: [{ name: 'r', backends: [{ service: 'next' }] }] },
});

describe('the view of a consumer', () => {
  it('is one for all where nobody has a view of his own', () => {
    assert.equal(view(WEB, leading), view(BATCH, leading));
    assert.equal(view(WEB, leading), view(workload('ops/far', { addresses: ['10.1.1.1'] }), leading));
  });

  it('differs for whom a policy of the consumer’s side is about', () => {
    const own = webSays(idle, 'pay');
    assert.notEqual(view(WEB, own), view(BATCH, own));
    assert.equal(view(BATCH, own), view(workload('shop/other'), own));
  });

  it('is one for all pods of an app', () => {
    const own = webSays(idle, 'pay');
    const pods = [1, 2].map((n) => workload(`shop/web-${n}`, { labels: { app: 'web', n: String(n) } }));
    assert.equal(view(pods[0]!, own), view(pods[1]!, own));
  });

  it('does not differ by views of what is not called, and is not led to', () => {
    const own = webSays(idle, 'next');
    assert.equal(view(WEB, own), view(BATCH, own));
  });
  it('differs by views of a Service that routes lead to', () => {
    const own = webSays(idle, 'next');
    assert.notEqual(view(WEB, leading, own), view(BATCH, leading, own));
  });

  it('differs by the callers that matches are for', () => {
    const canary = policy('shop/canary', {
      target: { kind: 'Service', name: 'pay' },
      traffic: { routes: [{ name: 'r', match: [{ from: [{ serviceAccount: 'web' }] }] }, { name: 's' }] },
    });
    assert.notEqual(view(WEB, canary), view(BATCH, canary));
    assert.equal(view(BATCH, canary), view(workload('shop/other'), canary));
  });

  it('is nothing for a pod, and for what is not in the mesh', () => {
    const mesh = meshOf(SERVICES, set('Workload', workload('shop/pay-1', { addresses: ['10.0.0.1'] })));
    assert.equal(viewOf(mesh, '10.0.0.1:80', WEB), '');
    assert.equal(viewOf(mesh, '192.0.2.1:80', WEB), '');
    assert.equal(viewOf(mesh, 'no key', WEB), '');
  });

  it('gives the same bytes to all who share it', () => {
    let shared = 0;
    const property = fc.property(objects(24), (each) => {
      const mesh = new Mesh(SETTINGS);
      mesh.apply(each);
      for (const key of DESTINATION_KEYS) {
        const byView = new Map<string, string>();
        for (const consumer of mesh.workloads()) {
          const text = canonicalJson(compileDestination(mesh, key, consumer));
          const mine = viewOf(mesh, key, consumer);
          if (byView.has(mine) && text !== 'null') shared += 1;
          assert.equal(byView.get(mine) ?? text, text, `${key} for ${consumer.key}`);
          byView.set(mine, text);
        }
      }
    });
    fc.assert(property, { numRuns: 200 });
    assert.ok(shared > 100, `shared ${shared} times`);
  });
});
