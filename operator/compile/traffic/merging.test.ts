import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Traffic } from '../../../api/mesh-policy.ts';
import { assertDestination } from '../../../api/validate.ts';
import type { Change, Workload } from '../../mesh/model.ts';
import { meshOf, policy, referenceGrant, set } from '../../testing/builders.ts';
import {
  BATCH,
  MESH,
  MESH_WIDE,
  OTHER,
  request,
  SERVICE,
  says,
  TO_PAY,
  WEB,
  WEB_ONLY,
} from '../../testing/traffic.ts';
import { compileDestination } from '../destination.ts';

function compile(changes: Change[][], consumer: Workload = WEB, key = 'shop/pay:80') {
  const destination = compileDestination(meshOf(MESH, ...changes), key, consumer);
  assert.ok(destination !== null);
  assertDestination(destination);
  return destination;
}
function requestMs(changes: Change[][], consumer?: Workload, key?: string): number | undefined {
  return compile(changes, consumer, key).traffic?.timeout?.requestMs;
}

/** From the weakest to the strongest; each beats all before it. */
const LADDER: readonly [string, Change[]][] = [
  ['Mesh', says('weft-system/mesh', request('1s'), MESH_WIDE)],
  ['Mesh with ports', says('weft-system/mesh-port', request('2s'), { ...MESH_WIDE, ports: ['http'] })],
  ['Namespace', says('shop/all', request('3s'))],
  ['Namespace with ports', says('shop/port', request('4s'), { kind: 'Namespace', ports: [80] })],
  ['Service', says('shop/pay', request('5s'), SERVICE)],
  ['Service with ports', says('shop/pay-port', request('6s'), { ...SERVICE, ports: ['http'] })],
  ['a consumer’s Namespace', says('shop/view', { ...TO_PAY, ...request('7s') })],
  ['a consumer’s Workload', says('shop/view-web', { ...TO_PAY, ...request('8s') }, WEB_ONLY)],
];

