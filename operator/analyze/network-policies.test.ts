import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { V1NetworkPolicy, V1Pod } from '@kubernetes/client-node';
import { cutOffPods } from './network-policies.ts';

const LABELS = { 'app.kubernetes.io/name': 'weft', 'app.kubernetes.io/component': 'operator' };
const pod = (namespace: string, name: string, labels: Record<string, string>, ip = '10.0.0.1'): V1Pod => ({
  metadata: { namespace, name, labels },
  status: { podIPs: [{ ip }] },
});
const OPERATOR = pod('weft-system', 'operator', LABELS, '10.9.0.7');
const WEB = pod('shop', 'web', { app: 'web' });
const NAMESPACES = new Map([['weft-system', { team: 'platform' }]]);

const policy = (spec: object, namespace = 'shop'): V1NetworkPolicy =>
  ({ metadata: { namespace, name: 'p' }, spec: { podSelector: {}, ...spec } }) as V1NetworkPolicy;
const egress = (...rules: object[]) => policy({ policyTypes: ['Egress'], egress: rules });
const ingress = (...rules: object[]) => policy({ policyTypes: ['Ingress'], ingress: rules }, 'weft-system');

const cutBy = (policies: readonly V1NetworkPolicy[], pods = [WEB, OPERATOR]) =>
  cutOffPods({ pods, policies, namespaces: NAMESPACES, controlPlaneNamespace: 'weft-system' }).get(
    'shop/web',
  );

const elsewhere = { namespaceSelector: { matchLabels: { team: 'shop' } } };
const there = { namespaceSelector: { matchLabels: { team: 'platform' } } };

describe('NetworkPolicies that keep a sidecar from the operator', () => {
  for (const [what, policies] of Object.entries({
    'deny all that goes out': [policy({ policyTypes: ['Egress'] })],
    'deny both directions': [policy({ policyTypes: ['Ingress', 'Egress'] })],
    'have an empty list': [policy({ egress: [] })],
    'allow another port': [egress({ ports: [{ port: 443 }] })],
    'allow a range beside it': [egress({ ports: [{ port: 15011, endPort: 16000 }] })],
    'allow another protocol': [egress({ ports: [{ protocol: 'UDP', port: 15010 }] })],
    'allow another namespace': [egress({ to: [elsewhere] })],
    'allow pods of their own namespace': [egress({ to: [{ podSelector: {} }] })],
    'allow other pods there': [egress({ to: [{ ...there, podSelector: { matchLabels: { app: 'x' } } }] })],
    'allow other addresses': [egress({ to: [{ ipBlock: { cidr: '10.8.0.0/16' } }] })],
    'allow all addresses but those': [
      egress({ to: [{ ipBlock: { cidr: '0.0.0.0/0', except: ['10.0.0.0/8'] } }] }),
    ],
    'allow what cannot be read': [egress({ to: [{ ipBlock: { cidr: 'nonsense' } }] })],
    'select it by expression': [
      policy({
        policyTypes: ['Egress'],
        podSelector: {
          matchExpressions: [
            { key: 'app', operator: 'In', values: ['web'] },
            { key: 'app', operator: 'Exists' },
            { key: 'tier', operator: 'DoesNotExist' },
            { key: 'tier', operator: 'NotIn', values: ['front'] },
          ],
        },
      }),
    ],
  })) {
    it(`are those that ${what}`, () => assert.equal(cutBy(policies), 'shop/p'));
  }

  for (const [what, policies] of Object.entries({
    'are not there': [],
    'are about other pods': [
      policy({ policyTypes: ['Egress'], podSelector: { matchLabels: { app: 'db' } } }),
    ],
    'are of another namespace': [policy({ policyTypes: ['Egress'] }, 'other')],
    'are about what comes in': [policy({ policyTypes: ['Ingress'] }), policy({})],
    'allow everything': [egress({})],
    'allow the port': [egress({ ports: [{ port: 15010 }] })],
    'allow the port by its name': [egress({ ports: [{ port: 'stream' }] })],
    'allow a range with the port': [egress({ ports: [{ port: 15000, endPort: 15100 }] })],
    'allow the namespace': [egress({ to: [elsewhere, there] })],
    'allow the operator there': [egress({ to: [{ ...there, podSelector: { matchLabels: LABELS } }] })],
    'allow its address': [egress({ to: [{ ipBlock: { cidr: '10.9.0.0/16' } }] })],
    'deny, beside one that allows': [policy({ policyTypes: ['Egress'] }), egress({ to: [there] })],
  })) {
    it(`are not those that ${what}`, () => assert.equal(cutBy(policies), undefined));
  }

  it('are those of the operator too, which let nobody in', () => {
    assert.equal(cutBy([ingress()]), 'weft-system/p');
    assert.equal(cutBy([ingress({ from: [elsewhere] })]), 'weft-system/p');
    assert.equal(cutBy([ingress({ ports: [{ port: 15010 }] })]), undefined);
    const fromShop = { namespaceSelector: { matchLabels: { 'kubernetes.io/metadata.name': 'shop' } } };
    assert.equal(cutBy([ingress({ from: [fromShop] })]), undefined, 'known by name where it is not read');
  });

  it('cut off nobody while one operator can be reached, or where there is none', () => {
    const second = pod('weft-system', 'second', { ...LABELS, open: 'yes' });
    const toSecond = { ...there, podSelector: { matchLabels: { open: 'yes' } } };
    assert.equal(cutBy([egress({ to: [toSecond] })], [WEB, OPERATOR, second]), undefined);
    assert.equal(cutBy([policy({ policyTypes: ['Egress'] })], [WEB]), undefined);
  });
});
