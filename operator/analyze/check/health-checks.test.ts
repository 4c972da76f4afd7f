import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { PolicyRule } from '../../../api/mesh-policy.ts';
import type { Change } from '../../mesh/model.ts';
import { set, workload } from '../../testing/builders.ts';
import { readPolicyDocuments } from '../policy-documents.ts';
import { findingsOf, NOW_MS, PAY, type Row, SHOP, says, testFindings } from '../testing/findings.ts';
import { readOf } from '../testing/read.ts';
import { check } from './check.ts';

type Rule = Partial<PolicyRule>;
const named = (rules: readonly Rule[]): PolicyRule[] =>
  rules.map((rule, index) => ({ name: `r${index}`, action: 'Allow', ...rule }));

/** A check of GET /healthz beside these rules; each without `from` is for all. */
const beside = (...rules: Rule[]) => asking({ path: '/healthz' }, ...rules);
function asking(healthCheck: object, ...rules: Rule[]) {
  return says({ target: PAY, traffic: { healthCheck }, inbound: { authorization: { rules: named(rules) } } });
}
const paths = (...list: string[]): Rule => ({ to: [{ paths: list }] });
const API = paths('/v1/*');
const AT = 'shop/p spec.traffic.healthCheck';
const GRPC = { grpc: { service: 'grpc.health.v1.Health', methods: ['Check'] } };

const ROWS: Row[] = [
  {
    ...{ code: 'HealthCheckDenied', severity: 'warning', at: AT },
    what: 'a path that no Allow rule lets in, to callers whom one lets in otherwise',
    has: beside({ ...API, from: [{ serviceAccount: 'web' }] }),
    says: /^health checks of shop\/pay:80, GET \/healthz, are denied to shop\/web, so .*: no Allow rule lets it in, though rule r0 of shop\/p/,
    hasNot: {
      'another rule lets it in': beside(API, paths('/healthz')),
      'another rule may let it in': beside(API, paths('/health*')),
      'a rule for the rest lets it in': beside(API, paths('/**')),
      'it is let in by its method': beside(API, { to: [{ methods: ['GET', 'HEAD'] }] }),
      'a rule asks for a host, which may be its own': beside(API, { to: [{ hosts: ['pay'] }] }),
      'a rule asks for a header': beside(API, { to: [{ headers: [{ name: 'x', value: '1' }] }] }),
      'a rule asks for a token': beside(API, { when: { jwt: { issuer: 'https://id.example' } } }),
      'a rule is for addresses': beside(
        { ...API, from: [{ serviceAccount: 'web' }] },
        { from: [{ ipBlock: '10.0.0.0/8' }] },
      ),
      'callers may send nothing at all': beside({ ...API, from: [{ serviceAccount: 'nobody' }] }),
      'its path can be read otherwise': asking({ path: '/healthz;v=1' }, API),
      'the default is to allow': says({
        target: PAY,
        traffic: { healthCheck: { path: '/healthz' } },
        inbound: { authorization: { default: 'Allow', rules: named([API]) } },
      }),
      'the rules are tried only': says({
        target: PAY,
        traffic: { healthCheck: { path: '/healthz' } },
        inbound: { authorization: { mode: 'Audit', rules: named([API]) } },
      }),
      'the port is carried as bytes': says({
        target: PAY,
        traffic: { protocol: 'TCP', healthCheck: { path: '/healthz' } },
        inbound: { authorization: { rules: named([API]) } },
      }),
      'the rules are of another port': [
        ...says({ target: PAY, traffic: { healthCheck: { path: '/healthz' } } }),
        ...says(
          {
            target: { kind: 'Workload', selector: { matchLabels: { app: 'pay' } }, ports: [9090] },
            inbound: { authorization: { rules: named([API]) } },
          },
          'shop/q',
        ),
      ],
      'nobody enforces the rules': [
        ...beside(API),
        ...set('Workload', workload('shop/pay', { proxyId: undefined, addresses: ['10.0.0.1'] })),
      ],
      'nobody asks': says({ target: PAY, inbound: { authorization: { rules: named([API]) } } }),
    },
  },
  {
    ...{ code: 'HealthCheckDenied', severity: 'warning', at: AT },
    what: 'a path that a Deny rule takes',
    has: beside({ action: 'Deny', ...paths('/healthz', '/admin/**') }),
    says: /: Deny rule r0 of shop\/p takes it$/,
    hasNot: {
      'the rule is about something else': beside({ action: 'Deny', ...paths('/admin/**') }),
      'the rule may be about something else': beside({
        action: 'Deny',
        to: [{ paths: ['/healthz'], headers: [{ name: 'x', value: '1' }] }],
      }),
      'the rule is for other callers': beside({
        action: 'Deny',
        ...paths('/healthz'),
        from: [{ serviceAccount: 'nobody' }],
      }),
      'nobody may call at all': beside({ action: 'Deny' }),
    },
  },
  {
    ...{ code: 'HealthCheckDenied', severity: 'warning', at: AT },
    what: 'calls of the gRPC health service',
    has: asking({ grpc: {} }, { to: [{ grpc: { service: 'pay.v1.Pay' } }] }),
    says: /POST \/grpc\.health\.v1\.Health\/Check, are denied/,
    hasNot: {
      'a rule lets them in': asking({ grpc: {} }, API, { to: [GRPC] }),
      'a rule lets the whole service in': asking({ grpc: {} }, API, {
        to: [{ grpc: { service: 'grpc.health.v1.Health' } }],
      }),
      'a rule lets its path in': asking({ grpc: {} }, API, paths('/grpc.health.v1.Health/*')),
    },
  },
];
testFindings('health checks', ROWS);

