import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { applyPatch, type Json, podFixture } from './pod.fixture.ts';
import { rewriteProbes } from './probes.ts';

function rewrite(pod: Json): {
  pod: Json;
  probes: Json;
  warnings: readonly string[];
  errors: readonly string[];
} {
  const { operations, ...rest } = rewriteProbes(pod);
  return { pod: applyPatch(pod, operations), ...rest };
}
const app = (more: object): Json =>
  podFixture({
    containers: [
      { name: 'app', ports: [{ name: 'web', containerPort: 8080 }, { containerPort: 9 }], ...more },
    ],
  });
const OWN = { path: '/weft/probe/app/liveness', port: 15020, scheme: 'HTTP' };

describe('probes', () => {
  it('over HTTP go to the sidecar, with their timing', () => {
    const { pod, probes } = rewrite(
      app({
        livenessProbe: {
          httpGet: {
            path: '/live?x=1',
            port: 8080,
            scheme: 'HTTPS',
            httpHeaders: [{ name: 'Host', value: 'a' }],
          },
          timeoutSeconds: 3,
          periodSeconds: 7,
          terminationGracePeriodSeconds: 5,
        },
      }),
    );
    assert.deepEqual(pod.spec.containers[0].livenessProbe, {
      httpGet: OWN,
      timeoutSeconds: 3,
      periodSeconds: 7,
      terminationGracePeriodSeconds: 5,
    });
    const httpGet = {
      path: '/live?x=1',
      port: 8080,
      scheme: 'HTTPS',
      httpHeaders: [{ name: 'Host', value: 'a' }],
    };
    assert.deepEqual(probes, { 'app/liveness': { httpGet, timeoutSeconds: 3 } });
  });

  it('over TCP become HTTP probes of the sidecar', () => {
    const { pod, probes } = rewrite(
      app({ readinessProbe: { tcpSocket: { port: 5432 }, failureThreshold: 9 } }),
    );
    assert.deepEqual(pod.spec.containers[0].readinessProbe, {
      httpGet: { ...OWN, path: '/weft/probe/app/readiness' },
      failureThreshold: 9,
    });
    assert.deepEqual(probes, { 'app/readiness': { tcpSocket: { port: 5432 }, timeoutSeconds: 1 } });
  });

  for (const [port, expected] of [
    ['web', 8080],
    ['8081', 8081],
    [8082, 8082],
  ] as const) {
    it(`to port ${JSON.stringify(port)} are asked on ${expected}`, () => {
      const { probes } = rewrite(app({ startupProbe: { httpGet: { port } } }));
      assert.deepEqual(probes, {
        'app/startup': { httpGet: { path: '/', port: expected, scheme: 'HTTP' }, timeoutSeconds: 1 },
      });
    });
  }

  it('of native sidecars of the author’s are rewritten too', () => {
    const { pod } = rewrite(
      podFixture({
        initContainers: [
          { name: 'logger', restartPolicy: 'Always', livenessProbe: { httpGet: { path: '/', port: 1 } } },
        ],
      }),
    );
    assert.equal(pod.spec.initContainers[0].livenessProbe.httpGet.path, '/weft/probe/logger/liveness');
  });

  it('that run a command are left alone, silently', () => {
    const before = app({ livenessProbe: { exec: { command: ['true'] } } });
    assert.deepEqual(rewrite(before), { pod: before, probes: {}, warnings: [], errors: [] });
  });

  const left = {
    'over gRPC': { grpc: { port: 5 } },
    'to an unknown port name': { httpGet: { path: '/', port: 'nowhere' } },
    'over TCP to an unknown port name': { tcpSocket: { port: 'nowhere' } },
    'to port 0': { httpGet: { path: '/', port: 0 } },
    'to port 65536': { tcpSocket: { port: 65536 } },
    'to another host': { httpGet: { path: '/', port: 80, host: '10.0.0.1' } },
    'over TCP to another host': { tcpSocket: { port: 80, host: '10.0.0.1' } },
    'with a path of two lines': { httpGet: { path: '/\r\nx: y', port: 80 } },
    'with an endless path': { httpGet: { path: `/${'a'.repeat(5000)}`, port: 80 } },
    'with a header of two lines': {
      httpGet: { path: '/', port: 80, httpHeaders: [{ name: 'a', value: 'b\r\nc' }] },
    },
    'with too many headers': {
      httpGet: { port: 80, httpHeaders: Array.from({ length: 65 }, () => ({ name: 'a', value: 'b' })) },
    },
  };
  for (const [what, livenessProbe] of Object.entries(left)) {
    it(`${what} are left alone, with a warning`, () => {
      const before = app({ livenessProbe });
      const { pod, probes, warnings } = rewrite(before);
      assert.deepEqual([pod, probes], [before, {}]);
      assert.equal(warnings.length, 1);
      assert.match(warnings[0]!, /^the liveness probe of container app .*under Strict mTLS it would fail$/);
    });
  }

  it('that were rewritten before keep what they asked', () => {
    const WEFT_PROBES = '{"app/liveness":{"tcpSocket":{"port":5},"timeoutSeconds":2}}';
    const before = podFixture({
      initContainers: [{ name: 'weft-sidecar', env: [{ name: 'WEFT_PROBES', value: WEFT_PROBES }] }],
      containers: [{ name: 'app', livenessProbe: { httpGet: OWN } }],
    });
    const { pod, probes, errors } = rewrite(before);
    assert.deepEqual([pod, JSON.stringify(probes), errors], [before, WEFT_PROBES, []]);
  });

  const rubbish = [
    '',
    '[]',
    'null',
    '{"app/liveness":{}}',
    '{"app/liveness":{"tcpSocket":{"port":0},"timeoutSeconds":1}}',
  ];
  for (const value of [undefined, ...rubbish]) {
    it(`that ask Weft's own port are refused when nothing says what they were (${value})`, () => {
      const { errors, probes } = rewrite(
        podFixture({
          initContainers: [{ name: 'weft-sidecar', env: [{ name: 'WEFT_PROBES', value }] }],
          containers: [{ name: 'app', readinessProbe: { httpGet: OWN } }],
        }),
      );
      assert.deepEqual(probes, {});
      assert.match(errors.join(), /^the readiness probe of container app asks port 15020/);
    });
  }
});

describe('hooks', () => {
  it('over HTTP go to the sidecar and may take as long as the pod', () => {
    const { pod, probes } = rewrite({
      ...app({
        lifecycle: {
          postStart: { httpGet: { path: '/up', port: 'web' } },
          preStop: { httpGet: { path: '/down', port: 81 } },
        },
      }),
    });
    const { lifecycle } = pod.spec.containers[0];
    assert.deepEqual(lifecycle.postStart, { httpGet: { ...OWN, path: '/weft/probe/app/postStart' } });
    assert.deepEqual(lifecycle.preStop, { httpGet: { ...OWN, path: '/weft/probe/app/preStop' } });
    assert.deepEqual(probes, {
      'app/postStart': { httpGet: { path: '/up', port: 8080, scheme: 'HTTP' }, timeoutSeconds: 60 },
      'app/preStop': { httpGet: { path: '/down', port: 81, scheme: 'HTTP' }, timeoutSeconds: 30 },
    });
  });

  it('of other kinds are left alone', () => {
    const before = app({
      lifecycle: { preStop: { sleep: { seconds: 5 } }, postStart: { exec: { command: [] } } },
    });
    assert.deepEqual(rewrite(before).pod, before);
  });
});
