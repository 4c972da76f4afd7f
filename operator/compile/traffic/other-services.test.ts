import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { referenceGrant, service, set } from '../../testing/builders.ts';
import { compile, PORTS, routing } from '../../testing/routed.ts';

const BOTH = [...PORTS, { name: 'admin', port: 81, protocol: undefined }];
const NEXT = set('Service', service('shop/next', { ports: BOTH }));
const FAR = set('Service', service('ops/far', { ports: BOTH }));
const GRANT = set('ReferenceGrant', referenceGrant('ops/g', ['shop']));

describe('another Service', () => {
  it('is led to at the port a backend names, and at the called one otherwise', () => {
    const backends = [{ service: 'next' }, { service: 'next', port: 81 }];
    assert.deepEqual(
      compile([NEXT, routing({ backends })]).backends?.map(({ name }) => name),
      ['shop/next:80', 'shop/next:81'],
    );
  });

  it('gets copies at the port and in the namespace a mirror names', () => {
    const mirror = { service: 'far', namespace: 'ops', port: 81 };
    const { backends, traffic } = compile([FAR, GRANT, routing({ mirror })]);
    assert.deepEqual(
      backends?.map(({ name }) => name),
      ['ops/far:81'],
    );
    assert.deepEqual(traffic?.routes?.[0]?.mirror, { backend: 0, percent: 100 });
  });
});