describe('a health check that is denied', () => {
  const fixOf = (changes: ReturnType<typeof beside>) =>
    findingsOf(changes).find(({ code }) => code === 'HealthCheckDenied')?.fix;

  it('comes with the rule that lets it in, which ends the finding', () => {
    assert.equal(
      fixOf(beside(API)),
      "add to the rules of shop/p, with the callers of rule r0: {name: health-check, action: Allow, to: [{methods: [GET], paths: ['/healthz']}]}",
    );
    assert.equal(fixOf(beside(API, { to: [{ methods: ['GET'], paths: ['/healthz'] }] })), undefined);
    assert.match(
      fixOf(asking({ grpc: {} }, API))!,
      /to: \[\{grpc: \{service: grpc\.health\.v1\.Health, methods: \[Check\]\}\}\]\}$/,
    );
    assert.equal(fixOf(asking({ grpc: {} }, API, { to: [GRPC] })), undefined);
  });

  it('is told of the policy that says it for one caller, whoever denies it', () => {
    const view = says(
      {
        target: { kind: 'Workload', selector: { matchLabels: { app: 'web' } } },
        traffic: { to: [{ service: 'pay' }], healthCheck: { path: '/healthz' } },
      },
      'shop/view',
    );
    const rules = says({ target: PAY, inbound: { authorization: { rules: named([API]) } } });
    const found = findingsOf([...view, ...rules]).filter(({ code }) => code === 'HealthCheckDenied');
    assert.deepEqual(
      found.map(({ where }) => where),
      [{ kind: 'MeshPolicy', name: 'shop/view', field: 'spec.traffic.healthCheck' }],
    );
    assert.match(found[0]!.message, /denied to shop\/web,/);
  });

  it('is told of the policy that is about to be applied, be it the one that asks or the one that denies', () => {
    const asks = { target: PAY, traffic: { healthCheck: { path: '/healthz' } } };
    const denies = { target: PAY, inbound: { authorization: { rules: named([API]) } } };
    const placesOf = (spec: object, name: string, before: Change[]) => {
      const document = {
        ...{ apiVersion: 'weft.dev/v1alpha1', kind: 'MeshPolicy', metadata: { name, namespace: 'shop' } },
        spec,
      };
      const documents = readPolicyDocuments([{ file: 'new.yaml', text: JSON.stringify(document) }], 'shop');
      return check(readOf(SHOP, before), { documents }, NOW_MS)
        .filter(({ code }) => code === 'HealthCheckDenied')
        .map(({ where: { name: of, field, file } }) => [of, field, file]);
    };
    assert.deepEqual(placesOf(denies, 'denies', says(asks, 'shop/asks')), [
      ['shop/denies', 'spec.inbound.authorization.rules[r0]', 'new.yaml'],
    ]);
    assert.deepEqual(placesOf(asks, 'asks', says(denies, 'shop/denies')), [
      ['shop/asks', 'spec.traffic.healthCheck', 'new.yaml'],
    ]);
    assert.deepEqual(
      placesOf({ inbound: { mtls: { mode: 'Strict' } } }, 'other', [
        ...says(asks, 'shop/asks'),
        ...says(denies, 'shop/denies'),
      ]),
      [],
    );
  });
});
