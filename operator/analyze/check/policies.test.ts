import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { MeshPolicySpec } from '../../../api/mesh-policy.ts';
import type { Change, Policy } from '../../mesh/model.ts';
import { set, workload } from '../../testing/builders.ts';
import { findingsOf, NOW_MS, PAY, type Row, says, testFindings } from '../testing/findings.ts';

const inbound: MeshPolicySpec['inbound'] = { mtls: { mode: 'Strict' } };
const request = (duration: string): MeshPolicySpec['traffic'] => ({ timeout: { request: duration } });
const daysAgo = (days: number) => ({ createdAt: new Date(NOW_MS - days * 24 * 3_600_000).toISOString() });
const audit = (mode: 'Audit' | 'Enforce', days: number): Change[] =>
  says({ target: PAY, inbound: { authorization: { mode, default: 'Deny' } } }, 'shop/p', daysAgo(days));
const selecting = (app: string) => ({ kind: 'Workload', selector: { matchLabels: { app } } }) as const;
const accepted = (spec: MeshPolicySpec) =>
  set('AcceptedRevision', { key: 'shop/p', uid: 'uid-of-shop/p', generation: 1, spec });

const STAFF = {
  ...{ name: 'staff', issuer: 'https://id.example' },
  jwks: { type: 'URI', uri: 'https://id.example/keys' },
} as const;
const staff: MeshPolicySpec['inbound'] = { jwt: { issuers: [STAFF] } };
const refs = (status: 'True' | 'False', observedGeneration: number): Pick<Policy, 'status'> => ({
  status: {
    observedGeneration,
    ...{ proxies: { targeted: 0, inForce: 0, lagging: 0, refused: 0 }, laggards: [] },
    conditions: [
      {
        ...{ type: 'ResolvedRefs', status, reason: 'JwksUnavailable', observedGeneration },
        lastTransitionTime: '2026-01-01T00:00:00Z',
        message:
          'https://a.example/: no answer; no token of its issuer is valid; https://id.example/keys: connect ECONNREFUSED; no token of its issuer is valid',
      },
    ],
  },
});