describe('the traffic policy of a destination', () => {
  LADDER.forEach(([name], index) => {
    it(`of ${name} beats all that is less specific`, () => {
      const changes = LADDER.slice(0, index + 1).map(([, each]) => each);
      assert.equal(requestMs(changes), (index + 1) * 1000);
      assert.equal(requestMs(changes.reverse()), (index + 1) * 1000);
    });
  });

  it('names every policy that is about it in its version, also those that are overruled', () => {
    const { version } = compile(LADDER.map(([, each]) => each));
    assert.deepEqual(Object.keys(version.policies).length, LADDER.length);
  });

  it('is merged leaf by leaf, and what nobody says is left to the sidecar', () => {
    const { traffic } = compile([
      says('shop/all', {
        timeout: { connect: '2s', request: '10s' },
        circuitBreaker: { maxConnections: 5, maxRetries: 0 },
        outlierDetection: { interval: '5s', successRate: { stdevFactorThousandths: 1900 } },
      }),
      says(
        'shop/pay',
        {
          timeout: { request: '0s', idle: '1m' },
          circuitBreaker: { maxConnections: 9 },
          outlierDetection: { interval: '1s', maxEjectedPercent: 0 },
          retryBudget: { percent: 10 },
          loadBalancing: {
            algorithm: 'Maglev',
            hash: { type: 'Header', header: 'X-User' },
            slowStart: '30s',
          },
          healthCheck: { path: '/healthz', interval: '5s', timeout: '1s', unhealthyAfter: 3 },
        },
        SERVICE,
      ),
    ]);
    assert.deepEqual(traffic, {
      timeout: { connectMs: 2000, requestMs: 0, idleMs: 60_000 },
      retryBudget: { percent: 10 },
      loadBalancing: { algorithm: 'Maglev', slowStartMs: 30_000, hash: { type: 'Header', header: 'x-user' } },
      circuitBreaker: { maxConnections: 9, maxRetries: 0 },
      outlierDetection: {
        intervalMs: 1000,
        maxEjectedPercent: 0,
        successRate: { stdevFactorThousandths: 1900 },
      },
      healthCheck: { path: '/healthz', intervalMs: 5000, timeoutMs: 1000, unhealthyAfter: 3 },
    });
  });

  it('has nothing where no policy says anything of traffic', () => {
    const strict = set('Policy', policy('shop/strict', { inbound: { mtls: { mode: 'Strict' } } }));
    const destination = compile([strict]);
    assert.equal(destination.traffic, undefined);
    assert.deepEqual(destination.version.policies, {});
  });

  it('takes a duration that is longer than any timer for the longest', () => {
    assert.equal(requestMs([says('shop/pay', request('99999h'), SERVICE)]), 2_147_483_647);
  });

  it('replaces routes and health checks whole', () => {
    const { traffic } = compile([
      says('shop/pay', { routes: [{ name: 'a' }, { name: 'b' }], healthCheck: { path: '/a' } }, SERVICE),
      says('shop/view', { ...TO_PAY, routes: [{ name: 'c' }], healthCheck: { path: '/b', interval: '9s' } }),
    ]);
    assert.deepEqual(traffic?.routes, [{ name: 'c', policy: 'shop/view' }]);
    assert.deepEqual(traffic?.healthCheck, { path: '/b', intervalMs: 9000 });
  });

  it('takes a health check of gRPC for one of a path, never both, and keeps what asks for the whole server', () => {
    const checkOf = (general: Traffic['healthCheck'], specific: Traffic['healthCheck']) =>
      compile([
        says('shop/pay', { healthCheck: general }, SERVICE),
        says('shop/view', { ...TO_PAY, healthCheck: specific }),
      ]).traffic?.healthCheck;
    assert.deepEqual(checkOf({ path: '/a', interval: '9s' }, { grpc: { service: 'shop.Pay' } }), {
      grpc: { service: 'shop.Pay' },
    });
    assert.deepEqual(checkOf({ path: '/a' }, { grpc: {}, healthyAfter: 1 }), { grpc: {}, healthyAfter: 1 });
    assert.deepEqual(checkOf({ grpc: {} }, { path: '/b' }), { path: '/b' });
  });

  it('drops the hash of a policy whose algorithm was overruled by one that does not hash', () => {
    const hashing = { algorithm: 'RingHash', hash: { type: 'Source' } } as const;
    const general = says('shop/all', { loadBalancing: hashing });
    assert.deepEqual(compile([general]).traffic?.loadBalancing, hashing);
    const specific = says('shop/pay', { loadBalancing: { algorithm: 'Random' } }, SERVICE);
    assert.deepEqual(compile([general, specific]).traffic?.loadBalancing, { algorithm: 'Random' });
    const other = says('shop/pay', { loadBalancing: { algorithm: 'Maglev' } }, SERVICE);
    assert.deepEqual(compile([general, other]).traffic?.loadBalancing, { ...hashing, algorithm: 'Maglev' });
  });

  for (const ports of [['http'], [80], ['admin', 80], [8080]]) {
    it(`with ports ${ports.join()} is about port 80 of the Service`, () => {
      const changes = [says('shop/pay', request('5s'), { ...SERVICE, ports })];
      assert.equal(requestMs(changes), 5000);
    });
  }
  for (const ports of [['admin'], [81], [9090], ['none']]) {
    it(`with ports ${ports.join()} is not about port 80 of the Service`, () => {
      const changes = [says('shop/pay', request('5s'), { ...SERVICE, ports })];
      assert.equal(requestMs(changes), undefined);
      assert.deepEqual(compile(changes).version.policies, {});
    });
  }

  it('is that of each of several targets', () => {
    const targetRefs = [SERVICE, { kind: 'Service', name: 'other' } as const];
    const both = set('Policy', policy('shop/both', { targetRefs, traffic: request('5s') }));
    assert.equal(requestMs([both]), 5000);
    const others = set(
      'Policy',
      policy('shop/b', { targetRefs: targetRefs.slice(1), traffic: request('5s') }),
    );
    assert.equal(requestMs([others]), undefined);
  });

  it('of another namespace, or of another Service, is not about it', () => {
    const elsewhere = [
      says('ops/all', request('1s')),
      says('ops/pay', request('2s'), SERVICE),
      says('shop/other', request('3s'), { kind: 'Service', name: 'other' }),
    ];
    assert.equal(requestMs(elsewhere), undefined);
  });

  it('that is mandatory is overruled by nothing, leaf by leaf', () => {
    const mandatory = says('weft-system/floor', request('1s'), MESH_WIDE, { enforcement: 'Mandatory' });
    const { traffic } = compile([mandatory, ...LADDER.slice(2).map(([, each]) => each)]);
    assert.equal(traffic?.timeout?.requestMs, 1000);
    const idle = says('shop/pay', { timeout: { idle: '2s' } }, SERVICE);
    assert.equal(compile([mandatory, idle]).traffic?.timeout?.idleMs, 2000);
  });

  it('has the protocol of the policy, which without routes may be TCP', () => {
    const routes = says('shop/pay', { routes: [{ name: 'a' }] }, SERVICE);
    const tcp = says('shop/view', { ...TO_PAY, protocol: 'TCP' });
    const destination = compile([routes, tcp]);
    assert.equal(destination.protocol, 'TCP');
    assert.equal(destination.traffic, undefined);
    assert.equal(compile([routes, tcp], OTHER).traffic?.routes?.length, 1);
  });
});

