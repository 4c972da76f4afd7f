import { type FeatureTests, ROUTE } from './feature-tests.ts';

/** The operator's own part: what is in a configuration at all. Sidecars know nothing of targets. */
export const COMPILED: readonly FeatureTests[] = [
  {
    file: 'operator/compile/proxy-config.test.ts',
    by: 'operator',
    tests: {
      'of kind …, over what is wider': ['spec.target.{kind,name,selector.matchLabels.*}'],
      'and one with ports wins over one without, of the same kind, on those ports': ['spec.target.ports[]'],
    },
  },
  {
    file: 'operator/compile/targets.test.ts',
    by: 'operator',
    tests: {
      'is about a workload when one of them is': ['spec.targetRefs[].{kind,name}'],
      'is about the pods that any of several selectors names': ['spec.targetRefs[].selector.matchLabels.*'],
      'is about the ports of all that are about the workload': ['spec.targetRefs[].ports[]'],
    },
  },
  {
    file: 'operator/compile/mandatory.test.ts',
    by: 'operator',
    tests: { 'of … is not weakened by anything more specific, which is told so': ['spec.enforcement'] },
  },
  {
    file: 'operator/compile/traffic/merging.test.ts',
    by: 'operator',
    tests: {
      'is of the Services it names and no others': ['spec.traffic.to[].service'],
      'of another namespace’s Service counts with a ReferenceGrant of that namespace only': [
        'spec.traffic.to[].namespace',
      ],
    },
  },
  {
    file: 'operator/compile/traffic/routes.test.ts',
    by: 'operator',
    tests: {
      '… for web of shop as a caller …': [
        `${ROUTE}.match[].from[].{serviceAccount,namespace,spiffeId,ipBlock}`,
      ],
    },
  },
  {
    file: 'operator/compile/traffic/backends.test.ts',
    by: 'operator',
    tests: {
      'are subsets of endpoints by the labels of their workloads': [
        `${ROUTE}.backends[].selector.matchLabels.*`,
      ],
    },
  },
  {
    file: 'operator/compile/traffic/consent.test.ts',
    by: 'operator',
    tests: { '… a backend with …': [`${ROUTE}.backends[].namespace`] },
  },
  {
    file: 'operator/compile/traffic/other-services.test.ts',
    by: 'operator',
    tests: {
      'is led to at the port a backend names, and at the called one otherwise': [`${ROUTE}.backends[].port`],
      'gets copies at the port and in the namespace a mirror names': [`${ROUTE}.mirror.{namespace,port}`],
    },
  },
];
