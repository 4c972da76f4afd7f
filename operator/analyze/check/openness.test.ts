import type { MeshPolicySpec } from '../../../api/mesh-policy.ts';
import { set, workload } from '../../testing/builders.ts';
import { CONTAINER, PAY, type Row, says, testFindings } from '../testing/findings.ts';

const strict = { mtls: { mode: 'Strict' } } as const;
const permissive = { mtls: { mode: 'Permissive' } } as const;
const closed = { authorization: { default: 'Deny' } } as const;
const web: MeshPolicySpec['target'] = { kind: 'Service', name: 'web' };
const pay = (rest: object) =>
  set('Workload', workload('shop/pay', { addresses: ['10.0.0.1'], ports: CONTAINER, ...rest }));

const ROWS: Row[] = [
  {
    ...{ code: 'OpenService', severity: 'error', at: 'shop/web' },
    what: 'a Service that everybody may call in plaintext, beside one that is Strict',
    has: says({ target: PAY, inbound: strict }),
    says: /anybody who reaches port 80 .* while shop\/pay beside it is Strict/,
    hasNot: {
      'nobody is Strict': [],
      'all are Strict': says({ inbound: strict }),
      'it denies by default': [
        ...says({ target: PAY, inbound: strict }),
        ...says({ target: web, inbound: closed }, 'shop/q'),
      ],
      'it has no sidecar': [
        ...says({ target: PAY, inbound: strict }),
        ...set('Workload', workload('shop/web', { proxyId: undefined })),
      ],
      'the Strict one is of another namespace': says({ inbound: strict }, 'ops/p'),
    },
  },
  {
    ...{ code: 'PlaintextAccepted', severity: 'warning', at: 'shop/web' },
    what: 'a Service that says who may call and accepts plaintext, beside one that is Strict',
    has: [...says({ target: PAY, inbound: strict }), ...says({ target: web, inbound: closed }, 'shop/q')],
    says: /port 80 accepts plaintext/,
    hasNot: {
      'all are Strict': says({ inbound: { ...strict, ...closed } }),
      'none is': says({ inbound: closed }),
    },
  },
  {
    ...{ code: 'NobodyDenied', severity: 'info', at: 'shop/web' },
    what: 'a Service that everybody may call, beside one that says who may',
    has: says({ target: PAY, inbound: closed }),
    says: /every caller may call port 80, while shop\/pay/,
    hasNot: { 'all say who may': says({ inbound: closed }), 'none does': says({ inbound: strict }) },
  },
  {
    ...{ code: 'PermissiveLeftover', severity: 'warning', at: 'shop/q spec.inbound.mtls.mode' },
    what: 'a Permissive exception under a Strict mesh',
    has: [
      ...says({ target: { kind: 'Mesh' }, inbound: strict }, 'weft-system/mesh'),
      ...says({ target: web, inbound: permissive }, 'shop/q'),
    ],
    says: /accepts plaintext where weft-system\/mesh would have Strict/,
    hasNot: {
      'nothing else says Strict': says({ target: web, inbound: permissive }, 'shop/q'),
      'the exception is the Strict one': [
        ...says({ target: { kind: 'Mesh' }, inbound: permissive }, 'weft-system/mesh'),
        ...says({ target: web, inbound: strict }, 'shop/q'),
      ],
      'it is mandatory': [
        ...says({ target: { kind: 'Mesh' }, enforcement: 'Mandatory', inbound: strict }, 'weft-system/mesh'),
        ...says({ target: web, inbound: permissive }, 'shop/q'),
      ],
    },
  },
  {
    ...{ code: 'SkippedPort', severity: 'error', at: 'shop/pay' },
    what: 'a port past the sidecar where policy says Strict',
    has: [...says({ inbound: strict }), ...pay({ skippedInboundPorts: [9090] })],
    says: /port 9090 go past the sidecar, though policy says Strict there/,
    hasNot: {
      'policy says nothing': pay({ skippedInboundPorts: [9090] }),
      'no port is skipped': says({ inbound: strict }),
      'Strict is another port': [
        ...says({ target: { kind: 'Namespace', ports: [8080] }, inbound: strict }),
        ...pay({ skippedInboundPorts: [9090] }),
      ],
    },
  },
  {
    ...{ code: 'NoSidecar', severity: 'warning', at: 'shop/old' },
    what: 'a pod without sidecar in a namespace that is opted in',
    has: set('Workload', workload('shop/old', { proxyId: undefined })),
    says: /pod old has no sidecar/,
    world: { injectedNamespaces: ['shop'], uninjectable: ['shop/host'] },
    hasNot: {
      'its namespace is not opted in': set('Workload', workload('ops/old', { proxyId: undefined })),
      'it can have none': set('Workload', workload('shop/host', { proxyId: undefined })),
      'it is finished': set('Workload', workload('shop/old', { proxyId: undefined, finished: true })),
      'it is about to go': set('Workload', workload('shop/old', { proxyId: undefined, terminating: true })),
      'all have one': [],
    },
  },
  {
    ...{ code: 'InjectLabelUnknown', severity: 'warning', at: 'dev' },
    what: 'the label of a namespace has a value that is none',
    ...{ has: [], world: { injectedNamespaces: [], mislabelledNamespaces: { dev: 'true' } } },
    says: /weft\.dev\/inject=true, which counts for nothing/,
    hasNot: { 'it is enabled or disabled': [] },
    otherWorld: { injectedNamespaces: [] },
  },
  {
    ...{ code: 'NamespacesUnread', severity: 'info', at: 'weft' },
    what: 'a user who may not list namespaces',
    has: [],
    says: /may not list namespaces/,
    world: { injectedNamespaces: undefined },
    otherWorld: { injectedNamespaces: [] },
    hasNot: { 'they may be listed': [] },
  },
];

testFindings('who gets in where others are kept out', ROWS);
