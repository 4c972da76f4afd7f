import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { meshOf, service, set } from '../../testing/builders.ts';
import { MESH, PORTS, request, SERVICE, says, WEB } from '../../testing/traffic.ts';
import { originsOfDestination } from './origins.ts';

describe('the origins of a destination', () => {
  it('say of each value which policy, generation and field it comes from, and what lost', () => {
    const mesh = meshOf(
      MESH,
      says('shop/all', { timeout: { request: '3s', idle: '1s' } }, undefined, { generation: 7 }),
      says('shop/pay', request('5s'), SERVICE, { generation: 2 }),
    );
    assert.deepEqual(originsOfDestination(mesh, 'shop/pay:80', WEB), [
      {
        path: 'traffic.timeout.request',
        value: '5s',
        origin: { policy: 'shop/pay', generation: 2, field: 'spec.traffic.timeout.request' },
        lost: [
          {
            value: '3s',
            origin: { policy: 'shop/all', generation: 7, field: 'spec.traffic.timeout.request' },
          },
        ],
      },
      {
        path: 'traffic.timeout.idle',
        value: '1s',
        origin: { policy: 'shop/all', generation: 7, field: 'spec.traffic.timeout.idle' },
        lost: [],
      },
    ]);
  });

  it('name the values of backends with the backend', () => {
    const mesh = meshOf(
      MESH,
      set('Service', service('shop/next', { ports: PORTS })),
      says('shop/next', { timeout: { connect: '1s' } }, { kind: 'Service', name: 'next' }),
      says('shop/pay', { routes: [{ name: 'a', backends: [{ service: 'next' }] }] }, SERVICE),
    );
    const paths = originsOfDestination(mesh, '10.96.0.1:80', WEB)?.map(({ path, origin }) => [
      path,
      origin?.policy,
    ]);
    assert.deepEqual(paths, [
      ['traffic.routes', 'shop/pay'],
      ['backends[shop/next:80].traffic.timeout.connect', 'shop/next'],
    ]);
  });

  it('are null for what is not in the mesh, and none for a pod', () => {
    const mesh = meshOf(MESH);
    assert.equal(originsOfDestination(mesh, '192.0.2.1:80', WEB), null);
    assert.deepEqual(originsOfDestination(mesh, '10.0.0.1:80', WEB), []);
  });
});
