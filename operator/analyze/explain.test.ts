import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Subject } from '../../api/analysis.ts';
import type { MeshPolicySpec } from '../../api/mesh-policy.ts';
import type { Change } from '../mesh/model.ts';
import { meshOf, set, workload } from '../testing/builders.ts';
import { AnalysisError } from './analysis-error.ts';
import { explain } from './explain.ts';
import { CONTAINER, PAY, SHOP, says } from './testing/findings.ts';

const strict: MeshPolicySpec['inbound'] = { mtls: { mode: 'Strict' } };
const permissive: MeshPolicySpec['inbound'] = { mtls: { mode: 'Permissive' } };
const timeout = (request: string): MeshPolicySpec['traffic'] => ({ timeout: { request } });
const explained = (subject: Subject, ...changes: Change[][]) =>
  explain(meshOf(SHOP, ...changes), subject, 'shop');
const pod: Subject = { type: 'Workload', name: 'pay' };

describe('explain of a pod', () => {
  it('gives each value its origin and what lost against it', () => {
    const { subject, proxies } = explained(
      pod,
      says({ inbound: strict }, 'shop/all'),
      says({ target: PAY, inbound: permissive }, 'shop/pay', { generation: 4 }),
    );
    assert.equal(subject, 'pod shop/pay');
    const [mtls] = proxies[0]!.values.filter(({ path }) => path === 'inbound.mtls');
    assert.deepEqual(mtls, {
      path: 'inbound.mtls',
      value: 'Permissive',
      origin: { policy: 'shop/pay', generation: 4, field: 'spec.inbound.mtls.mode' },
      lost: [
        { value: 'Strict', origin: { policy: 'shop/all', generation: 1, field: 'spec.inbound.mtls.mode' } },
      ],
    });
  });

  it('names a default as such, without an origin', () => {
    const { values } = explained(pod).proxies[0]!;
    assert.deepEqual(
      values.find(({ path }) => path === 'inbound.mtls'),
      { path: 'inbound.mtls', value: 'Permissive', lost: [] },
    );
  });

  it('makes one entry of pods where the same holds', () => {
    const pods = Array.from({ length: 1000 }, (_, index) =>
      workload(`shop/pay-${index}`, { app: 'many', labels: { app: 'many' }, ports: CONTAINER }),
    );
    const { proxies, subject } = explained({ type: 'Workload', name: 'many' }, set('Workload', ...pods));
    assert.deepEqual([proxies.length, proxies[0]?.workloads.length], [1, 1000]);
    assert.equal(subject, 'pod shop/pay-0 and 999 more');
  });

  it('says that a pod without sidecar enforces nothing', () => {
    const changes = set('Workload', workload('shop/pay', { proxyId: undefined }));
    assert.deepEqual(explained(pod, changes, says({ inbound: strict })).proxies, [
      { workloads: ['shop/pay'], meshed: false, bypassedPorts: [], values: [] },
    ]);
  });

  it('names ports past the sidecar', () => {
    const changes = set('Workload', workload('shop/pay', { skippedInboundPorts: [9090] }));
    assert.deepEqual(explained(pod, changes).proxies[0]?.bypassedPorts, [9090]);
  });

  it('shows no keys of a key set that nobody fetched for it', () => {
    const jwks = { type: 'URI', uri: 'https://id.example/keys' } as const;
    const { values } = explained(
      pod,
      says({ inbound: { jwt: { issuers: [{ name: 'i', issuer: 'https://id.example', jwks }] } } }),
    ).proxies[0]!;
    const issuer = values.find(({ path }) => path === 'inbound.jwt.issuers[i]')?.value;
    assert.deepEqual(issuer, {
      ...{ policy: 'shop/p', name: 'i', issuer: 'https://id.example', forward: true },
      jwksUri: 'https://id.example/keys',
    });
  });
});

describe('notes of explain', () => {
  const notes = (...changes: Change[][]) =>
    explained(pod, ...changes).notes.map(({ policy, reason }) => `${policy} ${reason}`);

  it('name a policy that lost everywhere, and by whom', () => {
    const changes = [says({ inbound: strict }, 'shop/all'), says({ target: PAY, inbound: permissive })];
    assert.deepEqual(explained(pod, ...changes).notes, [
      { policy: 'shop/all', reason: 'Overruled', message: 'all it says here is overruled by shop/p' },
    ]);
  });

  it('name a policy without which the same would hold', () => {
    assert.deepEqual(notes(says({ inbound: strict }, 'shop/all'), says({ target: PAY, inbound: strict })), [
      'shop/all Redundant',
    ]);
  });

  it('name a conflict, and the winner', () => {
    assert.deepEqual(notes(says({ inbound: strict }), says({ inbound: permissive }, 'shop/q')), [
      'shop/q Conflicted',
      'shop/q Overruled',
    ]);
  });

  it('tell which generation is in force when the newest is not accepted', () => {
    const wrong = { inbound: { mtls: { mode: 'Sometimes' } } } as unknown as MeshPolicySpec;
    const revision = { key: 'shop/p', uid: 'uid-of-shop/p', generation: 2, spec: { inbound: strict } };
    const { notes: all, proxies } = explained(
      pod,
      says(wrong, 'shop/p', { generation: 3 }),
      set('AcceptedRevision', revision as never),
    );
    assert.match(
      all[0]!.message,
      /^generation 3 is not accepted, generation 2 stays in force: spec\.inbound/,
    );
    assert.equal(proxies[0]?.values[0]?.value, 'Strict');
  });

  it('are none where all that is said holds', () => assert.deepEqual(notes(says({ inbound: strict })), []));
});

