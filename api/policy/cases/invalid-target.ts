import { broken, misshapen, type PolicyCase, service, strict, traffic } from './case.ts';

const selector = { matchLabels: { app: 'payments' } };

export const INVALID_TARGETS: readonly PolicyCase[] = [
  broken('nothing at all', 'spec', 'the policy says nothing', {}),
  broken('only a target', 'spec', 'the policy says nothing', { target: { kind: 'Mesh' } }),
  broken('an empty inbound', 'spec.inbound', 'set at least one of mtls', { inbound: {} }),
  broken('an empty traffic', 'spec.traffic', 'set at least one of to, protocol', traffic({})),
  broken('an empty egress', 'spec.egress', 'set at least one of mode, hosts', { egress: {} }),
  broken('an empty telemetry', 'spec.telemetry', 'set at least one of accessLog', { telemetry: {} }),
  broken('a Service without name', 'spec.target', 'write {kind: Service, name: payments}', {
    target: { kind: 'Service' },
    inbound: strict,
  }),
  broken('a Service with selector', 'spec.target', 'target.selector is for kind Workload only', {
    target: { ...service, selector },
    inbound: strict,
  }),
  broken('a Workload without selector', 'spec.target', 'target.kind Workload needs a selector', {
    target: { kind: 'Workload' },
    inbound: strict,
  }),
  broken('a Workload with name', 'spec.target', 'target.name is for kind Service only', {
    target: { kind: 'Workload', name: 'payments', selector },
    inbound: strict,
  }),
  broken('a Mesh with name', 'spec.target', 'target.name is for kind Service only', {
    target: { kind: 'Mesh', name: 'all' },
    inbound: strict,
  }),
  broken('a Mesh with selector', 'spec.target', 'target.selector is for kind Workload only', {
    target: { kind: 'Mesh', selector },
    inbound: strict,
  }),
  broken('a Namespace with another name', 'spec.target', 'a Namespace policy is about its own namespace', {
    target: { kind: 'Namespace', name: 'other' },
    inbound: strict,
  }),
  broken('target and targetRefs', 'spec', 'set target or targetRefs, not both', {
    target: service,
    targetRefs: [service],
    inbound: strict,
  }),
  broken('targets of two kinds', 'spec.targetRefs', 'must all be of one kind', {
    targetRefs: [service, { kind: 'Mesh' }],
    inbound: strict,
  }),
  misshapen('an unknown kind', 'spec.target.kind', 'Unsupported value', {
    target: { kind: 'Pod' },
    inbound: strict,
  }),
  misshapen('a target without kind', 'spec.target.kind', 'Required value', {
    target: { name: 'payments' },
    inbound: strict,
  }),
  misshapen('an empty selector', 'spec.target.selector.matchLabels', 'should have at least 1 properties', {
    target: { kind: 'Workload', selector: { matchLabels: {} } },
    inbound: strict,
  }),
  misshapen('port 0', 'spec.target.ports[0]', 'should be greater than or equal to 1', {
    target: { kind: 'Mesh', ports: [0] },
    inbound: strict,
  }),
  misshapen('a port name in capitals', 'spec.target.ports[0]', 'should match', {
    target: { kind: 'Mesh', ports: ['HTTP'] },
    inbound: strict,
  }),
  misshapen('an empty list of ports', 'spec.target.ports', 'should have at least 1 items', {
    target: { kind: 'Mesh', ports: [] },
    inbound: strict,
  }),
  misshapen('a port twice', 'spec.target.ports[1]', 'Duplicate value', {
    target: { kind: 'Mesh', ports: [80, 80] },
    inbound: strict,
  }),
  misshapen('an unknown enforcement', 'spec.enforcement', 'Unsupported value', {
    enforcement: 'Always',
    inbound: strict,
  }),
];
