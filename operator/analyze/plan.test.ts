import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { FieldChange } from '../../api/analysis.ts';
import type { MeshPolicySpec, Route } from '../../api/mesh-policy.ts';
import { assertDestination, assertProxyConfig } from '../../api/validate.ts';
import type { Change } from '../mesh/model.ts';
import { set, workload } from '../testing/builders.ts';
import { AnalysisError } from './analysis-error.ts';
import { plan } from './plan.ts';
import { readPolicyDocuments } from './policy-documents.ts';
import { CONTAINER, NOW_MS, PAY, SHOP, says } from './testing/findings.ts';
import { readOf } from './testing/read.ts';

const document = (spec: object, name = 'p', namespace = 'shop') =>
  JSON.stringify({
    apiVersion: 'weft.dev/v1alpha1',
    kind: 'MeshPolicy',
    metadata: { name, namespace },
    spec,
  });
const planned = (texts: string[], before: Change[] = [], deletes: string[] = [], more: object = {}) => {
  const documents = readPolicyDocuments([{ file: 'new.yaml', text: texts.join('\n---\n') }], 'shop');
  return plan(readOf(SHOP, before), { documents, deletes, withConfigurations: true, ...more }, NOW_MS);
};
const texts = (changes: readonly FieldChange[] = []) =>
  changes.map(({ path, port, before, after }) => {
    const at = port === undefined ? '' : `:${port}`;
    return `${path}${at} ${JSON.stringify(before) ?? '-'} → ${JSON.stringify(after) ?? '-'}`;
  });
const strict: MeshPolicySpec = { target: PAY, inbound: { mtls: { mode: 'Strict' } } };
const routing = (...routes: Route[]): MeshPolicySpec => ({ target: PAY, traffic: { routes } });

