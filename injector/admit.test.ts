import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { admit, type Decision } from './admit.ts';
import { applyPatch } from './json-patch.ts';
import { admissionContext, type Json, podFixture, requestFixture } from './pod.fixture.ts';

const ALLOW_ALL = {
  WEFT_ALLOWED_ANNOTATIONS: 'skip-inbound-ports, skip-outbound-ports,skip-outbound-cidrs,weft.dev/image',
};
const decide = (pod: Json, env: Record<string, string> = {}, request: object = {}): Decision =>
  admit(requestFixture(pod, request), admissionContext(env));
const annotated = (annotations: Record<string, string>) => podFixture({}, { annotations });
function message(decision: Decision): string {
  assert.equal(decision.allowed, false);
  return decision.allowed ? '' : decision.message;
}
function sidecarOf(pod: Json, decision: Decision): Json {
  assert.ok(decision.allowed, decision.allowed ? '' : decision.message);
  return applyPatch(pod, decision.operations).spec.initContainers[1];
}

describe('pods that cannot have a sidecar', () => {
  const skipped: [string, Json, RegExp | undefined][] = [
    ['with hostNetwork', podFixture({ hostNetwork: true }), /hostNetwork/],
    ['that mirror a static pod', annotated({ 'kubernetes.io/config.mirror': 'x' }), /mirror pod/],
    ['of Windows', podFixture({ os: { name: 'windows' } }), /Windows/],
    ['that say so by label', podFixture({}, { labels: { 'weft.dev/inject': 'disabled' } }), undefined],
  ];
  for (const [what, pod, warning] of skipped) {
    it(`${what} pass unchanged${warning ? ', with the reason' : ''}`, () => {
      const decision = decide(pod);
      assert.ok(decision.allowed);
      assert.deepEqual(decision.operations, []);
      if (warning) assert.match(decision.warnings.join(), warning);
      else assert.deepEqual(decision.warnings, []);
    });
  }

  const uid = { securityContext: { runAsUser: 15015 } };
  const refused: [string, Json, RegExp][] = [
    [
      'that run a container as the proxy',
      podFixture({ containers: [{ name: 'a', ...uid }] }),
      /container a runs as user 15015/,
    ],
    [
      'that run an init container as the proxy',
      podFixture({ initContainers: [{ name: 'i', ...uid }] }),
      /container i runs/,
    ],
    ['that run as the proxy', podFixture(uid), /container app runs as user 15015/],
    [
      'that listen on a port of ours',
      podFixture({ containers: [{ name: 'a', ports: [{ containerPort: 15006 }] }] }),
      /declares port 15006/,
    ],
    [
      'that mount a volume of ours',
      podFixture({ containers: [{ name: 'a', volumeMounts: [{ name: 'weft-token' }] }] }),
      /mounts volume weft-token/,
    ],
    [
      'that have a container of our name',
      podFixture({ containers: [{ name: 'weft-sidecar' }] }),
      /container weft-sidecar has a name .*choose another name/,
    ],
    ['whose list of containers is none', podFixture({ containers: 'x' }), /not a pod: \/spec\/containers/],
    ['that are nothing', null, /not a pod/],
  ];
  for (const [what, pod, expected] of refused) {
    it(`${what} are refused`, () => assert.match(message(decide(pod)), expected));
  }

  it('that use a number of our ports for UDP are injected', () => {
    const containers = [{ name: 'a', ports: [{ containerPort: 15006, protocol: 'UDP' }] }];
    assert.ok(sidecarOf(podFixture({ containers }), decide(podFixture({ containers }))));
  });

  it('that override the pod’s user in every container are injected', () => {
    const containers = [{ name: 'a', securityContext: { runAsUser: 1000 } }];
    assert.equal(decide(podFixture({ ...uid, containers })).outcome, 'Injected');
  });
});

describe('requests about something else', () => {
  const others: [string, object][] = [
    ['an update', { operation: 'UPDATE' }],
    ['a deletion without an object', { operation: 'DELETE', object: null }],
    ['a connection', { operation: 'CONNECT', subResource: 'exec' }],
    ['a subresource', { subResource: 'binding' }],
    ['another resource', { resource: { group: 'apps', version: 'v1', resource: 'deployments' } }],
    ['another group', { resource: { group: 'x', version: 'v1', resource: 'pods' } }],
  ];
  for (const [what, request] of others) {
    it(`such as ${what} pass unchanged`, () => {
      const decision = decide(podFixture(), {}, request);
      assert.ok(decision.allowed && decision.operations.length === 0);
    });
  }
});

