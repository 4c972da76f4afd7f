import type { PolicyRule, Source } from '../../../api/mesh-policy.ts';
import { set, workload } from '../../testing/builders.ts';
import { PAY, type Row, says, testFindings } from '../testing/findings.ts';

const allow = (...from: Source[]): PolicyRule => ({ name: 'r', action: 'Allow', from });
const rules = (...list: PolicyRule[]) => says({ target: PAY, inbound: { authorization: { rules: list } } });
const FROM = 'shop/p spec.inbound.authorization.rules[r].from[0]';

const ROWS: Row[] = [
  {
    ...{ code: 'CallerNotFound', severity: 'warning', at: FROM },
    what: 'a service account that no pod runs as, with the one that was meant',
    has: rules(allow({ serviceAccount: 'wep' })),
    says: /no pod of namespace shop runs as service account wep/,
    hasNot: {
      'pods run as it': rules(allow({ serviceAccount: 'web' })),
      'it is of the namespace that is named': rules(allow({ namespace: 'ops', serviceAccount: 'job' })),
      'any of a namespace with pods': rules(allow({ namespace: 'ops' })),
      'it is of another trust domain': rules(allow({ spiffeId: 'spiffe://far.example/ns/a/sa/b' })),
      'it is a SPIFFE ID of this one': rules(allow({ spiffeId: 'spiffe://cluster.local/ns/shop/sa/web' })),
      'it is an address': rules(allow({ ipBlock: '192.0.2.0/24' })),
    },
  },
  {
    ...{ code: 'CallerNotFound', severity: 'warning', at: FROM },
    what: 'a namespace without pods',
    has: rules(allow({ namespace: 'nowhere' })),
    says: /namespace nowhere has no pods/,
    hasNot: { 'it has pods': rules(allow({ namespace: 'ops', serviceAccount: '*' })) },
  },
  {
    ...{ code: 'CallerNotFound', severity: 'warning', at: FROM },
    what: 'a SPIFFE ID of this trust domain that nobody has',
    has: rules(allow({ spiffeId: 'spiffe://cluster.local/ns/shop/sa/nobody' })),
    says: /service account nobody/,
    hasNot: {},
  },
  {
    ...{ code: 'CallerNotFound', severity: 'warning', at: 'shop/p spec.traffic.routes[a].match[0].from[0]' },
    what: 'the same in a match of a route',
    has: says({
      target: PAY,
      traffic: { routes: [{ name: 'a', match: [{ from: [{ serviceAccount: 'gone' }] }] }] },
    }),
    says: /service account gone/,
    hasNot: {
      'pods run as it': says({
        target: PAY,
        traffic: { routes: [{ name: 'a', match: [{ from: [{ serviceAccount: 'web' }] }] }] },
      }),
    },
  },
  {
    ...{ code: 'CallerWithoutSidecar', severity: 'warning', at: FROM },
    what: 'a caller whose pods have no sidecar',
    has: [
      ...rules(allow({ serviceAccount: 'old' })),
      ...set('Workload', workload('shop/old', { proxyId: undefined })),
    ],
    says: /no pod of shop\/old has a sidecar/,
    hasNot: {
      'some have one': [
        ...rules(allow({ serviceAccount: 'old' })),
        ...set('Workload', workload('shop/old', { proxyId: undefined })),
        ...set('Workload', workload('shop/new', { serviceAccount: 'old' })),
      ],
    },
  },
  {
    ...{ code: 'IpBlockUnderStrict', severity: 'warning', at: FROM },
    what: 'an address under Strict',
    has: says({
      target: PAY,
      inbound: {
        mtls: { mode: 'Strict' },
        authorization: { rules: [allow({ ipBlock: '10.0.0.0/8' })] },
      },
    }),
    says: /mtls is Strict here/,
    hasNot: {
      'plaintext is accepted': rules(allow({ ipBlock: '10.0.0.0/8' })),
      'it is to be denied': says({
        target: PAY,
        inbound: {
          mtls: { mode: 'Strict' },
          authorization: { rules: [{ name: 'r', action: 'Deny', from: [{ ipBlock: '10.0.0.0/8' }] }] },
        },
      }),
      'only another port is Strict': [
        ...rules(allow({ ipBlock: '10.0.0.0/8' })),
        ...says({ target: { ...PAY, ports: [9090] }, inbound: { mtls: { mode: 'Strict' } } }, 'shop/q'),
      ],
    },
  },
  {
    ...{ code: 'AllowDeniesOthers', severity: 'info', at: 'shop/p spec.inbound.authorization.rules' },
    what: 'callers that an Allow rule shuts out without a word',
    has: rules(allow({ serviceAccount: 'web' })),
    says: /deny everybody else, of the callers that exist now ops\/job$/,
    hasNot: {
      'the default is written': says({
        target: PAY,
        inbound: { authorization: { default: 'Deny', rules: [allow({ serviceAccount: 'web' })] } },
      }),
      'the default is Allow': says({
        target: PAY,
        inbound: { authorization: { default: 'Allow', rules: [allow({ serviceAccount: 'web' })] } },
      }),
      'all who exist may': rules(allow({ namespace: 'shop' }, { namespace: 'ops' })),
      'another rule lets them in': rules(allow({ serviceAccount: 'web' }), { name: 's', action: 'Allow' }),
      'nothing is enforced': says({
        target: PAY,
        inbound: { authorization: { mode: 'Audit', rules: [allow({ serviceAccount: 'web' })] } },
      }),
    },
  },
  {
    ...{ code: 'LockedOut', severity: 'error', at: 'shop/p spec.inbound.authorization.rules' },
    what: 'Allow rules that name nobody who exists',
    has: rules(allow({ serviceAccount: 'wep' }), { ...allow({ namespace: 'nowhere' }), name: 's' }),
    says: /every request to shop\/pay is denied/,
    hasNot: {
      'one of their callers exists': rules(allow({ serviceAccount: 'wep' }, { serviceAccount: 'web' })),
      'another rule lets somebody in': rules(allow({ serviceAccount: 'wep' }), {
        name: 's',
        action: 'Allow',
      }),
      'it names an address': rules(allow({ ipBlock: '192.0.2.0/24' })),
      'it names somebody of another trust domain': rules(
        allow({ spiffeId: 'spiffe://far.example/ns/a/sa/b' }),
      ),
      'the rule denies': rules({ name: 'r', action: 'Deny', from: [{ serviceAccount: 'wep' }] }),
      'the default is Allow': says({
        target: PAY,
        inbound: { authorization: { default: 'Allow', rules: [allow({ serviceAccount: 'wep' })] } },
      }),
      'nothing is enforced': says({
        target: PAY,
        inbound: { authorization: { mode: 'Audit', rules: [allow({ serviceAccount: 'wep' })] } },
      }),
      'nobody is named at all': says({ target: PAY, inbound: { authorization: { default: 'Deny' } } }),
    },
  },
];

testFindings('callers that rules name, and those they forget', ROWS);