describe('a plan', () => {
  it('of a new policy tells which proxies change, and how', () => {
    const { proxies, policies, destinations } = planned([document(strict)]);
    assert.deepEqual(policies, [{ policy: 'shop/p', action: 'Create', file: 'new.yaml', line: 1 }]);
    assert.deepEqual(proxies, [
      {
        workloads: ['shop/pay'],
        changes: [
          {
            ...{ path: 'inbound.mtls', before: 'Permissive', after: 'Strict' },
            originAfter: { policy: 'shop/p', generation: 1, field: 'spec.inbound.mtls.mode' },
          },
        ],
      },
    ]);
    assert.deepEqual(destinations, []);
  });

  it('of more than a proxy can be told says so, and what it would be told all the same', () => {
    const paths = Array.from({ length: 32 }, (_, index) => `/${index}${'p'.repeat(1000)}`);
    const rules = [{ name: 'r', action: 'Deny' as const, to: [{ paths }] }];
    const texts = Array.from({ length: 10 }, (_, index) =>
      document({ target: PAY, inbound: { authorization: { rules } } }, `p${index}`),
    );
    const all = document(
      { target: { kind: 'Mesh' }, inbound: { mtls: { mode: 'Strict' } } },
      'm',
      'weft-system',
    );
    const { proxies, withheld } = planned([...texts, all]);
    assert.equal(withheld?.length, 1);
    assert.deepEqual(withheld[0]?.workloads, ['shop/pay']);
    assert.match(withheld[0].reason, /more than 262144/);
    const pay = proxies.find(({ workloads }) => workloads.includes('shop/pay'));
    assert.deepEqual(
      pay?.changes.map(({ path }) => path),
      ['inbound.mtls'],
    );
  });

  it('of what is there already is empty', () => {
    const { policies, proxies, affected } = planned([document(strict)], says(strict));
    assert.equal(policies[0]?.action, 'Nothing');
    assert.deepEqual([proxies, affected], [[], []]);
  });

  it('of a change tells what was and what would be, and who says either', () => {
    const { proxies } = planned(
      [document({ ...strict, inbound: { mtls: { mode: 'Permissive' } } })],
      says(strict, 'shop/p', { generation: 4 }),
    );
    const [change] = proxies[0]!.changes;
    assert.deepEqual([change?.originBefore?.generation, change?.originAfter?.generation], [4, 5]);
    assert.deepEqual(texts([change!]), ['inbound.mtls "Strict" → "Permissive"']);
  });

  it('of a deletion tells what opens', () => {
    const { proxies, policies } = planned([], says(strict), ['p']);
    assert.deepEqual(policies, [{ policy: 'shop/p', action: 'Delete' }]);
    assert.deepEqual(texts(proxies[0]?.changes), ['inbound.mtls "Strict" → "Permissive"']);
  });

  it('of two policies that cancel each other out changes nothing', () => {
    const { proxies } = planned([document(strict, 'q')], says(strict), ['p']);
    assert.deepEqual(proxies, [], 'who says a value is no difference');
  });

  it('is one line for a thousand equal proxies', () => {
    const pods = Array.from({ length: 1000 }, (_, index) =>
      workload(`shop/pay-${index}`, { labels: { app: 'pay' }, ports: CONTAINER }),
    );
    const { proxies } = planned([document(strict)], set('Workload', ...pods));
    assert.deepEqual(
      proxies.map(({ workloads }) => workloads.length),
      [1001],
    );
  });

  it('goes into rules field by field', () => {
    const rule = (rest: object) => ({
      target: PAY,
      inbound: {
        authorization: {
          rules: [{ name: 'r', action: 'Allow', from: [{ serviceAccount: 'web' }], ...rest }],
        },
      },
    });
    const { proxies } = planned(
      [document(rule({ to: [{ methods: ['GET'] }] }))],
      says(rule({ to: [{ methods: ['GET', 'POST'] }] }) as MeshPolicySpec),
    );
    assert.deepEqual(texts(proxies[0]?.changes), [
      'inbound.authorization.rules[r].to[0].methods ["GET","POST"] → ["GET"]',
    ]);
  });

  it('compares a port that gets values of its own with what held for all', () => {
    const { proxies } = planned([
      document({ target: { ...PAY, ports: [80] }, inbound: { mtls: { mode: 'Strict' } } }),
    ]);
    assert.deepEqual(texts(proxies[0]?.changes), ['inbound.mtls:8080 "Permissive" → "Strict"']);
  });

  it('lets the younger of two equally specific policies lose, and says so', () => {
    const other = { ...strict, inbound: { mtls: { mode: 'Permissive' as const } } };
    const { proxies, conflicts } = planned([document(strict, 'new')], says(other, 'shop/old'));
    assert.deepEqual(proxies, []);
    assert.deepEqual(conflicts, {
      appear: [{ loser: 'shop/new', winner: 'shop/old', field: 'spec.inbound.mtls.mode', mandatory: false }],
      end: [],
    });
  });

  it('tells which conflicts end', () => {
    const other = { ...strict, inbound: { mtls: { mode: 'Permissive' as const } } };
    const both = [...says(other, 'shop/a'), ...says(strict, 'shop/b')];
    assert.deepEqual(
      planned([], both, ['shop/a']).conflicts.end.map(({ loser }) => loser),
      ['shop/b'],
    );
  });
});

describe('a plan of traffic', () => {
  it('tells how callers would reach the Service, and whether it is all of them', () => {
    const { destinations, proxies } = planned([
      document({ target: PAY, traffic: { timeout: { request: '2s' } } }),
    ]);
    assert.deepEqual(proxies, []);
    assert.deepEqual(
      destinations.map(({ destinations: names, callers, allCallers, changes }) => [
        names,
        callers,
        allCallers,
        texts(changes),
      ]),
      [[['shop/pay:80'], ['ops/job', 'shop/pay', 'shop/web'], true, ['traffic.timeout.request - → "2s"']]],
    );
  });

  it('tells apart callers with a view of their own', () => {
    const view = says({ traffic: { to: [{ service: 'pay' }], timeout: { request: '9s' } } }, 'shop/mine');
    const { destinations } = planned(
      [document({ target: PAY, traffic: { timeout: { request: '2s' } } })],
      view,
    );
    assert.deepEqual(
      destinations.map(({ callers, allCallers }) => [callers, allCallers]),
      [[['ops/job'], false]],
    );
  });

  it('goes into routes by name, and weights by place', () => {
    const backends = (a: number, b: number) => [
      { service: 'pay', weight: a },
      { service: 'web', weight: b },
    ];
    const { destinations } = planned(
      [document(routing({ name: 'a', backends: backends(80, 20) }))],
      says(routing({ name: 'a', backends: backends(90, 10) })),
    );
    assert.deepEqual(texts(destinations[0]?.changes), [
      'traffic.routes[a].backends[0].weight 90 → 80',
      'traffic.routes[a].backends[1].weight 10 → 20',
    ]);
  });

  it('tells routes that come and go, and another order', () => {
    const [a, b, c] = [{ name: 'a' }, { name: 'b' }, { name: 'c' }];
    const { destinations } = planned([document(routing(b, a))], says(routing(a, b, c)));
    assert.deepEqual(texts(destinations[0]?.changes), [
      'traffic.routes[c] {"name":"c"} → -',
      'traffic.routes ["a","b","c"] → ["b","a"]',
    ]);
  });
});

