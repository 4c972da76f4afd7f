import assert from 'node:assert/strict';
import { createHmac } from 'node:crypto';
import { describe, it } from 'node:test';
import { applyPatch } from './json-patch.ts';
import { type Json, PROXY_ID, podFixture } from './pod.fixture.ts';
import { rewriteProbes } from './probes.ts';

const KEY = Buffer.alloc(32, 7);
/** What KEY makes of PROXY_ID, and of another id. */
const tokenOf = (proxyId: string) => createHmac('sha256', KEY).update(proxyId).digest('hex').slice(0, 32);
const TOKEN = tokenOf(PROXY_ID);
const PREFIX = `/weft/probe/${TOKEN}/`;

/** `probes` without the token of their keys. */
function rewrite(pod: Json): {
  pod: Json;
  probes: Json;
  warnings: readonly string[];
  errors: readonly string[];
} {
  const { operations, probes, warnings, errors } = rewriteProbes(pod, PROXY_ID, KEY);
  const named = Object.entries(probes).map(([key, probe]) => {
    assert.ok(key.startsWith(`${TOKEN}/`), key);
    return [key.slice(TOKEN.length + 1), probe] as const;
  });
  return { pod: applyPatch(pod, operations), probes: Object.fromEntries(named), warnings, errors };
}
const app = (more: object): Json =>
  podFixture({
    containers: [
      { name: 'app', ports: [{ name: 'web', containerPort: 8080 }, { containerPort: 9 }], ...more },
    ],
  });
const OWN = { path: `${PREFIX}app/liveness`, port: 15020, scheme: 'HTTP' };

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
      httpGet: { ...OWN, path: `${PREFIX}app/readiness` },
      failureThreshold: 9,
    });
    assert.deepEqual(probes, { 'app/readiness': { tcpSocket: { port: 5432 }, timeoutSeconds: 1 } });
  });

  it('over gRPC become HTTP probes of the sidecar', () => {
    const { pod, probes } = rewrite(
      app({
        livenessProbe: { grpc: { port: 5000, service: 'shop.Cart' }, timeoutSeconds: 4 },
        startupProbe: { grpc: { port: 5000, service: null } },
      }),
    );
    assert.deepEqual(pod.spec.containers[0].livenessProbe, { httpGet: OWN, timeoutSeconds: 4 });
    assert.deepEqual(probes, {
      'app/liveness': { grpc: { port: 5000, service: 'shop.Cart' }, timeoutSeconds: 4 },
      'app/startup': { grpc: { port: 5000 }, timeoutSeconds: 1 },
    });
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
    assert.equal(pod.spec.initContainers[0].livenessProbe.httpGet.path, `${PREFIX}logger/liveness`);
  });

  it('that run a command are left alone, silently', () => {
    const before = app({ livenessProbe: { exec: { command: ['true'] } } });
    assert.deepEqual(rewrite(before), { pod: before, probes: {}, warnings: [], errors: [] });
  });

  const left = {
    'over gRPC to port 0': { grpc: { port: 0 } },
    'over gRPC of an endless service': { grpc: { port: 5, service: 'a'.repeat(5000) } },
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

  /** A pod as an earlier invocation left it. */
  const rewritten = (
    token: string,
    httpGet: object = { ...OWN, path: `/weft/probe/${token}/app/liveness` },
  ) =>
    podFixture({
      initContainers: [{ name: 'weft-sidecar', env: [{ name: 'WEFT_PROBES', value: environment(token) }] }],
      containers: [{ name: 'app', livenessProbe: { httpGet, periodSeconds: 3 } }],
    });
  const environment = (token: string) =>
    `{"${token}/app/liveness":{"tcpSocket":{"port":5},"timeoutSeconds":2}}`;
  const ASKED = { 'app/liveness': { tcpSocket: { port: 5 }, timeoutSeconds: 2 } };

  it('that were rewritten before, for the same id, stay as they are', () => {
    const before = rewritten(TOKEN);
    const { pod, probes, errors } = rewrite(before);
    assert.deepEqual([pod, probes, errors], [before, ASKED, []]);
  });

  it('that were rewritten before, for another id, keep what they asked under the new token', () => {
    const { pod, probes, errors } = rewrite(rewritten(tokenOf('other')));
    assert.deepEqual([pod.spec.containers, probes, errors], [rewritten(TOKEN).spec.containers, ASKED, []]);
  });

  it('have a token that the proxy id, which certificates show, does not give away', () => {
    const pod = app({ livenessProbe: { httpGet: { path: '/', port: 80 } } });
    const keys = [undefined, Buffer.alloc(32, 1), Buffer.alloc(32, 2)].map((key) => {
      const { probes } = rewriteProbes(pod, PROXY_ID, key);
      return Object.keys(probes)[0]!;
    });
    assert.equal(new Set(keys).size, 3);
    for (const key of keys) {
      assert.match(key, /^[0-9a-f]{32}\/app\/liveness$/);
      assert.ok(!key.includes(PROXY_ID));
    }
    const other = Object.keys(rewriteProbes(pod, 'other').probes);
    assert.notEqual(other[0], keys[0]);
  });

  const foreign = {
    'with another token than the sidecar was told': `/weft/probe/${tokenOf('third')}/app/liveness`,
    'without a token': '/weft/probe/app/liveness',
    'of another kind': `${PREFIX}app/readiness`,
    'of another container': `${PREFIX}web/liveness`,
    'of another prefix': `/weft/other/${TOKEN}/app/liveness`,
    'that asks the admin port something else': '/healthz',
  };
  for (const [what, path] of Object.entries(foreign)) {
    it(`${what} on Weft's own port are refused`, () => {
      const { errors, probes } = rewrite(rewritten(TOKEN, { ...OWN, path }));
      assert.deepEqual(probes, {});
      assert.match(errors.join(), /^the liveness probe of container app asks port 15020/);
    });
  }

  const rubbish = [
    '',
    '[]',
    'null',
    `{"${TOKEN}/app/readiness":{}}`,
    `{"${TOKEN}/app/readiness":{"tcpSocket":{"port":0},"timeoutSeconds":1}}`,
  ];
  for (const value of [undefined, ...rubbish]) {
    it(`that ask Weft's own port are refused when nothing says what they were (${value})`, () => {
      const { errors, probes } = rewrite(
        podFixture({
          initContainers: [{ name: 'weft-sidecar', env: [{ name: 'WEFT_PROBES', value }] }],
          containers: [
            { name: 'app', readinessProbe: { httpGet: { ...OWN, path: `${PREFIX}app/readiness` } } },
          ],
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
    assert.deepEqual(lifecycle.postStart, { httpGet: { ...OWN, path: `${PREFIX}app/postStart` } });
    assert.deepEqual(lifecycle.preStop, { httpGet: { ...OWN, path: `${PREFIX}app/preStop` } });
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