describe('a consumer’s own view', () => {
  const producer = says('shop/pay', request('5s'), SERVICE);

  it('is for the pods of its target and nobody else', () => {
    const view = says('shop/view', { ...TO_PAY, ...request('1s') }, WEB_ONLY);
    assert.equal(requestMs([producer, view], WEB), 1000);
    assert.equal(requestMs([producer, view], BATCH), 5000);
    assert.equal(requestMs([producer, view], OTHER), 5000);
    assert.deepEqual(Object.keys(compile([producer, view], BATCH).version.policies), ['uid-of-shop/pay']);
  });

  it('is of the Services it names and no others', () => {
    const view = says('shop/view', { to: [{ service: 'other' }], ...request('1s') });
    assert.equal(requestMs([producer, view]), 5000);
  });

  it('leaves what it does not say to the producer', () => {
    const view = says('shop/view', { ...TO_PAY, timeout: { idle: '3s' } });
    assert.deepEqual(compile([producer, view]).traffic?.timeout, { requestMs: 5000, idleMs: 3000 });
  });

  it('of another namespace’s Service counts with a ReferenceGrant of that namespace only', () => {
    const view = says('ops/view', { to: [{ service: 'pay', namespace: 'shop' }], ...request('1s') });
    assert.equal(requestMs([producer, view], OTHER), 5000);
    const granted = set('ReferenceGrant', referenceGrant('shop/to-ops', ['ops']));
    assert.equal(requestMs([producer, view, granted], OTHER), 1000);
    assert.equal(requestMs([producer, view, granted], WEB), 5000);
  });

  it('applies to pods that have the ports of its target', () => {
    const view = says(
      'shop/view',
      { ...TO_PAY, ...request('1s') },
      { kind: 'Namespace', ports: ['metrics'] },
    );
    const measured = { ...WEB, ports: [{ name: 'metrics', port: 9000 }] };
    assert.equal(requestMs([view], measured), 1000);
    assert.equal(requestMs([view], WEB), undefined);
  });

  it('says nothing of what Services speak to others', () => {
    const view = says('shop/view', { ...TO_PAY, protocol: 'HTTP2' });
    assert.equal(compile([view]).protocol, 'HTTP2');
    assert.equal(compile([view], OTHER).protocol, undefined);
  });
});