const ROWS: Row[] = [
  {
    ...{ code: 'NotAccepted', severity: 'error', at: 'shop/p spec.target.kind' },
    what: 'a Mesh policy outside the control plane’s namespace',
    has: says({ target: { kind: 'Mesh' }, inbound }),
    says: /InvalidTarget.*nothing of it is in force/,
    hasNot: { inside: says({ target: { kind: 'Mesh' }, inbound }, 'weft-system/p') },
  },
  {
    ...{ code: 'NotAccepted', severity: 'error', at: 'shop/p spec.enforcement' },
    what: 'a mandatory one outside it, of which an older generation is in force',
    has: [
      ...says({ enforcement: 'Mandatory', inbound }, 'shop/p', { generation: 2 }),
      ...accepted({ inbound }),
    ],
    says: /InvalidTarget.*generation 1 stays in force/,
    hasNot: { inside: says({ enforcement: 'Mandatory', inbound }, 'weft-system/p') },
  },
  {
    ...{ code: 'TargetNotFound', severity: 'error', at: 'shop/p spec.target' },
    what: 'a Service that does not exist',
    has: says({ target: { kind: 'Service', name: 'gone' }, inbound }),
    says: /Service shop\/gone does not exist/,
    hasNot: { 'it does': says({ target: PAY, inbound }) },
  },
  {
    ...{ code: 'TargetNotFound', severity: 'error', at: 'shop/p spec.target.ports' },
    what: 'a port that the Service does not have',
    has: says({ target: { ...PAY, ports: [81] }, traffic: request('1s') }),
    says: /has a port 81/,
    hasNot: { 'it has': says({ target: { ...PAY, ports: [80] }, traffic: request('1s') }) },
  },
  {
    ...{ code: 'Conflicted', severity: 'warning', at: 'shop/q spec.inbound.mtls.mode' },
    what: 'two equally specific policies of inbound',
    has: [...says({ inbound }), ...says({ inbound: { mtls: { mode: 'Permissive' } } }, 'shop/q')],
    says: /overruled by shop\/p, which is as specific/,
    hasNot: {
      'they agree': [...says({ inbound }), ...says({ inbound }, 'shop/q')],
      'one is more specific': [
        ...says({ inbound }),
        ...says({ target: PAY, inbound: { mtls: { mode: 'Permissive' } } }, 'shop/q'),
      ],
    },
  },
  {
    ...{ code: 'Conflicted', severity: 'warning', at: 'shop/q spec.traffic.timeout.request' },
    what: 'two equally specific policies of traffic',
    has: [...says({ traffic: request('1s') }), ...says({ traffic: request('2s') }, 'shop/q')],
    says: /overruled by shop\/p/,
    hasNot: {
      'they agree': [...says({ traffic: request('1s') }), ...says({ traffic: request('1s') }, 'shop/q')],
    },
  },
  {
    ...{ code: 'TargetsNothing', severity: 'warning', at: 'shop/p spec.target' },
    what: 'a selector that no pod has',
    has: says({ target: selecting('gone'), inbound }),
    says: /no pod of namespace shop has the labels/,
    hasNot: {
      'a pod has': says({ target: selecting('pay'), inbound }),
      'it is about callers, who are told whoever is behind the Service': says({
        target: PAY,
        traffic: request('1s'),
      }),
      'a missing Service is another finding': says({ target: { kind: 'Service', name: 'gone' }, inbound }),
    },
  },
  {
    ...{ code: 'TargetsNothing', severity: 'warning', at: 'empty/p spec.target' },
    what: 'a namespace without pods',
    has: says({ inbound }, 'empty/p'),
    says: /no pod is what it is about/,
    hasNot: { 'it has pods': says({ inbound }) },
  },
  {
    ...{ code: 'TargetsWithoutSidecar', severity: 'warning', at: 'shop/p spec.target' },
    what: 'pods without sidecar',
    has: [
      ...says({ target: selecting('old'), inbound }),
      ...set('Workload', workload('shop/old', { proxyId: undefined })),
    ],
    says: /none of the 1 pods/,
    hasNot: { 'one has a sidecar': says({ target: selecting('pay'), inbound }) },
  },
  {
    ...{ code: 'LongAudit', severity: 'info', at: 'shop/p spec.inbound.authorization.mode' },
    what: 'an old trial',
    has: audit('Audit', 30),
    says: /made 30 days ago/,
    hasNot: {
      'it is young': audit('Audit', 13),
      'it is enforced': audit('Enforce', 30),
      'its age is not known': says(
        { inbound: { authorization: { mode: 'Audit', default: 'Deny' } } },
        'shop/p',
        {
          createdAt: '1970-01-01T00:00:00Z',
        },
      ),
    },
  },
  {
    ...{ code: 'TargetNotFound', severity: 'error', at: 'shop/p spec.traffic.to[0]' },
    what: 'a view of a Service that does not exist',
    has: says({ target: selecting('web'), traffic: { ...request('1s'), to: [{ service: 'pya' }] } }),
    says: /Service shop\/pya does not exist/,
    hasNot: {
      'it does': says({ target: selecting('web'), traffic: { ...request('1s'), to: [{ service: 'pay' }] } }),
    },
  },
  {
    ...{ code: 'JwksUnavailable', severity: 'error', at: 'shop/p spec.inbound.jwt.issuers[staff].jwks.uri' },
    what: 'keys that the operator could not fetch',
    has: says({ inbound: staff }, 'shop/p', { generation: 3, ...refs('False', 3) }),
    says: /https:\/\/id\.example\/keys: connect ECONNREFUSED; no token of its issuer is valid$/,
    hasNot: {
      'it fetched them': says({ inbound: staff }, 'shop/p', { generation: 3, ...refs('True', 3) }),
      'it said so of an older generation': says({ inbound: staff }, 'shop/p', {
        ...{ generation: 4, ...refs('False', 3) },
      }),
      'it says so of another address': says(
        {
          inbound: {
            jwt: {
              issuers: [{ ...STAFF, jwks: { type: 'URI', uri: 'https://id.example/keys2' } }],
            },
          },
        },
        'shop/p',
        { generation: 3, ...refs('False', 3) },
      ),
      'no operator has said anything yet': says({ inbound: staff }),
    },
  },
];

testFindings('policies that are not in force as they are written', ROWS);

describe('a mesh in which nothing is wrong', () => {
  it('has no finding', () => {
    const strict = says({
      inbound: {
        mtls: { mode: 'Strict' },
        authorization: {
          default: 'Deny',
          rules: [{ name: 'r', action: 'Allow', from: [{ namespace: 'shop' }] }],
        },
      },
      telemetry: { accessLog: { mode: 'All' } },
    });
    assert.deepEqual(findingsOf(strict), []);
    assert.deepEqual(findingsOf([]), [], 'nor one without policies');
  });

  it('splits what to do from what is wrong before its first word, colons in it or not', () => {
    const found = findingsOf(says({ target: { kind: 'Mesh' }, inbound }));
    const { message, fix } = found.find(({ code }) => code === 'NotAccepted')!;
    assert.match(message, /: kind Mesh counts only in namespace weft-system$/);
    assert.equal(fix, 'create the policy there, or write kind: Namespace');
  });

  it('says each thing once, however many proxies have it', () => {
    const more = Array.from({ length: 50 }, (_, index) =>
      workload(`shop/pay-${index}`, { labels: { app: 'pay' } }),
    );
    const found = findingsOf([
      ...set('Workload', ...more),
      ...says({
        target: PAY,
        inbound: {
          authorization: { rules: [{ name: 'r', action: 'Allow', from: [{ serviceAccount: 'gone' }] }] },
        },
      }),
    ]);
    const codes = found.map(({ code }) => code).sort();
    assert.deepEqual(codes, ['AllowDeniesOthers', 'CallerNotFound', 'LockedOut', 'NobodyDenied']);
  });
});
