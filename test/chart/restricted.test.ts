import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { KubernetesObject } from './helm.ts';
import { restrictedViolations } from './restricted.ts';

function pod(change: (spec: KubernetesObject) => void = () => {}): KubernetesObject {
  const spec = {
    securityContext: { runAsNonRoot: true, seccompProfile: { type: 'RuntimeDefault' } },
    containers: [
      {
        name: 'a',
        securityContext: {
          allowPrivilegeEscalation: false,
          readOnlyRootFilesystem: true,
          capabilities: { drop: ['ALL'] },
        },
      },
    ],
  };
  change(spec);
  return { spec };
}

const broken: readonly [string, (spec: KubernetesObject) => void][] = [
  ['takes the node’s network', (spec) => Object.assign(spec, { hostNetwork: true })],
  ['mounts a folder of the node', (spec) => Object.assign(spec, { volumes: [{ name: 'v', hostPath: {} }] })],
  ['may run as root', (spec) => delete spec.securityContext.runAsNonRoot],
  ['runs as root', (spec) => Object.assign(spec.containers[0].securityContext, { runAsUser: 0 })],
  ['has no seccomp profile', (spec) => delete spec.securityContext.seccompProfile],
  ['is privileged', (spec) => Object.assign(spec.containers[0].securityContext, { privileged: true })],
  ['may gain privileges', (spec) => delete spec.containers[0].securityContext.allowPrivilegeEscalation],
  ['keeps capabilities', (spec) => delete spec.containers[0].securityContext.capabilities],
  [
    'adds one',
    (spec) => Object.assign(spec.containers[0].securityContext.capabilities, { add: ['NET_ADMIN'] }),
  ],
  ['has a writable root', (spec) => delete spec.containers[0].securityContext.readOnlyRootFilesystem],
  ['takes a port of the node', (spec) => Object.assign(spec.containers[0], { ports: [{ hostPort: 80 }] })],
  ['has such an init container', (spec) => Object.assign(spec, { initContainers: [{ name: 'i' }] })],
];

describe('the check for the restricted profile', () => {
  it('finds nothing in a pod that conforms', () => {
    assert.deepEqual(restrictedViolations(pod()), []);
  });
  for (const [what, change] of broken) {
    it(`finds a pod that ${what}`, () => {
      assert.ok(restrictedViolations(pod(change)).length > 0);
    });
  }
});
