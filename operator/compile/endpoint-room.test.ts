import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Endpoint } from '../../api/destination.ts';
import type { Route } from '../../api/mesh-policy.ts';
import { STREAM_LINE_MAX_BYTES } from '../../api/stream.ts';
import { meshOf, policy, service, set, slice, workload } from '../testing/builders.ts';
import { compileDestination } from './destination.ts';
import { ENDPOINTS_MAX_BYTES, EndpointRoom } from './endpoint-room.ts';

const ports = [{ name: 'http', port: 80, protocol: 'HTTP' as const, targetPort: 8080 }];
const LONG = 'n'.repeat(250);
const WEB = workload('ops/web');

/** Routes to as many subsets of a Service of its own as a policy can name, each of all its pods. */
function crowded(pods: number) {
  const names = Array.from({ length: pods }, (_, index) => `shop/pay-${index}`);
  const labels = { app: 'pay', ...Object.fromEntries(Array.from({ length: 9 }, (_, at) => [`l${at}`, 'x'])) };
  const addresses = names.map((_, index) => `10.1.${index >> 8}.${index & 255}`);
  const subset = (number: number): NonNullable<Route['backends']>[number] => {
    const members = Object.keys(labels).filter((_, at) => at === 0 || (number >> (at - 1)) & 1);
    return {
      service: 'pay',
      port: 80,
      selector: { matchLabels: Object.fromEntries(members.map((name) => [name, labels[name as 'app']])) },
    };
  };
  const routes = Array.from(
    { length: 32 },
    (_, at): Route => ({
      name: `r${at}`,
      match: [{ path: { type: 'Exact', value: `/${at}` } }],
      backends: Array.from({ length: 12 }, (_, of) => subset(at * 12 + of)),
    }),
  );
  return meshOf(
    set(
      'Workload',
      WEB,
      ...names.map((name, at) =>
        workload(name, { labels, addresses: [addresses[at]!], serviceAccount: LONG }),
      ),
    ),
    set('Service', service('shop/pay', { ports })),
    set(
      'EndpointSlice',
      slice('shop/pay', Object.fromEntries(names.map((name, at) => [name, addresses[at]!]))),
    ),
    set('Policy', policy('shop/p', { target: { kind: 'Service', name: 'pay' }, traffic: { routes } })),
  );
}

describe('the endpoints of a destination', () => {
  it('fit in a line of the stream, however many subsets its routes name; the first come first', () => {
    const destination = compileDestination(crowded(100), 'shop/pay:80', WEB)!;
    assert.equal(destination.traffic?.routes?.length, 32);
    assert.ok(JSON.stringify(destination).length < STREAM_LINE_MAX_BYTES);
    const { endpoints, backends = [] } = destination;
    assert.equal(endpoints.length, 100);
    assert.equal(backends.length, 384);
    assert.equal(backends[0]?.endpoints.length, 100);
    assert.equal(backends.at(-1)?.endpoints.length, 0);
  });

  it('are all there where they fit', () => {
    const { backends = [] } = compileDestination(crowded(3), 'shop/pay:80', WEB)!;
    assert.ok(backends.every(({ endpoints }) => endpoints.length === 3));
  });

  it('are as many as fit where one Service has too many', () => {
    const one: Endpoint = {
      ...{ address: 'fd00::ffff:ffff:ffff:ffff', port: 65535, workload: LONG, namespace: LONG },
      ...{ spiffeId: LONG, zone: LONG },
    };
    const room = new EndpointRoom();
    const taken = room.take(Array.from({ length: 10_000 }, () => one));
    assert.ok(taken.length > 2_000);
    assert.ok(JSON.stringify(taken).length <= ENDPOINTS_MAX_BYTES);
    assert.equal(room.isFull, true);
    assert.deepEqual(room.take([one]), []);
  });
});
