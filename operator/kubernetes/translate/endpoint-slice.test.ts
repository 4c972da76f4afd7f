import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { V1EndpointSlice } from '@kubernetes/client-node';
import { translateEndpointSlice } from './endpoint-slice.ts';

const SLICE: V1EndpointSlice = {
  metadata: { name: 'pay-abc', namespace: 'shop', labels: { 'kubernetes.io/service-name': 'pay' } },
  addressType: 'IPv4',
  ports: [{ name: 'http', port: 8080, protocol: 'TCP' }],
  endpoints: [
    { addresses: ['10.0.0.1'], zone: 'eu-1a', targetRef: { kind: 'Pod', name: 'pay-1', namespace: 'shop' } },
    { addresses: ['10.0.0.2'], conditions: { ready: false } },
    { addresses: ['10.0.0.3'], zone: '', targetRef: { kind: 'Pod', name: 'pay-3', namespace: 'other' } },
  ],
};

describe('an EndpointSlice', () => {
  it('keeps who is behind it, who is ready, and the zones', () => {
    assert.deepEqual(translateEndpointSlice(SLICE), {
      key: 'shop/pay-abc',
      service: 'shop/pay',
      ports: [{ name: 'http', port: 8080 }],
      endpoints: [
        { addresses: ['10.0.0.1'], ready: true, workload: 'shop/pay-1', zone: 'eu-1a' },
        { addresses: ['10.0.0.2'], ready: false, workload: undefined },
        { addresses: ['10.0.0.3'], ready: true, workload: undefined },
      ],
    });
  });

  it('knows who serves although it was told to end', () => {
    const draining = (conditions: object) =>
      translateEndpointSlice({ ...SLICE, endpoints: [{ addresses: ['10.0.0.1'], conditions }] })?.endpoints[0]
        ?.draining;
    assert.equal(draining({ ready: false, serving: true, terminating: true }), true);
    assert.equal(draining({ ready: false, serving: false, terminating: true }), undefined);
    assert.equal(draining({ ready: false, serving: true, terminating: false }), undefined);
    assert.equal(draining({ ready: true, serving: true, terminating: true }), undefined);
    assert.equal(draining({ ready: false }), undefined);
  });

  it('knows whether it is kept after the pods or written by somebody else', () => {
    const of = (manager: string) => {
      const labels = { ...SLICE.metadata!.labels, 'endpointslice.kubernetes.io/managed-by': manager };
      return translateEndpointSlice({ ...SLICE, metadata: { ...SLICE.metadata, labels } })?.followsPods;
    };
    assert.equal(of('endpointslice-controller.k8s.io'), true);
    assert.equal(of('election.example'), undefined);
  });

  it('of no Service, or of names, is none', () => {
    assert.equal(translateEndpointSlice({ ...SLICE, metadata: { name: 'a', namespace: 'b' } }), undefined);
    assert.equal(translateEndpointSlice({ ...SLICE, addressType: 'FQDN' }), undefined);
  });

  it('has no ports that are not TCP', () => {
    const ports = [{ name: 'dns', port: 53, protocol: 'UDP' }, { port: 80 }];
    assert.deepEqual(translateEndpointSlice({ ...SLICE, ports })?.ports, [{ name: undefined, port: 80 }]);
  });
});
