import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { V1EndpointSlice, V1Service } from '@kubernetes/client-node';
import { translateEndpointSlice } from './endpoint-slice.ts';
import { protocolOf } from './protocol.ts';
import { translateService } from './service.ts';

const metadata = { namespace: 'shop', name: 'web' };
const service = (spec: object) => translateService({ metadata, spec } as V1Service);

describe('translateService', () => {
  it('keeps cluster IPs, TCP ports with their protocol, and the selector', () => {
    const spec = {
      clusterIP: '10.96.0.1',
      clusterIPs: ['10.96.0.1', 'fd00::96'],
      selector: { app: 'web' },
      ports: [
        { name: 'http', port: 80, protocol: 'TCP', appProtocol: 'http' },
        { port: 81 },
        { name: 'dns', port: 53, protocol: 'UDP' },
      ],
    };
    assert.deepEqual(service(spec), {
      key: 'shop/web',
      namespace: 'shop',
      name: 'web',
      addresses: ['10.96.0.1', 'fd00::96'],
      ports: [
        { name: 'http', port: 80, protocol: 'HTTP' },
        { name: undefined, port: 81, protocol: undefined },
      ],
      selector: { app: 'web' },
    });
  });

  it('keeps the port or the name of the port behind each of its ports', () => {
    const ports = [{ port: 80, targetPort: 8080 }, { port: 81, targetPort: 'web' }, { port: 82 }];
    const targets = (more: object) => service({ ports, ...more })?.ports.map(({ targetPort }) => targetPort);
    assert.deepEqual(targets({ selector: { app: 'web' } }), [8080, 'web', undefined]);
    assert.deepEqual(targets({}), [undefined, undefined, undefined], 'its slices are written by hand');
    const strange = [
      { port: 80, targetPort: 0 },
      { port: 81, targetPort: '' },
      { port: 82, targetPort: {} },
    ];
    assert.deepEqual(targets({ selector: { app: 'web' }, ports: strange }), [
      undefined,
      undefined,
      undefined,
    ]);
  });

  it('has no address when it is headless', () => {
    assert.deepEqual(service({ clusterIP: 'None', clusterIPs: ['None'] })?.addresses, []);
  });
  it('does not listen on external IPs', () => {
    const spec = { clusterIP: '10.96.0.1', externalIPs: ['8.8.8.8'], loadBalancerIP: '9.9.9.9' };
    assert.deepEqual(service(spec)?.addresses, ['10.96.0.1']);
  });
  it('is nothing for an ExternalName', () => {
    assert.equal(service({ type: 'ExternalName', externalName: 'example.com' }), undefined);
  });
  it('is nothing without a name', () => {
    assert.equal(translateService({ metadata: { namespace: 'shop' } } as V1Service), undefined);
  });
  it('takes a Service without spec', () => {
    assert.deepEqual(translateService({ metadata } as V1Service)?.ports, []);
  });
});

describe('protocolOf', () => {
  for (const [appProtocol, protocol] of [
    [undefined, undefined],
    ['', undefined],
    ['http', 'HTTP'],
    ['HTTP', 'HTTP'],
    ['kubernetes.io/h2c', 'HTTP2'],
    ['http2', 'HTTP2'],
    ['grpc', 'GRPC'],
    ['kubernetes.io/ws', 'HTTP'],
    ['kubernetes.io/wss', 'TCP'],
    ['https', 'TCP'],
    ['tls', 'TCP'],
    ['tcp', 'TCP'],
    ['mysql', 'TCP'],
    ['example.com/custom', undefined],
    ['constructor', undefined],
  ] as const) {
    it(`reads ${appProtocol ?? 'nothing'} as ${protocol ?? 'undeclared'}`, () => {
      assert.equal(protocolOf(appProtocol), protocol);
    });
  }
});

describe('translateEndpointSlice', () => {
  const labels = { 'kubernetes.io/service-name': 'web' };
  const slice = (more: object) =>
    translateEndpointSlice({
      metadata: { namespace: 'shop', name: 'web-x', labels },
      addressType: 'IPv4',
      ...more,
    } as V1EndpointSlice);

  it('keeps endpoints with their readiness and the pod behind them', () => {
    const endpoints = [
      {
        addresses: ['10.0.0.1'],
        conditions: { ready: true },
        targetRef: { kind: 'Pod', namespace: 'shop', name: 'a' },
      },
      { addresses: ['10.0.0.2'], conditions: { ready: false, serving: true, terminating: true } },
      { addresses: ['10.0.0.3'] },
    ];
    const ports = [
      { name: 'http', port: 8080, protocol: 'TCP' },
      { name: '', port: 81 },
    ];
    assert.deepEqual(slice({ endpoints, ports }), {
      key: 'shop/web-x',
      service: 'shop/web',
      ports: [
        { name: 'http', port: 8080 },
        { name: undefined, port: 81 },
      ],
      endpoints: [
        { addresses: ['10.0.0.1'], ready: true, workload: 'shop/a' },
        { addresses: ['10.0.0.2'], ready: false, draining: true, workload: undefined },
        { addresses: ['10.0.0.3'], ready: true, workload: undefined },
      ],
    });
  });

  it('does not believe a slice that names a pod of another namespace', () => {
    const targetRef = { kind: 'Pod', namespace: 'bank', name: 'vault' };
    assert.equal(
      slice({ endpoints: [{ addresses: ['10.0.0.1'], targetRef }] })?.endpoints[0]?.workload,
      undefined,
    );
  });
  it('knows no workload behind what is no pod', () => {
    const targetRef = { kind: 'Node', name: 'n1' };
    assert.equal(
      slice({ endpoints: [{ addresses: ['10.0.0.1'], targetRef }] })?.endpoints[0]?.workload,
      undefined,
    );
  });
  it('leaves out ports that are not TCP or not numbered', () => {
    assert.deepEqual(
      slice({ ports: [{ name: 'dns', port: 53, protocol: 'UDP' }, { name: 'any' }] })?.ports,
      [],
    );
  });
  it('is nothing for DNS names, and without a Service', () => {
    assert.equal(slice({ addressType: 'FQDN' }), undefined);
    assert.equal(slice({ metadata: { namespace: 'shop', name: 'x' } }), undefined);
  });
});
