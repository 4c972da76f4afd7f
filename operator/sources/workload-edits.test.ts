import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { WorkloadDocument } from '../../api/workload.ts';
import { WorkloadEdits } from './workload-edits.ts';

type Spec = WorkloadDocument['spec'];
const web = (spec: Partial<Spec> = {}): WorkloadDocument => ({
  apiVersion: 'weft.dev/v1alpha1',
  kind: 'Workload',
  metadata: { name: 'web', namespace: 'shop' },
  spec: { serviceAccount: 'web', ports: [{ port: 1, appPort: 2 }], admin: { port: 3 }, ...spec },
});
const told = (edits: WorkloadEdits, ...workloads: WorkloadDocument[]) =>
  edits.look(workloads).map(({ message }) => message);

describe('edits of workloads', () => {
  const waiting: [string, Partial<Spec>][] = [
    ['spec.app', { app: { command: ['node', 'b.js'] } }],
    ['spec.address', { address: '127.0.0.2' }],
    ['spec.ports', { ports: [{ port: 1, appPort: 9 }] }],
    ['spec.outbound', { outbound: [{ port: 5, service: 'pay', servicePort: 6 }] }],
    ['spec.admin', { admin: { port: 9 } }],
  ];
  for (const [field, change] of waiting) {
    it(`of ${field} wait for a restart, which is said once for each`, () => {
      const edits = new WorkloadEdits();
      assert.deepEqual(told(edits, web()), []);
      assert.deepEqual(told(edits, web(change)), [`${field} of Workload shop/web changed: restart to apply`]);
      assert.deepEqual(told(edits, web(change)), []);
      assert.deepEqual(told(edits, web()), []);
    });
  }

  it('of what is followed do not wait', () => {
    const edits = new WorkloadEdits();
    told(edits, web());
    const ports: Spec['ports'] = [{ name: 'http', port: 1, appPort: 2, protocol: 'HTTP' }];
    assert.deepEqual(told(edits, web({ labels: { app: 'web' }, service: 'web', ports })), []);
  });
});
