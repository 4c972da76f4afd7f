import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { collect } from './collect.ts';
import { readDocuments } from './documents.ts';

const workload = (namespace: string, name: string, rest = '') => `apiVersion: weft.dev/v1alpha1
kind: Workload
metadata: {name: ${name}, namespace: ${namespace}}
spec:
  serviceAccount: sa
  ports: [{port: 18280, appPort: 18281}]
  admin: {port: 18282}
${rest}`;
const payments = (namespace = 'shop') => workload(namespace, 'payments', '  service: payments\n');
const calling = (service: string, port: number) =>
  workload('shop', 'web', `  outbound:\n    - {port: 18101, service: ${service}, servicePort: ${port}}\n`);

function collected(...documents: string[]) {
  const { workloads, problems } = collect([readDocuments(documents.join('---\n'), 'a.yaml')]);
  return {
    names: workloads.map(({ metadata }) => `${metadata.namespace}/${metadata.name}`),
    told: problems.map(({ file, line, message }) => `${file}:${line}: ${message}`),
  };
}

describe('the documents of a folder', () => {
  it('have no two workloads whose proxies would share a folder', () => {
    const { names, told } = collected(workload('a-b', 'c'), workload('a', 'b-c'));
    assert.deepEqual(names, ['a-b/c']);
    assert.deepEqual(told, [
      'a.yaml:9: Workload a/b-c is left out: its proxy would be a-b-c, as that of a-b/c is: rename one of them',
    ]);
  });

  it('have no workload whose proxy id is no DNS label', () => {
    const { names, told } = collected(workload('shop', 'w'.repeat(63)));
    assert.deepEqual(names, []);
    assert.match(told[0]!, /^a\.yaml:1: Workload shop\/w+ is left out: namespace and name are too long/);
  });

  for (const service of ['payments', 'shop/payments']) {
    it(`may call ${service}, which a workload offers`, () => {
      assert.deepEqual(collected(calling(service, 18280), payments()).told, []);
    });
  }

  it('are reported when they call a port that is not offered, with what is', () => {
    const { names, told } = collected(calling('payments', 19281), payments());
    assert.deepEqual(names, ['shop/web', 'shop/payments']);
    assert.deepEqual(told, [
      'a.yaml:9: shop/web calls payments:19281, and no workload offers that; shop/payments offers 18280',
    ]);
  });

  it('are reported when they call a service that is not there, with those that are', () => {
    assert.match(
      collected(calling('payment', 18280), payments(), payments('other')).told[0]!,
      /calls payment:18280, and no workload offers that; the services are other\/payments, shop\/payments$/,
    );
    assert.match(collected(calling('payment', 1)).told[0]!, /no workload names a service$/);
  });
});
