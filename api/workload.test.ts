import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { validateWorkload } from './validate.ts';

const workload = {
  apiVersion: 'weft.dev/v1alpha1',
  kind: 'Workload',
  metadata: { name: 'payments-0', namespace: 'shop' },
  spec: {
    serviceAccount: 'payments',
    labels: { app: 'payments' },
    app: { command: ['node', 'app.js'], cwd: 'payments', env: { PORT: '9000' } },
    service: 'payments',
    address: '127.0.0.1',
    ports: [{ name: 'http', port: 8080, appPort: 9000, protocol: 'HTTP' }],
    outbound: [
      { port: 7001, service: 'cart', servicePort: 80 },
      { port: 7002, service: 'ops/log', servicePort: 80 },
    ],
    admin: { port: 15020 },
  },
};

describe('a Workload', () => {
  test('is valid in full, and with what it needs only', () => {
    assert.deepEqual(validateWorkload(workload), []);
    const least = { ...workload, spec: { serviceAccount: 'web', admin: { port: 15020 } } };
    assert.deepEqual(validateWorkload(least), []);
  });

  const spec = (part: object) => ({ ...workload, spec: { ...workload.spec, ...part } });
  for (const [what, path, value] of [
    ['null', '', null],
    ['another kind', 'kind', { ...workload, kind: 'Pod' }],
    ['no namespace', 'metadata.namespace', { ...workload, metadata: { name: 'a' } }],
    [
      'a name that leaves the folder',
      'metadata.name',
      { ...workload, metadata: { name: '../a', namespace: 'b' } },
    ],
    ['an unknown field', 'spec.replicas', spec({ replicas: 2 })],
    ['a command as one text', 'spec.app.command', spec({ app: { command: 'node app.js' } })],
    ['an empty command', 'spec.app.command', spec({ app: { command: [] } })],
    ['a port without appPort', 'spec.ports[0].appPort', spec({ ports: [{ port: 80 }] })],
    [
      'a service of too many parts',
      'spec.outbound[0].service',
      spec({ outbound: [{ port: 1, service: 'a/b/c', servicePort: 1 }] }),
    ],
    [
      'an unknown protocol',
      'spec.ports[0].protocol',
      spec({ ports: [{ port: 1, appPort: 2, protocol: 'UDP' }] }),
    ],
    ['an address with a path', 'spec.address', spec({ address: '127.0.0.1/8' })],
    ['no admin port', 'spec.admin', spec({ admin: undefined })],
  ] as const) {
    test(`is refused: ${what}`, () => {
      assert.ok(
        validateWorkload(value).some((problem) => problem.path === path),
        JSON.stringify(validateWorkload(value)),
      );
    });
  }
});