describe('annotations of a pod', () => {
  it('set resources and log level', () => {
    const pod = annotated({
      'weft.dev/cpu-request': '250m',
      'weft.dev/memory-request': '128Mi',
      'weft.dev/cpu-limit': '1',
      'weft.dev/memory-limit': '1Gi',
      'weft.dev/log-level': 'debug',
    });
    const sidecar = sidecarOf(pod, decide(pod));
    assert.deepEqual(sidecar.resources, {
      requests: { cpu: '250m', memory: '128Mi' },
      limits: { cpu: '1', memory: '1Gi' },
    });
    assert.equal(sidecar.env.find((item: Json) => item.name === 'WEFT_LOG_LEVEL').value, 'debug');
  });

  it('take what a pod bounds as a whole out of its own budget', () => {
    const resources = { requests: { cpu: '100m' }, limits: { cpu: '1' } };
    const pod = podFixture({ resources });
    assert.deepEqual(sidecarOf(pod, decide(pod)).resources, {
      requests: { memory: '64Mi' },
      limits: { memory: '256Mi' },
    });
    const both = podFixture({ resources: { requests: null, limits: { cpu: '1', memory: '1Gi' } } });
    assert.deepEqual(sidecarOf(both, decide(both)).resources, {});
    const asked = podFixture({ resources }, { annotations: { 'weft.dev/cpu-request': '30m' } });
    assert.equal(sidecarOf(asked, decide(asked)).resources.requests.cpu, '30m');
  });

  it('that weaken the mesh do not count unless the installation says so', () => {
    const pod = annotated({ 'weft.dev/skip-outbound-ports': 'rubbish', 'weft.dev/image': 'mine:1' });
    const decision = decide(pod);
    assert.equal(sidecarOf(pod, decision).image, 'registry.example.com/weft:1.0');
    assert.equal(decision.allowed && decision.warnings.length, 2);
  });

  it('that weaken the mesh count where they are allowed', () => {
    const pod = annotated({
      'weft.dev/skip-inbound-ports': '22, 9092',
      'weft.dev/skip-outbound-ports': '3306',
      'weft.dev/skip-outbound-cidrs': '10.0.0.0/8,2001:db8::/32',
      'weft.dev/image': 'mine.example:5000/weft@sha256:abc',
    });
    const decision = decide(pod, ALLOW_ALL);
    assert.ok(decision.allowed);
    const [init, sidecar] = applyPatch(pod, decision.operations).spec.initContainers;
    assert.deepEqual(init.env, [
      { name: 'WEFT_SKIP_INBOUND_PORTS', value: '22, 9092' },
      { name: 'WEFT_SKIP_OUTBOUND_PORTS', value: '3306' },
      { name: 'WEFT_SKIP_OUTBOUND_CIDRS', value: '10.0.0.0/8,2001:db8::/32' },
    ]);
    assert.deepEqual([init.image, sidecar.image], Array(2).fill('mine.example:5000/weft@sha256:abc'));
  });

  const wrong: [string, string, RegExp][] = [
    ['skip-inbound-ports', '0', /"0" is not a list of ports; write numbers from 1 to 65535/],
    ['skip-inbound-ports', '80,http', /not a list of ports/],
    ['skip-outbound-ports', '65536', /not a list of ports/],
    ['skip-outbound-ports', Array(101).fill('1').join(), /more than 100 entries/],
    ['skip-outbound-cidrs', '10.0.0.0/33', /not a list of address ranges; write as in/],
    ['skip-outbound-cidrs', '10.0.0.0/8 -j ACCEPT', /not a list of address ranges/],
    ['skip-outbound-cidrs', 'fe80::1%eth0/64', /not a list of address ranges/],
    ['image', 'two words', /not an image/],
    ['image', '', /not an image/],
    ['log-level', 'loud', /"loud" is none of debug, info, warn, error/],
    ['cpu-request', '-1', /not an amount of CPU; write as in 100m/],
    ['cpu-limit', '1 core', /not an amount of CPU/],
    ['memory-request', '128m', /less than one mebibyte; write as in 128Mi/],
    ['memory-limit', 'lots', /not an amount of memory; write as in 128Mi/],
    ['memory-request', '1Gi', /memory request 1Gi is above its limit 256Mi; set both/],
  ];
  for (const [name, value, expected] of wrong) {
    it(`with ${name} ${JSON.stringify(value.slice(0, 20))} are refused with what to write instead`, () =>
      assert.match(message(decide(annotated({ [`weft.dev/${name}`]: value }), ALLOW_ALL)), expected));
  }
});

describe('admission', () => {
  it('asks to try again while there is no trust bundle', () => {
    const decision = admit(requestFixture(podFixture()), admissionContext({}, { trustBundle: undefined }));
    assert.equal(decision.allowed === false && decision.code, 503);
  });

  it('passes warnings about probes on', () => {
    const containers = [{ name: 'app', livenessProbe: { tcpSocket: { port: 'nowhere' } } }];
    const decision = decide(podFixture({ containers }));
    assert.match(decision.allowed ? decision.warnings.join() : '', /names a port that/);
  });

  for (const [what, spec, warning] of [
    [
      'shares its process namespace',
      { shareProcessNamespace: true },
      /^shareProcessNamespace shows the sidecar/,
    ],
    ['sees the processes of the node', { hostPID: true }, /^hostPID shows the sidecar/],
    ['resolves names as the node does', { dnsPolicy: 'Default' }, /^dnsPolicy Default: .*write ClusterFirst/],
    ['resolves names its own way', { dnsPolicy: 'None', dnsConfig: {} }, /^dnsPolicy None: .*search domain/],
  ] as const) {
    it(`injects a pod that ${what}, and says what that means`, () => {
      const decision = decide(podFixture(spec));
      assert.equal(decision.allowed && decision.outcome, 'Injected');
      assert.match(decision.allowed ? decision.warnings.join() : '', warning);
    });
  }

  it('says nothing of pods that are as most are', () => {
    const spec = { shareProcessNamespace: false, hostPID: null, dnsPolicy: 'ClusterFirst' };
    const decision = decide(podFixture(spec));
    assert.deepEqual(decision.allowed && decision.warnings, []);
  });

  it('answers a dry run the same', () =>
    assert.deepEqual(decide(podFixture(), {}, { dryRun: true }), decide(podFixture())));

  it('never throws, whatever the object is', () => {
    const rubbish = fc.anything({ withNullPrototype: true });
    const podLike = fc.record({
      metadata: rubbish,
      spec: fc.record({
        containers: fc.array(fc.oneof(rubbish, fc.record({ name: fc.string(), ports: rubbish }))),
      }),
    });
    fc.assert(
      fc.property(fc.oneof(rubbish, podLike), (object) => {
        assert.equal(typeof decide(object).allowed, 'boolean');
      }),
    );
  });
});
