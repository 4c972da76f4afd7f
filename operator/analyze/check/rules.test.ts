import type { Inbound, Operation, PolicyRule } from '../../../api/mesh-policy.ts';
import type { Change } from '../../mesh/model.ts';
import { service, set } from '../../testing/builders.ts';
import { PAY, PORTS, type Row, says, testFindings } from '../testing/findings.ts';

const rules = (list: PolicyRule[], rest: Inbound = {}, ports?: number[]) =>
  says({ target: { ...PAY, ...(ports && { ports }) }, inbound: { ...rest, authorization: { rules: list } } });
const allow = (...to: Operation[]) => rules([{ name: 'r', action: 'Allow', to }]);
const deny = (...to: Operation[]) => rules([{ name: 'r', action: 'Deny', to }]);
const TO = 'shop/p spec.inbound.authorization.rules[r].to[0]';
const RULE = 'shop/p spec.inbound.authorization.rules[r]';
const speaking = (protocol: 'HTTP' | 'HTTP2' | 'GRPC' | 'TCP' | undefined): Change[] =>
  set('Service', service('shop/pay', { ports: [{ ...PORTS[0]!, protocol }] }));

const issuers = (issuer: string): Inbound => ({
  jwt: { issuers: [{ name: 'i', issuer, jwks: { type: 'URI', uri: 'https://id.example/keys' } }] },
});
const withToken = (action: PolicyRule['action'], rest?: Inbound) =>
  rules([{ name: 'r', action, when: { jwt: { issuer: 'https://id.example' } } }], rest);
const both = (denied: Partial<PolicyRule>, allowed: Partial<PolicyRule>) =>
  rules([
    { name: 'd', action: 'Deny', ...denied },
    { name: 'a', action: 'Allow', ...allowed },
  ]);

