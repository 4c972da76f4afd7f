import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { MeshPolicySpec } from '../../api/mesh-policy.ts';
import { compileDestination } from '../compile/destination.ts';
import { compileProxyConfig } from '../compile/proxy-config.ts';
import { meshOf, policy, service, set, workload } from '../testing/builders.ts';
import { AckTable } from './acks.ts';
import { holderOf } from './holders.ts';

const KEY = 'shop/pay:80';
const WEB = workload('shop/web', { addresses: ['10.0.0.1'] });
const PAY = workload('shop/pay', { addresses: ['10.0.0.2'] });
const ports = [{ name: 'http', port: 80, protocol: undefined, targetPort: 8080 }];
const TARGET = { kind: 'Service', name: 'pay' } as const;
const request: MeshPolicySpec = { target: TARGET, traffic: { timeout: { request: '1s' } } };
const view: MeshPolicySpec = {
  target: { kind: 'Workload', selector: { matchLabels: { app: 'web' } } },
  traffic: { to: [{ service: 'pay' }], timeout: { request: '2s' } },
};

/** What becomes of a policy at web and at pay, both connected, of which web calls pay. */
function states(spec: MeshPolicySpec, acks: 'acked' | 'sent', ...others: ReturnType<typeof policy>[]) {
  const about = policy('shop/a', spec);
  const mesh = meshOf(
    set('Workload', WEB, PAY),
    set('Service', service('shop/pay', { ports })),
    set('Policy', about, ...others),
  );
  const table = new AckTable(
    () => 0,
    () => {},
  );
  return [WEB, PAY].map((each) => {
    const published = { ...compileProxyConfig(mesh, each), text: '', sinceMs: 0, withheld: undefined };
    const { version } = published.config;
    table.connected(each.key, version);
    if (each === WEB) {
      const destination = compileDestination(mesh, KEY, each)!.version;
      table.sent(each.key, KEY, destination);
      if (acks === 'acked') table.acked(each.key, KEY, destination);
    }
    return holderOf(about, each, published, table, 0)?.state;
  });
}

describe('a policy with traffic', () => {
  it('is held by those who call the Service, not by those behind it', () => {
    assert.deepEqual(states(request, 'sent'), ['Lagging', undefined]);
    assert.deepEqual(states(request, 'acked'), ['InForce', undefined]);
  });

  it('is in force also where it is overruled', () => {
    assert.deepEqual(states(request, 'acked', policy('shop/view', view)), ['InForce', undefined]);
  });

  it('of a consumer is held by that consumer', () => {
    assert.deepEqual(states(view, 'acked'), ['InForce', undefined]);
    const ofPay = { ...view, target: { ...view.target!, selector: { matchLabels: { app: 'pay' } } } };
    assert.deepEqual(states(ofPay as MeshPolicySpec, 'acked'), [undefined, undefined]);
  });

  it('that says the protocol is held by those behind the Service too', () => {
    const protocol: MeshPolicySpec = { target: TARGET, traffic: { protocol: 'HTTP' } };
    assert.deepEqual(states(protocol, 'sent'), ['Lagging', 'InForce']);
  });

  it('and more besides is held by both', () => {
    const both: MeshPolicySpec = { ...request, inbound: { mtls: { mode: 'Strict' } } };
    assert.deepEqual(states(both, 'sent'), ['Lagging', 'InForce']);
  });
});

describe('a policy whose configuration is withheld', () => {
  const wide: MeshPolicySpec = { inbound: { mtls: { mode: 'Strict' } } };
  const [old, changed, fresh] = ['old', 'changed', 'new'].map((name) => policy(`shop/${name}`, wide));
  const published = {
    ...{ config: { version: { hash: 'a', policies: { [old!.uid]: 1, [changed!.uid]: 1 } } }, text: '' },
    ...{ conflicts: [], sinceMs: 0 },
    withheld: {
      reason: 'it is too large',
      version: { hash: '', policies: { [old!.uid]: 1, [changed!.uid]: 2, [fresh!.uid]: 1 } },
    },
  };
  const table = new AckTable(
    () => 0,
    () => {},
  );
  table.connected(WEB.key, published.config.version);
  const held = (about: ReturnType<typeof policy>) => holderOf(about, WEB, published, table, 0);

  it('is refused with the reason, though the proxy was never told of it', () => {
    for (const each of [changed, fresh]) {
      assert.equal(held(each!)?.state, 'Refused');
      assert.equal(held(each!)?.reason, 'it is too large');
    }
  });
  it('is in force where nothing of it is withheld', () => {
    assert.equal(held(old!)?.state, 'InForce');
    assert.equal(held(policy('shop/other', wide)), undefined);
  });
});