describe('a plan of policies that are wrong', () => {
  it('says what the API server would, with the line, and leaves them out', () => {
    const { problems, policies, proxies } = planned([document({ inbound: { mtls: { mode: 'Srtict' } } })]);
    assert.deepEqual(problems, [
      { file: 'new.yaml', line: 1, message: 'spec.inbound.mtls.mode: must be Permissive or Strict' },
    ]);
    assert.deepEqual([policies, proxies], [[], []]);
  });

  it('says what the operator would, and what would stay in force', () => {
    const { policies, proxies } = planned(
      [document({ ...strict, enforcement: 'Mandatory' })],
      says(strict, 'shop/p', { generation: 3 }),
    );
    const { reason, inForce } = policies[0]!.refusal!;
    assert.deepEqual([reason, inForce, proxies], ['InvalidTarget', 3, []]);
  });

  it('says what they name and nobody has', () => {
    const { policies } = planned([document({ ...strict, target: { kind: 'Service', name: 'gone' } })]);
    assert.equal(policies[0]?.unresolved?.reason, 'TargetNotFound');
  });

  it('leaves other people’s documents out without a word of blame', () => {
    const { problems } = planned([JSON.stringify({ apiVersion: 'apps/v1', kind: 'Deployment' })]);
    assert.equal(problems[0]?.foreign, true);
  });

  for (const [what, deletes, edits, message] of [
    ['is not there', ['gone'], [], /no MeshPolicy shop\/gone/],
    ['is in a file too', ['p'], [document(strict)], /both in a file and to be deleted/],
  ] as const) {
    it(`refuses to delete what ${what}`, () => {
      assert.throws(
        () => planned([...edits], says({ ...strict, target: { kind: 'Namespace' } }), [...deletes]),
        (error: Error) => error instanceof AnalysisError && error.usage && message.test(error.message),
      );
    });
  }
});

describe('what affected proxies would be told', () => {
  it('is valid, and only what changes', () => {
    const { affected = [] } = planned([document({ ...strict, traffic: { timeout: { request: '2s' } } })]);
    assert.deepEqual(
      affected.map(({ name, proxyId, config, destinations }) => [
        name,
        proxyId,
        config?.inbound.ports[0]?.mtls,
        destinations.length,
      ]),
      [
        ['job', 'id-ops-job', undefined, 1],
        ['pay', 'id-shop-pay', 'Strict', 1],
        ['web', 'id-shop-web', undefined, 1],
      ],
    );
    for (const { config, destinations } of affected) {
      if (config) assertProxyConfig(config);
      destinations.forEach(assertDestination);
    }
    assert.equal(affected[0]?.destinations[0]?.traffic?.timeout?.requestMs, 2000);
  });

  it('is of as many as fit, and the others are counted', () => {
    const pods = Array.from({ length: 100 }, (_, index) =>
      workload(`shop/pay-${index}`, { labels: { app: 'pay' }, ports: CONTAINER }),
    );
    const most = { affectedMaxBytes: 20_000 };
    const {
      affected = [],
      affectedLeftOut = 0,
      proxies,
    } = planned([document(strict)], set('Workload', ...pods), [], most);
    const bytes = affected.reduce((sum, each) => sum + JSON.stringify(each).length, 0);
    assert.ok(affected.length > 0 && bytes <= 20_000, `${affected.length} of ${bytes} bytes`);
    assert.ok(affectedLeftOut > 0);
    assert.equal(affected.length + affectedLeftOut, proxies[0]?.workloads.length);
  });
});