const ROWS: Row[] = [
  {
    ...{ code: 'NeverMatches', severity: 'warning', at: TO },
    what: 'gRPC by GET',
    has: allow({ methods: ['GET'], grpc: { service: 'pay.Api' } }),
    says: /gRPC is POST/,
    hasNot: {
      'by POST': allow({ methods: ['GET', 'POST'], grpc: { service: 'pay.Api' } }),
      'a Deny rule looks at the path alone': deny({ methods: ['GET'], grpc: { service: 'pay.Api' } }),
    },
  },
  {
    ...{ code: 'NeverMatches', severity: 'error', at: TO },
    what: 'gRPC under a path that its calls never have; of a Deny rule it is a hole',
    has: deny({ paths: ['/v1/**'], grpc: { service: 'pay.Api', methods: ['Get'] } }),
    says: /have paths like \/pay\.Api\/Get/,
    hasNot: {
      'the path is that of the call': deny({
        paths: ['/pay.Api/*'],
        grpc: { service: 'pay.Api', methods: ['Get'] },
      }),
      'the path may be': deny({ paths: ['/pay.Api/G*'], grpc: { service: 'pay.Api' } }),
      'every path is': deny({ paths: ['/**'], grpc: { service: 'pay.Api' } }),
    },
  },
  {
    ...{ code: 'NeverMatches', severity: 'warning', at: TO },
    what: 'one header with two values',
    has: allow({
      headers: [
        { name: 'x-a', value: '1' },
        { name: 'X-A', value: '2' },
      ],
    }),
    says: /header X-A is to have two values/,
    hasNot: {
      'two headers': allow({
        headers: [
          { name: 'x-a', value: '1' },
          { name: 'x-b', value: '2' },
        ],
      }),
      'two operations': allow(
        { headers: [{ name: 'x-a', value: '1' }] },
        { headers: [{ name: 'X-A', value: '2' }] },
      ),
    },
  },
  {
    ...{ code: 'UnknownIssuer', severity: 'warning', at: `${RULE}.when.jwt.issuer` },
    what: 'a token of an issuer that is not listed',
    has: withToken('Allow', issuers('https://other.example')),
    says: /no token of https:\/\/id\.example is ever verified/,
    hasNot: {
      'it is listed': withToken('Allow', issuers('https://id.example')),
      'another policy lists it': [
        ...withToken('Allow'),
        ...says({ inbound: issuers('https://id.example') }, 'shop/tokens'),
      ],
    },
  },
  {
    ...{ code: 'UnknownIssuer', severity: 'error', at: `${RULE}.when.jwt.issuer` },
    what: 'the same of a Deny rule',
    has: withToken('Deny'),
    says: /never matches/,
    hasNot: { 'it is listed': withToken('Deny', issuers('https://id.example')) },
  },
  {
    ...{ code: 'HttpRuleOnOpaque', severity: 'warning', at: RULE },
    what: 'an Allow rule with paths on a port that is declared TCP',
    has: [...speaking('TCP'), ...allow({ paths: ['/a'] })],
    says: /never matches: port 8080 is declared TCP/,
    hasNot: {
      'it is declared HTTP': allow({ paths: ['/a'] }),
      'it names callers alone': [
        ...speaking('TCP'),
        ...rules([{ name: 'r', action: 'Allow', from: [{ serviceAccount: 'web' }] }]),
      ],
    },
  },
  {
    ...{ code: 'HttpRuleOnOpaque', severity: 'warning', at: RULE },
    what: 'a gRPC rule on a port that is declared TCP',
    has: [...speaking('TCP'), ...allow({ grpc: { service: 'pay.Api' } })],
    says: /declared TCP and carried as bytes/,
    hasNot: {
      'nothing is declared': [...speaking(undefined), ...allow({ grpc: { service: 'pay.Api' } })],
      'it is declared gRPC': [...speaking('GRPC'), ...allow({ grpc: { service: 'pay.Api' } })],
    },
  },
  {
    ...{ code: 'HttpRuleOnOpaque', severity: 'warning', at: RULE },
    what: 'a Deny rule with paths there denies everything',
    has: [...speaking('TCP'), ...deny({ paths: ['/a'] })],
    says: /denies every connection .* to port 8080/,
    hasNot: { 'it is declared HTTP': deny({ paths: ['/a'] }) },
  },
  {
    ...{ code: 'AllowIsDenied', severity: 'warning', at: 'shop/p spec.inbound.authorization.rules[a]' },
    what: 'an Allow rule inside a Deny rule',
    has: both(
      { to: [{ paths: ['/v1/**'] }] },
      { from: [{ serviceAccount: 'web' }], to: [{ methods: ['GET'], paths: ['/v1/a', '/v1/*/b'] }] },
    ),
    says: /Deny rule d of shop\/p takes all of it first/,
    hasNot: {
      'one path of it is outside': both(
        { to: [{ paths: ['/v1/*'] }] },
        { to: [{ paths: ['/v1/a', '/v2'] }] },
      ),
      'it is about more callers': both({ from: [{ serviceAccount: 'web' }] }, {}),
      'it is about more methods': both(
        { to: [{ methods: ['POST'] }] },
        { to: [{ methods: ['GET', 'POST'] }] },
      ),
      'it is about more hosts': both(
        { to: [{ hosts: ['*.a.example'] }] },
        { to: [{ hosts: ['a.example'] }] },
      ),
      'the Deny rule wants a token': both(
        { when: { jwt: { issuer: 'https://id.example' } } },
        { from: [{ serviceAccount: 'web' }] },
      ),
      'the Deny rule wants a header': both(
        { to: [{ headers: [{ name: 'x', value: '1' }] }] },
        { to: [{ paths: ['/'] }] },
      ),
      'the Deny rule is only tried': [
        ...rules([{ name: 'a', action: 'Allow', from: [{ serviceAccount: 'web' }] }]),
        ...says(
          {
            target: PAY,
            inbound: { authorization: { mode: 'Audit', rules: [{ name: 'd', action: 'Deny' }] } },
          },
          'shop/q',
        ),
      ],
    },
  },
  {
    ...{ code: 'AllowIsDenied', severity: 'warning', at: 'shop/p spec.inbound.authorization.rules[a]' },
    what: 'a service account inside a namespace, also by its SPIFFE ID',
    has: both(
      { from: [{ namespace: 'shop', serviceAccount: '*' }] },
      { from: [{ spiffeId: 'spiffe://cluster.local/ns/shop/sa/web' }] },
    ),
    says: /takes all of it first/,
    hasNot: {
      'of another namespace': both({ from: [{ namespace: 'ops' }] }, { from: [{ serviceAccount: 'web' }] }),
    },
  },
];

testFindings('rules that do not do what they say', ROWS);
