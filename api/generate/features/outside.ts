import type { FeatureTests } from './feature-tests.ts';

export const OUTSIDE: readonly FeatureTests[] = [
  {
    file: 'sidecar/data-path.egress.test.ts',
    by: 'caller’s side',
    tests: {
      'a request to another host gets 403, counted and logged with the host and the policy': [
        'spec.egress.mode',
      ],
      'a request to a listed host goes where it was dialled, and carries nothing of the mesh': [
        'spec.egress.hosts[].host',
      ],
      'TLS to a listed server name passes end to end': ['spec.egress.hosts[].host'],
      'wildcards and ports of the original destination decide': ['spec.egress.hosts[].{host,ports[]}'],
    },
  },
  {
    file: 'sidecar/data-path.egress-originate.test.ts',
    by: 'caller’s side',
    tests: { '…: the sidecar speaks TLS for the app, to the host it names': ['spec.egress.hosts[].tls'] },
  },
  {
    file: 'sidecar/data-path.access-log.test.ts',
    by: 'both sides',
    tests: {
      'with All every request is one line of JSON, with who, what and how, and nothing of headers and query':
        ['spec.telemetry.accessLog.mode'],
      'with Sampled errors are logged, and of the rest the share that was asked for': [
        'spec.telemetry.accessLog.samplePercent',
      ],
      'requests are counted by the template of their path from the moment a policy asks for it': [
        'spec.telemetry.metrics.labels[]',
      ],
    },
  },
  {
    file: 'sidecar/data-path.tracing.test.ts',
    by: 'both sides',
    tests: {
      'a request is one trace: the caller’s sidecar, the callee’s below it, the app below that': [
        'spec.telemetry.tracing.endpoint',
      ],
      'what is not sampled makes no span, and the app hears of the decision': [
        'spec.telemetry.tracing.samplePercent',
      ],
    },
  },
];