describe('explain of a Service', () => {
  const subject: Subject = { type: 'Service', name: 'pay' };

  it('shows the pods behind it and what callers in common see', () => {
    const { proxies, destinations } = explained(subject, says({ target: PAY, traffic: timeout('2s') }));
    assert.deepEqual(proxies[0]?.workloads, ['shop/pay']);
    assert.deepEqual(
      destinations.map(({ key, caller, protocol, endpoints }) => [key, caller, protocol, endpoints]),
      [['shop/pay:80', undefined, 'HTTP', 1]],
    );
    assert.deepEqual(
      destinations[0]?.values.map(({ path, value }) => [path, value]),
      [
        ['traffic.protocol', 'HTTP'],
        ['traffic.timeout.request', '2s'],
      ],
    );
  });

  it('names policies by which some callers have their own view, without taking them for all', () => {
    const view = says({ traffic: { to: [{ service: 'pay' }], ...timeout('9s') } }, 'shop/mine');
    const [destination] = explained(subject, view).destinations;
    assert.deepEqual(destination?.ownViews, ['shop/mine']);
    assert.ok(!destination?.values.some(({ path }) => path === 'traffic.timeout.request'));
  });

  it('lists each route by itself, with its place in the policy, and endpoints of its backends', () => {
    const routes = [{ name: 'a', backends: [{ service: 'web' }] }, { name: 'b' }];
    const [destination] = explained(subject, says({ target: PAY, traffic: { routes } })).destinations;
    const found = destination!.values.filter(({ path }) => path.startsWith('traffic.routes'));
    assert.deepEqual(
      found.map(({ path, origin }) => [path, origin?.field]),
      [
        ['traffic.routes[a]', 'spec.traffic.routes[a]'],
        ['traffic.routes[b]', 'spec.traffic.routes[b]'],
      ],
    );
    assert.deepEqual(destination?.backends, [{ name: 'shop/web:80', endpoints: 1 }]);
  });

  it('tells what a policy names and nobody has', () => {
    const routes = [{ name: 'a', backends: [{ service: 'gone' }] }];
    const { notes } = explained(subject, says({ target: PAY, traffic: { routes } }));
    assert.deepEqual(
      notes.map(({ reason }) => reason),
      ['NotResolved'],
    );
  });
});

describe('explain of a call', () => {
  it('shows the view of that caller and what it meets', () => {
    const view = says({ traffic: { to: [{ service: 'pay' }], ...timeout('9s') } }, 'shop/mine');
    const { subject, destinations, proxies } = explained(
      { type: 'Pair', from: 'web', to: 'pay', port: 80 },
      view,
    );
    assert.equal(subject, 'shop/web → shop/pay:80');
    const value = destinations[0]!.values.find(({ path }) => path === 'traffic.timeout.request');
    assert.deepEqual(
      [destinations[0]?.caller, value?.value, value?.origin?.policy],
      ['shop/web', '9s', 'shop/mine'],
    );
    assert.deepEqual(proxies[0]?.workloads, ['shop/pay']);
  });

  it('shows to a caller of another namespace what its namespace says', () => {
    const view = says({ traffic: { to: [{ service: 'pay' }], ...timeout('9s') } }, 'shop/mine');
    const { destinations } = explained({ type: 'Pair', from: 'ops/job', to: 'pay' }, view);
    assert.ok(!destinations[0]!.values.some(({ path }) => path === 'traffic.timeout.request'));
  });
});

describe('what is not there', () => {
  const cases: [string, Subject, RegExp, RegExp][] = [
    ['a pod', { type: 'Workload', name: 'pays' }, /no pod and no app shop\/pays/, /did you mean shop\/pay\?/],
    ['a pod of an empty namespace', { type: 'Workload', name: 'x/y' }, /x\/y/, /namespace x has none at all/],
    [
      'a Service',
      { type: 'Service', name: 'billing' },
      /no Service shop\/billing/,
      /there are shop\/pay, shop\/web/,
    ],
    ['a port', { type: 'Pair', from: 'web', to: 'pay', port: 81 }, /has no port 81/, /its ports are 80/],
    [
      'a label',
      { type: 'Selector', labels: { app: 'x' } },
      /no pod of namespace shop has app=x/,
      /kubectl get pods/,
    ],
  ];
  for (const [what, subject, message, hint] of cases) {
    it(`is said: ${what}`, () => {
      assert.throws(
        () => explained(subject),
        (error: AnalysisError) => {
          assert.ok(error instanceof AnalysisError && error.usage);
          assert.match(error.message, message);
          assert.match(error.hint ?? '', hint);
          return true;
        },
      );
    });
  }
});
