import type { MeshPolicySpec } from '../../../api/mesh-policy.ts';
import { set, workload } from '../../testing/builders.ts';
import { type Row, says, testFindings } from '../testing/findings.ts';

type Hosts = NonNullable<MeshPolicySpec['egress']>['hosts'];
const egress = (hosts: Hosts) => says({ egress: { mode: 'AllowListed', hosts } });
const listed = (hosts: Hosts, key?: string) => says({ egress: { hosts } }, key);
const A = { host: 'a.example' } as const;

const ROWS: Row[] = [
  {
    ...{ code: 'OriginateOnEveryPort', severity: 'warning', at: 'shop/p spec.egress.hosts[0]' },
    what: 'TLS for a host on every port',
    has: egress([{ host: 'a.example', tls: 'Originate' }]),
    says: /port 80 included/,
    hasNot: {
      'on one port': egress([{ host: 'a.example', ports: [8443], tls: 'Originate' }]),
      'the app’s own TLS': egress([{ host: 'a.example' }]),
    },
  },
  {
    ...{ code: 'OriginateAppTls', severity: 'info', at: 'shop/p spec.egress.hosts[0]' },
    what: 'TLS on port 443, where apps speak it themselves',
    has: egress([{ host: 'a.example', ports: [443], tls: 'Originate' }]),
    says: /speaks TLS itself/,
    hasNot: {
      'on another port': egress([{ host: 'a.example', ports: [8080], tls: 'Originate' }]),
      'the app’s own TLS': egress([{ host: 'a.example', ports: [443], tls: 'Passthrough' }]),
    },
  },
  {
    ...{ code: 'ShadowedEgressHost', severity: 'warning', at: 'shop/p spec.egress.hosts[1]' },
    what: 'a host after one that takes all of it and says otherwise of TLS',
    has: egress([{ host: '*.example' }, { host: 'a.example', ports: [8443], tls: 'Originate' }]),
    says: /never looked at: hosts\[0\], \*\.example with tls: Passthrough, comes first/,
    hasNot: {
      'it comes first': egress([
        { host: 'a.example', ports: [8443], tls: 'Originate' },
        { host: '*.example' },
      ]),
      'the earlier one is for other ports': egress([
        { host: '*.example', ports: [443] },
        { host: 'a.example', ports: [8443], tls: 'Originate' },
      ]),
      'both say the same': egress([{ host: '*.example' }, A]),
      'the earlier one is another host': egress([
        { host: '*.a.example' },
        { host: 'a.example', ports: [8443], tls: 'Originate' },
      ]),
    },
  },
  {
    ...{ code: 'EgressListWithoutEffect', severity: 'warning', at: 'shop/p spec.egress.hosts' },
    what: 'a list of hosts where everything may be reached',
    has: listed([A]),
    says: /restricts nothing: egress is AllowAll/,
    hasNot: {
      'its policy says AllowListed': egress([A]),
      'another policy does': [
        ...listed([A]),
        ...says({ target: { kind: 'Mesh' }, egress: { mode: 'AllowListed', hosts: [A] } }, 'weft-system/m'),
      ],
      'it is there to originate TLS': listed([{ ...A, ports: [8443], tls: 'Originate' }]),
      'nobody has a sidecar, which is said of its target': [
        ...listed([A], 'empty/p'),
        ...set('Workload', workload('empty/x', { proxyId: undefined })),
      ],
    },
  },
];

testFindings('what may be reached outside the mesh', ROWS);
